package harness

import (
	"context"
	"time"

	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/measure"
	"github.com/benchctl/benchctl/bench/plan"
	"github.com/benchctl/benchctl/results"
)

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
		BytesIn: res.BytesIn, Errors: res.Errors, Compared: res.Compared, Wrong: res.Wrong, WrongBody: res.WrongBody,
		Stale: res.Stale, StaleAge: res.StaleAge, Reconnects: res.Reconnects,
	}
	after := l.meters()
	t.ServerCPU, t.LoaderCPU, t.Steal = since(before.server, after.server), since(before.loader, after.loader), since(before.steal, after.steal)
	if t.LoaderCPU != nil {
		*t.LoaderCPU = max(0, *t.LoaderCPU-res.Polled.Nanoseconds())
	}
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
