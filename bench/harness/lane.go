package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/benchctl/benchctl/apps/conform"
	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/measure"
	"github.com/benchctl/benchctl/bench/plan"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/scenarios"
	"github.com/benchctl/benchctl/scenarios/slo"
	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/control"
)

// Each candidate is loaded before its first slice, in a closed loop in parts of
// warmUpPart, until it has answered warmUpReplies or warmUpParts are over: fast ones
// have seen enough sooner, and time spent here is not spent on slices. At a rate it
// is as many parts as two requests take. Its speed in the last part decides how
// long its slices are.
const (
	warmUpPart    = 100 * time.Millisecond
	warmUpParts   = 3
	warmUpReplies = 5000
)

// lane is a candidate with its connections in a block.
type lane struct {
	*runner
	index   int // of the block
	block   results.Block
	app     suite.Instance
	session load.Session // nil: not open
	window  load.Window
	rate    float64           // req/s that are offered; 0 in a closed loop
	ceiling float64           // req/s in a closed loop; 0: not measured
	company *load.Accompanied // nil: there is none
	idleKiB *float64          // memory of each of its idle connections
	stuck   int               // slices in a row in which requests timed out
	rests   bool              // has connections in its slices only
	search  *slo.Staircase    // where the highest rate that meets an objective is searched
	speed   float64           // replies per second once it was warm
	slowest time.Duration     // the longest response time of its warm-up

	working  bool      // was seen at work in another's slice
	restless int       // slices in a row after which it did not come to rest
	used     *int64    // CPU time at the end of its last slice, in ns
	rested   time.Time // when that was
}

// close ends the lane's connections, those of its company too.
func (l *lane) close() {
	if l.session != nil {
		_ = l.session.Close()
		l.session = nil
	}
	if l.company != nil {
		l.company.Close()
		l.company = nil
	}
}

// runs tells whether the lane's candidate is still measured in its block.
func (l *lane) runs() bool { return l != nil && !l.run.isOut(l.Name, l.index) }

// open passes the candidate through the gate, opens its connections, warms it up and looks
// whether it runs as it was started. The candidate may be out after that; an error is
// ctx's, or of what the load generator lacks.
func (l *lane) open(ctx context.Context) error {
	if err := l.gate(ctx, "before the load"); err != nil {
		return err
	}
	if err := l.warm(ctx, l.block.Load.Mean()); err != nil {
		return err
	}
	if l.runs() {
		l.judge(l.deed(l.tree.PIDs()))
	}
	if err := l.accompany(ctx); err != nil {
		return err
	}
	l.rest()
	return nil
}

// leave looks once more at a candidate whose load is over: whether it runs as it was started,
// and passes the gate. It may be out after that; an error is as open's.
func (l *lane) leave(ctx context.Context) error {
	if !l.runs() {
		return nil
	}
	if err := l.faithful(ctx); err != nil || !l.runs() {
		return err
	}
	return l.gate(ctx, "after the load")
}

// wake opens what rest closed. The candidate is out if it does not take it; an
// error is as open's.
func (l *lane) wake(ctx context.Context) error {
	if l.session != nil {
		return nil
	}
	// Last those that carry the load: a server may give each that has not carried
	// anything yet a thread, and wait.
	if err := l.accompany(ctx); err != nil {
		return err
	}
	return l.connect(ctx)
}

// rest closes the lane's connections until its next slice where the system would
// not hold those of all lanes at once.
func (l *lane) rest() {
	if l.rests {
		l.close()
	}
}

// gate checks the candidate's replies with the lane's app; a failure takes it out
// of the block. An error is ctx's, or of what the load generator lacks to check anything.
func (l *lane) gate(ctx context.Context, when string) error {
	var uses []string
	if l.block.Load.Close {
		uses = append(uses, conform.UsesClose)
	}
	err := conform.Gated(conform.App(ctx, conform.Target{Address: l.address, Carries: l.Server.Carries, HTTP2: l.Server.Protocol == servers.H2C}, l.app, uses...))
	if err != nil {
		return l.unable(ctx, fmt.Errorf("conformance %s: %w", when, err))
	}
	return nil
}

// unable takes the candidate out of the block for what it could not do. If that is for the
// end of ctx, or for what the load generator lacks, it is returned instead.
func (l *lane) unable(ctx context.Context, why error) error {
	if own := load.Lack(why); own != nil {
		return own
	}
	if ctx.Err() == nil && l.survives(lastMoment) {
		l.fail(why)
	}
	return ctx.Err()
}

// lastMoment is how long a candidate that just failed a request is given to turn
// out to be dying: its sockets close before its end is known.
const lastMoment = 250 * time.Millisecond

// survives tells whether the candidate still runs after d; if it does not, it is out
// of the block.
func (l *lane) survives(d time.Duration) bool {
	if !l.ended() {
		select {
		case <-l.process.Done():
		case <-time.After(d):
			return true
		}
	}
	l.fail(l.process.Death())
	return false
}

// fail takes the candidate out of the block. The first failure stands.
func (l *lane) fail(why error) {
	if l.run.isOut(l.Name, l.index) {
		return
	}
	l.run.drop(l.Name, l.index, why.Error())
	if l.record.BlockFailures == nil {
		l.record.BlockFailures = make(map[int]string)
	}
	l.record.BlockFailures[l.index] = why.Error()
	l.run.observe(Event{Kind: Failed, Launch: l.record.Launch, Candidate: l.Name, Scenario: l.block.Scenario, App: l.block.App, Text: why.Error()})
}

// accompany opens the block's clients beside the load and finds out what memory an
// idle one takes. The candidate is out if it does not take them; an error is as open's.
func (l *lane) accompany(ctx context.Context) error {
	if l.block.Load.Company == (scenarios.Company{}) || !l.runs() {
		return nil
	}
	before := l.memory()
	company, err := load.Accompany(ctx, l.address, l.block.Load.Company, l.targets()[0])
	if err != nil {
		return l.unable(ctx, err)
	}
	l.company = company
	if after := l.memory(); l.block.Load.Idle > 0 && l.idleKiB == nil && before != nil && after != nil {
		l.idleKiB = new(float64)
		*l.idleKiB = (*after - *before) * 1024 / float64(l.block.Load.Idle)
	}
	return nil
}

// connect opens the candidate's connections for load at the lane's rate. The
// candidate is out if it does not take them; an error is as open's.
func (l *lane) connect(ctx context.Context) (err error) {
	if !l.runs() {
		return nil
	}
	if l.session, err = load.Open(ctx, l.config()); err != nil {
		l.session = nil
		return l.unable(ctx, err)
	}
	return nil
}

// warm opens connections for a rate, 0 for a closed loop, and warms the candidate
// up, which tells how long its slices are to be.
func (l *lane) warm(ctx context.Context, rate float64) error {
	l.rate = rate
	if err := l.connect(ctx); err != nil || l.session == nil {
		return err
	}
	speed, err := l.warmUp(ctx)
	if err != nil || !l.runs() {
		l.close()
		return err
	}
	l.speed = speed
	l.pace()
	return nil
}

// pace sets lead-in and length of the candidate's slices by its speed and its time scale.
func (l *lane) pace() {
	l.window.Lead, l.window.Span = plan.Slice(l.run.plan, l.block, l.speed, l.scale())
}

// warmUp tells how many requests the candidate answers per second once it is warm.
// A candidate that does not answer, or answers wrongly, is out after it.
func (l *lane) warmUp(ctx context.Context) (speed float64, err error) {
	span, parts := warmUpPart, warmUpParts
	if l.rate > 0 {
		span, parts = max(warmUpParts*warmUpPart, time.Duration(2/l.rate*float64(time.Second))), 1
	}
	for answered := uint64(0); answered < warmUpReplies && parts > 0; parts-- {
		res, err := l.session.Slice(ctx, load.Window{Span: span})
		if err == nil {
			err = lacking(res)
		}
		if err != nil || !l.sound(res) {
			return 0, err
		}
		answered += res.Answered
		l.slowest = max(l.slowest, res.Longest)
		if res.Errors[load.ErrTimeout] > 0 {
			parts = 1 // each would wait as long again
		}
		speed = float64(res.Counted) / res.Elapsed.Seconds()
	}
	return speed, nil
}

// pollFor is how long the load generator polls before it sleeps. To wake it took
// servers about 1 µs of CPU time, a tenth of what light ones spend on a request
// (docs/measurements.md): more seldom than this it is no more than 1 %.
const pollFor = 100 * time.Microsecond

// mayPoll tells whether the load generator has whole cores of its own, all the time:
// polling would take something from the servers otherwise.
func mayPoll(c Config, conditions measure.Conditions) bool {
	apart := len(c.ServerCPUs) > 0 && len(c.LoaderCPUs) > 0 && !overlap(c.LoaderCPUs, c.ServerCPUs)
	return apart && !conditions.Limited() && !control.ShareCore(os.DirFS("/"), c.LoaderCPUs, c.ServerCPUs)
}

// poll is pollFor, unless other clients of the block need the processors.
func (l *lane) poll() time.Duration {
	if !l.run.polls || l.block.Load.Company != (scenarios.Company{}) {
		return 0
	}
	return pollFor
}

// config makes the load of the block on the candidate, at the lane's rate or in a
// closed loop.
func (l *lane) config() load.Config {
	c := load.Config{Address: l.address, Targets: l.targets(), Load: l.block.Load, H2C: l.Server.Protocol == servers.H2C, Poll: l.poll()}
	if l.rate > 0 {
		c.Pacer = load.Constant(l.rate)
	}
	return c
}

// sound judges what the candidate did under load: it takes it out if it died,
// hangs, or answers wrongly.
func (l *lane) sound(res *load.Result) bool {
	patience := time.Duration(0)
	if res.Errored() > 0 {
		patience = lastMoment
	}
	switch {
	case !l.survives(patience):
	case res.Wrong > 0:
		l.fail(fmt.Errorf("wrong body under load: %s", res.WrongBody))
	case res.Answered == 0 && res.Errored() > 0: // or nothing was asked
		l.fail(fmt.Errorf("answers nothing under load: %s", describe(res)))
	}
	return l.runs()
}

// lacking is an error if the load generator lacked something of its own in a slice, which
// is no candidate's fault and would be every one's.
func lacking(res *load.Result) error {
	if res.Errors[load.ErrLoader] == 0 {
		return nil
	}
	return errors.New(res.Examples[load.ErrLoader])
}

// maxStuck is in how many slices in a row requests may time out.
const maxStuck = 3

// waits takes the candidate out of a block in which requests time out again and
// again: its row is void by that, and each of its slices takes as long as a request
// is waited for. A search goes where that happens, and turns back there.
func (l *lane) waits(res *load.Result) {
	if l.stuck++; l.block.Load.SLO != nil || res.Errors[load.ErrTimeout] == 0 {
		l.stuck = 0
	}
	if l.stuck == maxStuck {
		l.fail(fmt.Errorf("requests time out: %s in the last of %d slices in a row", describe(res), maxStuck))
	}
}

// describe lists the errors of a load.
func describe(res *load.Result) string {
	var all results.Errors
	all.Add(res.Errors, res.Causes, res.Examples)
	return all.String()
}
