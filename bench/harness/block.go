package harness

import (
	"context"
	"slices"
	"time"

	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/bench/agent"
	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/plan"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/servers"
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
	if err := r.quiet(ctx, lanes); err != nil {
		return err
	}
	if block.Load.FollowsCeiling() {
		if err := r.ceilings(ctx, rounds[0], lanes); err != nil {
			return err
		}
	}
	if err := r.pass(ctx, rounds[0].Launch, b, lanes); err != nil {
		return err
	}
	for _, key := range rounds {
		if err := r.inBudget(r.length(lanes, key.Round)); err != nil {
			return err
		}
		if err := r.round(ctx, key, lanes); err != nil {
			return err
		}
		if r.precise(b) || r.shared(key, r.length(lanes, key.Round+1)) {
			break
		}
	}
	closeAll(lanes)
	for _, l := range lanes {
		if err := l.leave(ctx); err != nil {
			return err
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
	rests := !r.Loader.Holds(len(field), block.Load.AtOnce())
	var late []*lane
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
		session, err := r.Loader.Open(agent.Offer{
			Address: field[i].address, App: block.App, Seed: r.plan.Seed, Load: block.Load, HTTP2: field[i].Server.Protocol == servers.H2C,
		})
		if err != nil {
			return lanes, err
		}
		lanes[i] = &lane{runner: field[i], index: b, block: block, app: app, rests: rests, session: session}
		if err := lanes[i].enter(ctx); err != nil {
			return lanes, err
		}
		if lanes[i].heating == nil {
			continue
		}
		span, parts := lanes[i].warmUpPlan()
		w, ok := lanes[i].warmed(time.Duration(parts)*span + lateAfter)
		switch {
		case !ok && !rests:
			late = append(late, lanes[i])
			continue
		case !ok: // whose connections have to be closed before others open theirs
			w = lanes[i].await()
		}
		if err := lanes[i].settled(ctx, w); err != nil {
			return lanes, err
		}
	}
	return lanes, r.overdue(ctx, late)
}

func closeAll(lanes []*lane) {
	for _, l := range lanes {
		if l != nil {
			l.close()
		}
	}
}

// length is how long a round takes at least.
func (r *run) length(lanes []*lane, round int) time.Duration {
	var takes time.Duration
	due := r.due(lanes, round)
	for _, l := range lanes {
		if l.runs() && due(l) {
			takes += l.takes()
		}
	}
	return takes
}

// due tells which lanes have a slice in a round.
func (r *run) due(lanes []*lane, round int) func(*lane) bool {
	usual := median(lanes)
	return func(l *lane) bool { return round/2%plan.Every(r.plan, l.takes(), usual) == 0 }
}

// inBudget fails with ErrBudget if what takes so long ends after the deadline.
func (r *run) inBudget(takes time.Duration) error {
	if !r.deadline.IsZero() && takes > r.until(r.deadline) {
		return ErrBudget
	}
	return nil
}

// shared tells whether the block has had its share of the budget after this
// round. Rounds come in twos, and one two is always measured.
func (r *run) shared(after results.RoundKey, takes time.Duration) bool {
	return r.plan.Fill && after.Round%2 == 1 && 2*takes > r.until(r.share)
}

// round lets each candidate take one slice and records all of them at once. A
// round that is interrupted is not recorded: its ratios would not be paired.
func (r *run) round(ctx context.Context, key results.RoundKey, lanes []*lane) error {
	block := r.plan.Blocks[key.Block]
	window := func(l *lane) agent.Window { return l.window }
	trials, times, err := r.turns(ctx, key, plan.Order(r.plan.Seed, key, r.plan.Candidates), lanes, r.due(lanes, key.Round), window)
	if err != nil {
		return err
	}
	if err := r.Store.AppendRound(trials, times); err != nil {
		return err
	}
	r.done[key] = true
	r.record.Trials = append(r.record.Trials, trials...)
	r.observe(Event{Kind: Round, Launch: key.Launch, Scenario: block.Scenario, App: block.App})
	return nil
}

// takes is how long a slice of the candidate takes at least.
func (l *lane) takes() time.Duration { return l.window.Lead + l.window.Span }

// median is what a slice of a usual candidate takes; 0 if there is none.
func median(lanes []*lane) time.Duration {
	var all []time.Duration
	for _, l := range lanes {
		if l.runs() {
			all = append(all, l.takes())
		}
	}
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// turns lets each candidate that is due take its window of load, in the given order.
func (r *run) turns(ctx context.Context, key results.RoundKey, order []int, lanes []*lane, due func(*lane) bool, window func(*lane) agent.Window) ([]results.Trial, []results.Times, error) {
	block := r.plan.Blocks[key.Block]
	r.Host.Beside() // what was up to here is of no trial
	var trials []results.Trial
	var times []results.Times
	for _, at := range order {
		l := lanes[at]
		if !l.runs() || !due(l) {
			continue
		}
		if err := l.wake(ctx); err != nil {
			return nil, nil, err
		}
		if !l.runs() {
			continue
		}
		w := window(l)
		w.Rate, w.Arrivals = l.rate, plan.ArrivalSeed(r.plan.Seed, key)
		t, res, err := l.slice(ctx, lanes, w)
		if err != nil {
			return nil, nil, err
		}
		t.Launch, t.Attempt, t.Block, t.Round, t.Position = key.Launch, r.attempt, key.Block, key.Round, len(trials)
		t.Scenario, t.App, t.Candidate = block.Scenario, block.App, l.Name
		if l.search != nil {
			t.SLO = l.step(*block.Load.SLO, res)
		}
		l.rest()
		t.Host = r.Host.Beside()
		trials, times = append(trials, t), append(times, timesOf(res))
		l.judge(t.Deed)
		if l.sound(res) {
			l.waits(t, res)
		}
		l.dismiss(t, lanes)
	}
	return trials, times, nil
}

// timesOf is the times of a slice; in a closed loop, response is service as well.
func timesOf(res agent.Seen) results.Times {
	if res.SendLag == nil {
		return results.Times{Response: res.Response, First: res.First}
	}
	return results.Times{Response: res.Response, Service: res.Service, SendLag: res.SendLag, Late: res.Late, First: res.First}
}

// slice drives one slice of load and reads what it cost both sides, and what the
// other candidates did meanwhile.
func (l *lane) slice(ctx context.Context, lanes []*lane, w agent.Window) (results.Trial, agent.Seen, error) {
	t := results.Trial{Lead: w.Lead}
	if w.Parts > 0 {
		t.Pass = &results.Pass{BeforeMiB: l.memory()}
	}
	l.run.Host.Counters(l.id) // what was up to here is of no trial
	before := l.meters(lanes)
	l.idled(&t, before)
	t.At = before.at
	res, err := l.session.Slice(ctx, w)
	if err == nil {
		err = lacking(res)
	}
	if err != nil {
		return results.Trial{}, res, err
	}
	t.Wall = time.Since(t.At)
	after := l.meters(lanes)
	t.Counters = l.run.Host.Counters(l.id)
	tell(&t, &res.Result)
	l.charge(&t, before, after, res)
	l.beside(&t, before, after, lanes)
	t.MemoryMiB, t.Deed = l.memory(), l.run.Host.Deed(l.id)
	t.IdleKept, t.IdleKiB = res.IdleKept, l.idleKiB
	t.Rate, t.Ceiling = l.rate, l.ceiling
	if l.rate > 0 {
		t.Due = res.Requests + res.Missed
	}
	return t, res, l.calm(ctx, &t)
}

// tell takes what the load saw.
func tell(t *results.Trial, res *load.Result) {
	t.Sent, t.Answered, t.Counted, t.Elapsed = res.Sent, res.Answered, res.Counted, res.Elapsed
	t.BytesIn, t.WireIn = res.BytesIn, res.WireIn
	t.Errors, t.Causes, t.Examples = res.Errors, res.Causes, res.Examples
	t.Compared, t.Wrong, t.WrongBody = res.Compared, res.Wrong, res.WrongBody
	t.Stale, t.StaleAge, t.Hasty, t.Folded = res.Stale, res.StaleAge, res.Hasty, res.Folded
	t.Reconnects, t.Repeated = res.Reconnects, res.Repeated
	t.Busy, t.Longest, t.Scale = res.Busy, res.Longest, scaleOf(res)
	if res.Spreads > 0 {
		t.Spread = new(time.Duration)
		*t.Spread = res.SpreadSeen / time.Duration(res.Spreads)
	}
	if t.Pass != nil {
		t.Pass.Parts = res.Parts
	}
}

// scaleOf is the mean response time weighted by itself; 0 if there was none.
func scaleOf(res *load.Result) time.Duration {
	if res.Busy <= 0 {
		return 0
	}
	return time.Duration(res.Squared / res.Busy.Seconds() * float64(time.Second))
}

// charge tells the CPU time of both sides.
func (l *lane) charge(t *results.Trial, before, after meters, res agent.Seen) {
	t.ServerCPU, t.Steal = since(before.of(l), after.of(l)), since(before.steal, after.steal)
	t.LoaderCPU, t.LoaderWait, t.LoaderRuns = res.CPU, res.Wait, res.Runs
}

// meters are readings in ns; nil where the system does not tell.
type meters struct {
	at      time.Time
	steal   *int64
	servers map[*lane]*int64 // CPU time
}

// of is the CPU time of a lane's candidate.
func (m meters) of(l *lane) *int64 { return m.servers[l] }

func (l *lane) meters(lanes []*lane) meters {
	m := meters{steal: l.run.Host.Steal(), servers: l.run.spent(lanes)}
	m.at = time.Now()
	return m
}

func since(before, after *int64) *int64 {
	if before == nil || after == nil {
		return nil
	}
	d := *after - *before
	return &d
}
