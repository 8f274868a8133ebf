package paired

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/benchctl/benchctl/apps/conform"
	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/bench/agent"
	"github.com/benchctl/benchctl/bench/launch"
	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/plan"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/scenarios"
	"github.com/benchctl/benchctl/scenarios/slo"
	"github.com/benchctl/benchctl/servers"
)

// lane is a candidate with its connections in a block.
type lane struct {
	*launch.Runner
	index     int // of the block
	block     results.Block
	app       suite.Instance
	session   agent.Session
	connected bool
	heating   <-chan warmth // of a warm-up that has begun; nil: none has
	cool      func()        // ends it
	again     bool          // it was late, and is the second one
	window    agent.Window
	rate      float64        // req/s that are offered; 0 in a closed loop
	ceiling   float64        // req/s in a closed loop; 0: not measured
	idleKiB   *float64       // memory of each of its idle connections
	stuck     int            // slices in a row in which requests timed out
	rests     bool           // has connections in its slices only
	search    *slo.Staircase // where the highest rate that meets an objective is searched
	speed     float64        // replies per second once it was warm
	slowest   time.Duration  // the longest response time of its warm-up

	working  atomic.Bool // was seen at work in another's slice
	restless int         // slices in a row after which it did not come to rest
	used     *int64      // CPU time at the end of its last slice, in ns
	rested   time.Time   // when that was
}

// close ends the lane's connections, those of its company too.
func (l *lane) close() {
	l.chill()
	if l.session != nil {
		l.session.Rest()
	}
	l.connected = false
}

// runs reports whether the lane's candidate is still measured in its block.
func (l *lane) runs() bool { return l != nil && !l.Run.IsOut(l.Name, l.index) }

// leave looks once more at a candidate whose load is over: whether it runs as it was started,
// and passes the gate. It may be out after that; an error is as enter's.
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
// error is as enter's.
func (l *lane) wake(ctx context.Context) error {
	if l.connected {
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
	err := conform.Gated(conform.App(ctx, conform.Target{Address: l.Address, Carries: l.Carries, HTTP2: l.Server.Protocol == servers.H2C}, l.app, uses...))
	if err != nil {
		return l.unable(ctx, fmt.Errorf("conformance %s: %w", when, err))
	}
	return nil
}

// unable takes the candidate out of the block for what it could not do. If that is for the
// end of ctx, or for what the load generator lacks, it is returned instead.
func (l *lane) unable(ctx context.Context, why error) error {
	if own := agent.Lack(why); own != nil {
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

// survives reports whether the candidate still runs after d; if it does not, it is out
// of the block.
func (l *lane) survives(d time.Duration) bool {
	death := l.Run.Host.Ended(l.ID, d)
	if death != nil {
		l.fail(death)
	}
	return death == nil
}

// fail takes the candidate out of the block.
func (l *lane) fail(why error) { l.Fail(l.index, why) }

// accompany opens the block's clients beside the load and determines what memory an
// idle one takes. The candidate is out if it does not take them; an error is as enter's.
func (l *lane) accompany(ctx context.Context) error {
	if l.block.Load.Company == (scenarios.Company{}) || !l.runs() {
		return nil
	}
	before := l.Memory()
	if err := l.session.Accompany(ctx); err != nil {
		return l.unable(ctx, err)
	}
	if after := l.Memory(); l.block.Load.Idle > 0 && l.idleKiB == nil && before != nil && after != nil {
		l.idleKiB = new(float64)
		*l.idleKiB = (*after - *before) * 1024 / float64(l.block.Load.Idle)
	}
	return nil
}

// connect opens the candidate's connections for load at the lane's rate. The
// candidate is out if it does not take them; an error is as enter's.
func (l *lane) connect(ctx context.Context) error {
	if !l.runs() {
		return nil
	}
	if err := l.session.Connect(ctx, l.rate); err != nil {
		return l.unable(ctx, err)
	}
	l.connected = true
	return nil
}

// pace sets lead-in and length of the candidate's slices by its speed and its time scale.
func (l *lane) pace() {
	l.window.Lead, l.window.Span = plan.Slice(l.Run.Plan, l.block, l.speed, l.scale())
}

// sound judges what the candidate did under load: it takes it out if it died,
// hangs, or answers wrongly.
func (l *lane) sound(res agent.Seen) bool {
	patience := time.Duration(0)
	if res.Errored() > 0 {
		patience = lastMoment
	}
	if l.survives(patience) {
		if wrong := amiss(res); wrong != nil {
			l.fail(wrong)
		}
	}
	return l.runs()
}

// amiss is what a load saw that invalidates a row; nil for nothing.
func amiss(res agent.Seen) error {
	switch {
	case res.Wrong > 0:
		return fmt.Errorf("wrong body under load: %s", res.WrongBody)
	case res.Answered == 0 && res.Errored() > 0: // or nothing was asked
		return fmt.Errorf("answers nothing under load: %s", describe(res))
	}
	return nil
}

// lacking is an error if the load generator lacked something of its own in a slice, which
// is no candidate's fault and would be every one's.
func lacking(res agent.Seen) error {
	if res.Errors[load.ErrLoader] == 0 {
		return nil
	}
	return errors.New(res.Examples[load.ErrLoader])
}

// maxStuck is in how many slices in a row requests may time out, maxStuckShare the share of
// requests of a pass that may.
const (
	maxStuck      = 3
	maxStuckShare = 0.001
)

// waits takes the candidate out of a block in which requests time out repeatedly: its row
// is invalid, and each of its slices takes as long as the timeout. A search reaches rates
// where that happens, and then turns back.
func (l *lane) waits(t results.Trial, res agent.Seen) {
	timeouts := res.Errors[load.ErrTimeout]
	if l.stuck++; l.block.Load.SLO != nil || timeouts == 0 {
		l.stuck = 0
		return
	}
	switch {
	case t.Pass != nil && float64(timeouts) > maxStuckShare*float64(res.Sent):
		l.fail(fmt.Errorf("requests time out: %s of %d in %.3g s without a break", describe(res), res.Sent, t.Elapsed.Seconds()))
	case l.stuck == maxStuck:
		l.fail(fmt.Errorf("requests time out: %s in the last of %d slices in a row", describe(res), maxStuck))
	}
}

// describe lists the errors of a load.
func describe(res agent.Seen) string {
	var all results.Errors
	all.Add(res.Errors, res.Causes, res.Examples)
	return all.String()
}
