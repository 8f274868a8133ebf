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
	load, err := x.Loader.Watch(ctx, agent.Offer{Address: c.Address, App: block.Ask(c.Layers), Seed: x.Plan.Seed, Load: block.Load})
	if err != nil {
		return nil, err
	}
	end := newEnding(x.Host, c.ID, load)
	defer end.forget()
	happens := &happenings{host: x.Host, id: c.ID, load: load}
	err = happens.take(ctx, block.Load.Moments(), func() { w.HadBefore = x.Host.Holdings(c.ID) })
	if err == nil {
		err = load.Wait(ctx, block.Load.Slice-load.Now())
	}
	w.Length, w.HadAfter, w.Deed = load.Now(), x.Host.Holdings(c.ID), x.Host.Deed(c.ID)
	seen, failed := load.End()
	w.Events = happens.wait()
	if err := cmp.Or(err, failed); err != nil {
		return nil, err
	}
	w.Wall = time.Since(w.At)
	w.Steal, w.Host = measure.Between(steal, x.Host.Steal()), x.Host.Beside()
	w.LoaderWait, w.LoaderRuns = seen.Wait, seen.Runs
	ids, err := x.Host.Requests(c.ID)
	if err != nil {
		return nil, err
	}
	tell(w, seen.Result, ids)
	w.Ended, w.Exit = end.told(ctx, block.Load.Stops())
	return w, ctx.Err()
}

// ending watches for the end of a candidate.
type ending struct {
	host  agent.Host
	id    agent.ID
	load  agent.Watching
	ended chan end
	over  chan struct{} // nobody wants to know
	done  chan struct{} // nobody looks any more
}

// end is when a candidate ended, and how.
type end struct {
	at  time.Duration
	how string
}

func newEnding(host agent.Host, id agent.ID, load agent.Watching) *ending {
	e := &ending{host: host, id: id, load: load, ended: make(chan end, 1), over: make(chan struct{}), done: make(chan struct{})}
	go e.look()
	return e
}

// look waits until the candidate has ended, or is forgotten.
func (e *ending) look() {
	defer close(e.done)
	for {
		if how := e.host.Ended(e.id, lookFor); how != nil {
			e.ended <- end{e.load.Now(), how.Error()}
			return
		}
		select {
		case <-e.over:
			return
		default:
		}
	}
}

// lookFor is how long an ending is waited for at a time.
const lookFor = 100 * time.Millisecond

// told is when and how the candidate ended, nil if it still runs. An end that is to come is
// waited for.
func (e *ending) told(ctx context.Context, isToCome bool) (*time.Duration, string) {
	most := time.Duration(0)
	if isToCome {
		most = lastWait
	}
	timer := time.NewTimer(most)
	defer timer.Stop()
	select { // whatever the time is
	case was := <-e.ended:
		return &was.at, was.how
	default:
	}
	select {
	case was := <-e.ended:
		return &was.at, was.how
	case <-timer.C:
	case <-ctx.Done():
	}
	return nil, ""
}

// forget ends the looking.
func (e *ending) forget() {
	close(e.over)
	<-e.done
}

// happenings are events that take place.
type happenings struct {
	host agent.Host
	id   agent.ID // of the candidate
	load agent.Watching

	mu   sync.Mutex
	done []results.Happened
	all  sync.WaitGroup
}

// take lets the events take place, each at its time, whether or not the one before is done.
// First is called right before the first.
func (h *happenings) take(ctx context.Context, moments []scenarios.Moment, first func()) error {
	for i, m := range moments {
		const ahead = 100 * time.Millisecond // for first
		if i == 0 {
			if err := pause(ctx, m.At-ahead-h.load.Now()); err != nil {
				return err
			}
			first()
		}
		if err := pause(ctx, m.At-h.load.Now()); err != nil {
			return err
		}
		h.all.Go(func() { h.do(ctx, m) })
	}
	return nil
}

// do does one thing.
func (h *happenings) do(ctx context.Context, m scenarios.Moment) {
	e := results.Happened{Do: m.Do, Due: m.At, Began: h.load.Now()}
	var err error
	if e.Event().IsFault() || e.Event().IsChange() {
		var done agent.Harmed
		done, err = h.host.Harm(h.id, m.Do, h.load.Gave())
		e.PID, e.Guessed = done.PID, done.Guessed
	} else {
		var ack control.Ack
		ack, err = h.host.Ask(ctx, h.id, control.Verb(m.Do))
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
