package paired

import (
	"context"
	"slices"
	"time"

	"github.com/benchctl/benchctl/bench/agent"
	"github.com/benchctl/benchctl/bench/launch"
	"github.com/benchctl/benchctl/bench/measure"
	"github.com/benchctl/benchctl/bench/plan"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/judge"
	"github.com/benchctl/benchctl/servers"
)

// open returns a lane for each candidate that is not out of the block, nil for the others.
// A candidate that died in an earlier block of the launch is started again.
func (x *Experiment) open(ctx context.Context, b, number int, field []*launch.Runner) ([]*lane, error) {
	block, lanes := x.Plan.Blocks[b], make([]*lane, len(field))
	rests := !x.Loader.Holds(len(field), block.Load.AtOnce())
	for _, i := range plan.StartOrder(number, len(field)) {
		var err error
		if lanes[i], err = x.lane(ctx, b, i, field); err != nil {
			return lanes, err
		}
		if lanes[i] == nil {
			continue
		}
		lanes[i].rests = rests
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
			continue // it is late
		case !ok: // whose connections have to be closed before others open theirs
			w = lanes[i].await()
		}
		if err := lanes[i].settled(ctx, w); err != nil {
			return lanes, err
		}
	}
	return lanes, nil
}

// lane is that of a candidate in a block, nil if it is out.
func (x *Experiment) lane(ctx context.Context, b, i int, field []*launch.Runner) (*lane, error) {
	if field[i] == nil || x.IsOut(field[i].Name, b) {
		return nil, nil
	}
	if field[i].Ended() {
		var err error
		if field[i], err = x.Again(ctx, field[i]); err != nil || x.IsOut(field[i].Name, b) {
			return nil, err
		}
	}
	c, block := field[i], x.Plan.Blocks[b]
	asked := block.Ask(c.Layers)
	app, err := asked.Instance()
	if err != nil {
		return nil, err
	}
	session, err := x.Loader.Open(agent.Offer{
		Address: c.Address, App: asked, Seed: x.Plan.Seed, Load: block.Load, HTTP2: c.Server.Protocol == servers.H2C,
	})
	return &lane{Runner: c, index: b, block: block, app: app, session: session}, err
}

func closeAll(lanes []*lane) {
	for _, l := range lanes {
		if l != nil {
			l.close()
		}
	}
}

// least is how long a round takes at least: the windows of load.
func (x *Experiment) least(lanes []*lane, round int) (takes time.Duration) {
	due := x.due(lanes, round)
	for _, l := range lanes {
		if l.runs() && due(l) {
			takes += l.takes()
		}
	}
	return takes
}

// length is about how long a round takes: windows of load, and what the latest slices took beside those, where that was
// not unusually long.
func (x *Experiment) length(b int, lanes []*lane, round int) (takes time.Duration) {
	due, seen := x.due(lanes, round), x.seen(b)
	for _, l := range lanes {
		if l.runs() && due(l) {
			t := seen.latest[l.Name]
			takes += l.takes() + min(l.takes(), max(0, t.Wall-t.Lead-t.Elapsed)) + seen.between
		}
	}
	return takes
}

// seen is what a block's slices took so far.
type seen struct {
	latest  map[string]results.Trial // by candidate
	between time.Duration            // from the end of one to the next in the latest round, on average
}

func (x *Experiment) seen(b int) seen {
	s := seen{latest: make(map[string]results.Trial)}
	var last []results.Trial // round
	for _, t := range x.Record.Trials {
		if t.Block != b {
			continue
		}
		s.latest[t.Candidate] = t
		if len(last) > 0 && (last[0].Launch != t.Launch || last[0].Round != t.Round) {
			last = nil
		}
		last = append(last, t)
	}
	for i := 1; i < len(last); i++ {
		s.between += max(0, last[i].At.Sub(last[i-1].At)-last[i-1].Wall) / time.Duration(len(last)-1)
	}
	return s
}

// due tells which lanes have a slice in a round.
func (x *Experiment) due(lanes []*lane, round int) func(*lane) bool {
	usual := median(lanes)
	return func(l *lane) bool { return round/2%plan.Every(x.Plan, l.takes(), usual) == 0 }
}

// shared reports whether the block has had its share of the budget after this
// round. Rounds come in twos, and one two is always measured.
func (x *Experiment) shared(after results.RoundKey, takes time.Duration) bool {
	return x.Plan.Fill && after.Round%2 == 1 && 2*takes > x.Until(x.Share)
}

// round lets each candidate take one slice and records all of them at once. A
// round that is interrupted is not recorded: its ratios would not be paired.
func (x *Experiment) round(ctx context.Context, key results.RoundKey, lanes []*lane) error {
	block := x.Plan.Blocks[key.Block]
	window := func(l *lane) agent.Window { return l.window }
	trials, times, err := x.turns(ctx, key, plan.Order(x.Plan.Seed, key, x.Plan.Candidates), lanes, x.due(lanes, key.Round), window)
	if err != nil {
		return err
	}
	if err := x.Store.AppendRound(trials, times); err != nil {
		return err
	}
	x.Done[key] = true
	x.Record.Trials = append(x.Record.Trials, trials...)
	x.dropVoid(key.Block)
	x.Tell(launch.Event{Kind: launch.Round, Launch: key.Launch, Scenario: block.Scenario, App: block.App})
	return nil
}

// dropVoid takes out candidates whose rows are already invalid, if the time is limited: more
// slices would not change that, and a candidate that starves connections takes the whole
// timeout.
func (x *Experiment) dropVoid(b int) {
	if !x.Plan.Fill {
		return
	}
	for _, c := range x.Candidates {
		if !x.IsOut(c.Name, b) && judge.Void(x.Record, b, c.Name) {
			x.Drop(c.Name, b, "its row is void by what was seen of it")
		}
	}
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

// timesOf is the times of a slice; in a closed loop, response is service as well.
func timesOf(res agent.Seen) results.Times {
	if res.SendLag == nil {
		return results.Times{Response: res.Response, First: res.First}
	}
	return results.Times{Response: res.Response, Service: res.Service, SendLag: res.SendLag, Late: res.Late, First: res.First}
}

// slice drives one slice of load and reads what it cost both sides, and what the
// other candidates did meanwhile.
func (l *lane) slice(ctx context.Context, lanes []*lane, running running, w agent.Window) (results.Trial, agent.Seen, error) {
	t := results.Trial{Lead: w.Lead}
	if w.Parts > 0 {
		t.Pass = &results.Pass{BeforeMiB: l.Memory()}
	}
	l.Run.Host.Counters(l.ID) // what was up to here is of no trial
	before := l.meters(running)
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
	after := l.meters(running)
	t.Counters = l.Run.Host.Counters(l.ID)
	agent.Record(&t, &res.Result)
	l.charge(&t, before, after, res)
	l.beside(&t, before, after, lanes)
	t.MemoryMiB, t.Deed = l.Memory(), l.Run.Host.Deed(l.ID)
	t.IdleKept, t.IdleKiB = res.IdleKept, l.idleKiB
	t.Rate, t.Ceiling = l.rate, l.ceiling
	if l.rate > 0 {
		t.Due = res.Requests + res.Missed
	}
	return t, res, l.calm(ctx, &t)
}

// charge tells the CPU time of both sides.
func (l *lane) charge(t *results.Trial, before, after meters, res agent.Seen) {
	t.ServerCPU, t.Steal = measure.Between(before.of(l), after.of(l)), measure.Between(before.steal, after.steal)
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

func (l *lane) meters(r running) meters {
	m := meters{steal: l.Run.Host.Steal(), servers: r.spent(l.Run.Host)}
	m.at = time.Now()
	return m
}
