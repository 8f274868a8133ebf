package harness

import (
	"context"
	"fmt"
	"time"

	"github.com/benchctl/benchctl/apps/conform"
	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/measure"
	"github.com/benchctl/benchctl/bench/plan"
	"github.com/benchctl/benchctl/bench/slo"
	"github.com/benchctl/benchctl/results"
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
}

// block measures one scenario with one app: the rounds that are left of it.
func (r *run) block(ctx context.Context, b int, rounds []results.RoundKey, field []*runner) error {
	block := r.plan.Blocks[b]
	r.observe(Event{Kind: Measuring, Launch: rounds[0].Launch, Scenario: block.Scenario, App: block.App})
	lanes, err := r.open(ctx, b, rounds[0].Launch, field)
	defer closeAll(lanes)
	if err != nil {
		return err
	}
	if block.Ceiling() {
		if err := r.ceilings(ctx, rounds[0], lanes); err != nil {
			return err
		}
	}
	for _, key := range rounds {
		if err := r.inBudget(length(lanes)); err != nil {
			return err
		}
		if err := r.round(ctx, key, lanes); err != nil {
			return err
		}
		if r.precise(b) || r.shared(key, length(lanes)) {
			break
		}
	}
	closeAll(lanes)
	for _, l := range lanes {
		if l.runs() {
			l.gate(ctx, "after the load")
		}
	}
	return ctx.Err()
}

// open gives each candidate that is not out of the block a lane; the others' are
// nil. Who died in an earlier block of the launch is started again.
func (r *run) open(ctx context.Context, b, launch int, field []*runner) ([]*lane, error) {
	block, lanes := r.plan.Blocks[b], make([]*lane, len(field))
	app, err := suite.Parse(block.App)
	if err != nil {
		return lanes, err
	}
	rests := !r.conditions.Holds(len(field), block.AtOnce())
	for _, i := range plan.StartOrder(launch, len(field)) {
		if field[i] == nil || r.isOut(field[i].Name, b) {
			continue
		}
		if field[i].ended() {
			if field[i], err = r.again(ctx, field[i]); err != nil {
				return lanes, err
			}
			if r.isOut(field[i].Name, b) {
				continue
			}
		}
		lanes[i] = &lane{runner: field[i], index: b, block: block, app: app, rests: rests}
		if err := lanes[i].open(ctx); err != nil {
			return lanes, err
		}
	}
	return lanes, nil
}

func closeAll(lanes []*lane) {
	for _, l := range lanes {
		if l != nil {
			l.close()
		}
	}
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

// open passes the candidate through the gate, opens its connections and warms it
// up. The candidate may be out after that; an error is ctx's.
func (l *lane) open(ctx context.Context) error {
	l.gate(ctx, "before the load")
	if err := l.warm(ctx, l.block.Mean()); err != nil {
		return err
	}
	if err := l.accompany(ctx); err != nil {
		return err
	}
	l.rest()
	return nil
}

// wake opens what rest closed. The candidate is out if it does not take it; an
// error is ctx's.
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
// of the block.
func (l *lane) gate(ctx context.Context, when string) {
	var uses []string
	if l.block.Close {
		uses = append(uses, conform.UsesClose)
	}
	err := conform.Gated(conform.App(ctx, conform.Target{Address: l.address, Carries: l.Server.Carries}, l.app, uses...))
	if err != nil {
		_ = l.unable(ctx, fmt.Errorf("conformance %s: %w", when, err))
	}
}

// unable takes the candidate out of the block for what it could not do, unless that
// is for the end of ctx, whose error it returns.
func (l *lane) unable(ctx context.Context, why error) error {
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
	err := fmt.Errorf("died: %s", l.process.Exit())
	if tail := control.LogTail(l.log(), 3); tail != "" {
		err = fmt.Errorf("%w; its log ends:\n%s", err, tail)
	}
	l.fail(err)
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
// idle one takes. The candidate is out if it does not take them; an error is ctx's.
func (l *lane) accompany(ctx context.Context) error {
	if l.block.Company == (results.Company{}) || !l.runs() {
		return nil
	}
	before := l.memory()
	company, err := load.Accompany(ctx, l.address, load.Company(l.block.Company), Targets(l.app, l.address)[0])
	if err != nil {
		return l.unable(ctx, err)
	}
	l.company = company
	if after := l.memory(); l.block.Idle > 0 && l.idleKiB == nil && before != nil && after != nil {
		l.idleKiB = new(float64)
		*l.idleKiB = (*after - *before) * 1024 / float64(l.block.Idle)
	}
	return nil
}

// connect opens the candidate's connections for load at the lane's rate. The
// candidate is out if it does not take them; an error is ctx's.
func (l *lane) connect(ctx context.Context) (err error) {
	if !l.runs() {
		return nil
	}
	if l.session, err = load.Open(ctx, l.block.Engine, l.config()); err != nil {
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
	l.window.Lead, l.window.Span = plan.Slice(l.run.plan, l.block, speed)
	return nil
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
		if err != nil || !l.sound(res) {
			return 0, err
		}
		answered += res.Answered
		if res.Errors[load.ErrTimeout] > 0 {
			parts = 1 // each would wait as long again
		}
		speed = float64(res.Counted) / res.Elapsed.Seconds()
	}
	return speed, nil
}

// config makes the load of the block on the candidate, at the lane's rate or in a
// closed loop.
func (l *lane) config() load.Config {
	b := l.block
	c := load.Config{
		Address: l.address, Targets: Targets(l.app, l.address), H2C: l.Server.Protocol == servers.H2C, Connections: b.Connections,
		Depth: b.Pipeline, Requests: b.Requests, Close: b.Close, First: b.FirstByte, Timeout: b.Timeout,
	}
	if l.rate > 0 {
		c.Pacer = load.Constant(l.rate)
	}
	return c
}

// Targets makes an app's exchange, or those of a mix, into targets of load at
// address.
func Targets(app suite.Instance, address string) []load.Target {
	var all []load.Target
	for _, p := range app.Parts() {
		t := target(p.Exchange(), address)
		t.Weight = p.Weight
		all = append(all, t)
	}
	return all
}

func target(x suite.Exchange, address string) load.Target {
	t := load.Target{Status: x.Status, Length: x.Length, Match: x.Match, Whole: x.Whole}
	t.Method, t.URL, t.Body, t.Header = x.Method, "http://"+address+x.Target, x.Body, make(map[string][]string)
	for _, h := range x.Header {
		t.Header.Add(h[0], h[1])
	}
	return t
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
	case res.Answered == 0:
		l.fail(fmt.Errorf("answers nothing under load: %s", describe(res.Errors)))
	}
	return l.runs()
}

// maxStuck is in how many slices in a row requests may time out.
const maxStuck = 3

// waits takes the candidate out of a block in which requests time out again and
// again: its row is void by that, and each of its slices takes as long as a request
// is waited for. A search goes where that happens, and turns back there.
func (l *lane) waits(res *load.Result) {
	if l.stuck++; l.block.SLO != nil || res.Errors[load.ErrTimeout] == 0 {
		l.stuck = 0
	}
	if l.stuck == maxStuck {
		l.fail(fmt.Errorf("requests time out: %s in the last of %d slices in a row", describe(res.Errors), maxStuck))
	}
}

func describe(errors map[string]uint64) string {
	if len(errors) == 0 {
		return "no reply came"
	}
	return results.Kinds(errors)
}

// length is how long a round takes at least.
func length(lanes []*lane) time.Duration {
	var takes time.Duration
	for _, l := range lanes {
		if l != nil {
			takes += l.window.Lead + l.window.Span
		}
	}
	return takes
}

// inBudget fails with ErrBudget if what takes so long ends after the deadline.
func (r *run) inBudget(takes time.Duration) error {
	if !r.deadline.IsZero() && time.Now().Add(takes).After(r.deadline) {
		return ErrBudget
	}
	return nil
}

// shared tells whether the block has had its share of the budget after this
// round. Rounds come in twos, and one two is always measured.
func (r *run) shared(after results.RoundKey, takes time.Duration) bool {
	return r.plan.Fill && after.Round%2 == 1 && time.Now().Add(2*takes).After(r.share)
}

// round lets each candidate take one slice and records all of them at once. A
// round that is interrupted is not recorded: its ratios would not be paired.
func (r *run) round(ctx context.Context, key results.RoundKey, lanes []*lane) error {
	block := r.plan.Blocks[key.Block]
	r.host.begin()
	var trials []results.Trial
	var times []results.Times
	for _, at := range plan.Order(r.plan.Seed, key, len(lanes)) {
		l := lanes[at]
		if !l.runs() {
			continue
		}
		if err := l.wake(ctx); err != nil {
			return err
		}
		if !l.runs() {
			continue
		}
		t, res, err := l.slice(ctx, paced(block, l.window, l.rate, plan.ArrivalSeed(r.plan.Seed, key)))
		if err != nil {
			return err
		}
		t.Launch, t.Attempt, t.Block, t.Round, t.Position = key.Launch, r.attempt, key.Block, key.Round, len(trials)
		t.Scenario, t.App, t.Candidate = block.Scenario, block.App, l.Name
		if l.search != nil {
			t.SLO = l.step(*block.SLO, res)
		}
		l.rest()
		trials, times = append(trials, t), append(times, timesOf(res))
		if l.sound(res) {
			l.waits(res)
		}
	}
	host := r.host.round()
	for i := range trials {
		trials[i].Host = host
	}
	if err := r.Store.AppendRound(trials, times); err != nil {
		return err
	}
	r.done[key] = true
	r.record.Trials = append(r.record.Trials, trials...)
	r.observe(Event{Kind: Round, Launch: key.Launch, Scenario: block.Scenario, App: block.App})
	return nil
}

// timesOf is the times of a slice; in a closed loop, response is service as well.
func timesOf(res *load.Result) results.Times {
	if res.SendLag == nil {
		return results.Times{Response: res.Response, First: res.First}
	}
	return results.Times{Response: res.Response, Service: res.Service, SendLag: res.SendLag, Late: res.Late, First: res.First}
}

// slice drives one slice of load and reads what it cost both sides.
func (l *lane) slice(ctx context.Context, w load.Window) (results.Trial, *load.Result, error) {
	if l.company != nil {
		l.company.Begin()
		defer l.company.End()
	}
	before := l.meters()
	at := time.Now()
	res, err := l.session.Slice(ctx, w)
	if err != nil {
		return results.Trial{}, nil, err
	}
	t := results.Trial{
		At: at, Wall: time.Since(at), Sent: res.Sent, Answered: res.Answered, Counted: res.Counted, Elapsed: res.Elapsed,
		BytesIn: res.BytesIn, Errors: res.Errors, Sampled: res.Sampled, Wrong: res.Wrong, WrongBody: res.WrongBody,
		Stale: res.Stale, StaleAge: res.StaleAge, Reconnects: res.Reconnects,
	}
	after := l.meters()
	t.ServerCPU, t.LoaderCPU, t.Steal = since(before.server, after.server), since(before.loader, after.loader), since(before.steal, after.steal)
	t.LoaderWait, t.LoaderRuns = since(before.wait, after.wait), after.runs-before.runs
	t.MemoryMiB = l.memory()
	if l.company != nil {
		t.IdleKept, t.IdleKiB = l.company.Idle(), l.idleKiB
	}
	t.Rate, t.Ceiling = l.rate, l.ceiling
	if l.rate > 0 {
		t.Due = res.Metrics.Requests + res.Missed
	}
	return t, res, nil
}

// meters are readings in ns; nil where the system does not tell.
type meters struct {
	server, loader, wait, steal *int64
	runs                        uint64
}

func (l *lane) meters() meters {
	m := meters{server: read(l.tree.CPU), loader: read(measure.SelfCPU), steal: read(l.run.host.Steal)}
	m.wait = read(func() (waited time.Duration, err error) {
		waited, m.runs, err = l.run.wait.Read()
		return waited, err
	})
	return m
}

func read(meter func() (time.Duration, error)) *int64 {
	d, err := meter()
	if err != nil {
		return nil
	}
	ns := d.Nanoseconds()
	return &ns
}

func since(before, after *int64) *int64 {
	if before == nil || after == nil {
		return nil
	}
	d := *after - *before
	return &d
}
