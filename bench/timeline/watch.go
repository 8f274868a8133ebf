package timeline

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/benchctl/benchctl/bench/agent"
	"github.com/benchctl/benchctl/bench/launch"
	"github.com/benchctl/benchctl/bench/measure"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/scenarios"
	"github.com/benchctl/benchctl/servers/control"
)

// lastWait is how long after the load a candidate that was asked to stop is waited for.
const lastWait = 10 * time.Second

// watch loads a candidate, lets the events happen, and tells what was seen.
func (x *Experiment) watch(ctx context.Context, c *launch.Runner, key results.RoundKey) (*results.Watch, error) {
	block := x.Plan.Blocks[key.Block]
	w := &results.Watch{
		Launch: key.Launch, Attempt: x.Attempt, Block: key.Block, Round: key.Round, Scenario: block.Scenario, App: block.App, Candidate: c.Name, At: time.Now(),
	}
	x.Host.Beside() // what was up to here is of no watch
	steal := x.Host.Steal()
	load, err := x.Loader.Watch(ctx, agent.Offer{Address: c.Address, App: block.App, Seed: x.Plan.Seed, Load: block.Load})
	if err != nil {
		return nil, err
	}
	end := x.ending(c, load)
	happens := newHappenings(x, c, load)
	begun := happens.take(ctx, block.Load.Events, func() { w.HadBefore = x.Host.Holdings(c.ID) })
	if err := cmp.Or(begun, pause(ctx, block.Load.Slice-load.Now())); err != nil {
		_, _ = load.End()
		happens.wait()
		return nil, err
	}
	w.Length, w.HadAfter = load.Now(), x.Host.Holdings(c.ID)
	seen, err := load.End()
	w.Events = happens.wait()
	w.Wall = time.Since(w.At)
	w.Steal, w.Host = measure.Between(steal, x.Host.Steal()), x.Host.Beside()
	if err != nil {
		return nil, err
	}
	w.LoaderWait, w.LoaderRuns = seen.Wait, seen.Runs
	ids, err := x.Host.Requests(c.ID)
	if err != nil {
		return nil, err
	}
	tell(w, seen.Result, ids)
	stops := slices.ContainsFunc(block.Load.Events, scenarios.Event.Stops)
	w.Ended, w.Exit = end(stops)
	return w, nil
}

// ending watches for the end of a candidate. What it returns tells when that was, and how,
// nil if it still runs; it waits for that if it is to come.
func (x *Experiment) ending(c *launch.Runner, load agent.Watching) func(wait bool) (*time.Duration, string) {
	type end struct {
		at  time.Duration
		how string
	}
	ended := make(chan end, 1)
	over := make(chan struct{})
	go func() {
		for {
			if how := x.Host.Ended(c.ID, 100*time.Millisecond); how != nil {
				ended <- end{load.Now(), how.Error()}
				return
			}
			select {
			case <-over:
				return
			default:
			}
		}
	}()
	return func(wait bool) (*time.Duration, string) {
		defer close(over)
		var most time.Duration
		if wait {
			most = lastWait
		}
		timer := time.NewTimer(most)
		defer timer.Stop()
		select { // whatever the time is
		case e := <-ended:
			return &e.at, e.how
		default:
		}
		select {
		case e := <-ended:
			return &e.at, e.how
		case <-timer.C:
			return nil, ""
		}
	}
}

// happenings are events that take place.
type happenings struct {
	experiment *Experiment
	candidate  *launch.Runner
	load       agent.Watching

	mu   sync.Mutex
	done []results.Happened
	all  sync.WaitGroup
}

func newHappenings(x *Experiment, c *launch.Runner, load agent.Watching) *happenings {
	return &happenings{experiment: x, candidate: c, load: load}
}

// moment is when something is to be done.
type moment struct {
	do string
	at time.Duration
}

func moments(events []scenarios.Event) (all []moment) {
	for _, e := range events {
		for _, at := range e.Moments() {
			all = append(all, moment{e.Do, at})
		}
	}
	slices.SortStableFunc(all, func(a, b moment) int { return cmp.Compare(a.at, b.at) })
	return all
}

// take lets the events take place, each at its time, whether or not the one before is done.
// First is called right before the first.
func (h *happenings) take(ctx context.Context, events []scenarios.Event, first func()) error {
	for i, m := range moments(events) {
		const ahead = 100 * time.Millisecond // for first
		if i == 0 {
			if err := pause(ctx, m.at-ahead-h.load.Now()); err != nil {
				return err
			}
			first()
		}
		if err := pause(ctx, m.at-h.load.Now()); err != nil {
			return err
		}
		h.all.Go(func() { h.do(ctx, m) })
	}
	return nil
}

// do does one thing.
func (h *happenings) do(ctx context.Context, m moment) {
	e := results.Happened{Do: m.do, Due: m.at, Began: h.load.Now()}
	var err error
	host, id := h.experiment.Host, h.candidate.ID
	if slices.Contains(scenarios.Faults(), m.do) {
		e.PID, err = host.Harm(id, m.do)
	} else {
		var ack control.Ack
		ack, err = host.Ask(ctx, id, control.Verb(m.do))
		e.PID = ack.PID
	}
	e.Done = h.load.Now()
	if err != nil {
		e.Error = err.Error()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.done = append(h.done, e)
}

// wait waits for what was begun and tells how it went.
func (h *happenings) wait() []results.Happened {
	h.all.Wait()
	slices.SortStableFunc(h.done, func(a, b results.Happened) int { return cmp.Compare(a.Due, b.Due) })
	return h.done
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
