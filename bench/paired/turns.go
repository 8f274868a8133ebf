package paired

import (
	"context"
	"time"

	"github.com/benchctl/benchctl/bench/agent"
	"github.com/benchctl/benchctl/bench/measure"
	"github.com/benchctl/benchctl/bench/plan"
	"github.com/benchctl/benchctl/results"
)

// turn is what the candidates of a round, or of passes, have taken so far.
type turn struct {
	*Experiment
	key    results.RoundKey
	lanes  []*lane
	trials []results.Trial
	times  []results.Times
}

// turns lets each candidate that is due take its window of load, in the given order. A pass
// that only waits for replies, of a server that does nothing for them, is waited for at the
// end.
func (x *Experiment) turns(ctx context.Context, key results.RoundKey, order []int, lanes []*lane, due func(*lane) bool, window func(*lane) agent.Window) ([]results.Trial, []results.Times, error) {
	x.Host.Beside() // what was up to here is of no trial
	t := &turn{Experiment: x, key: key, lanes: lanes}
	var aside []*taking
	defer func() {
		for _, late := range aside {
			<-late.done
		}
	}()
	for _, at := range order {
		l, err := t.next(ctx, lanes[at], due)
		if err != nil {
			return nil, nil, err
		}
		if l == nil {
			continue
		}
		w := window(l)
		w.Rate, w.Arrivals = l.rate, plan.ArrivalSeed(x.Plan.Seed, key)
		now := l.take(ctx, lanes, w)
		if !now.over(w) {
			aside = append(aside, now)
			x.Host.Beside() // it is of no other trial
			continue
		}
		if err := t.took(now, x.Host.Beside()); err != nil {
			return nil, nil, err
		}
	}
	for _, late := range aside {
		<-late.done
		late.trial.LoaderCPU, late.trial.LoaderWait, late.trial.LoaderRuns = nil, nil, 0 // others were loaded meanwhile
		if err := t.took(late, nil); err != nil {
			return nil, nil, err
		}
	}
	return t.trials, t.times, nil
}

// next is a lane that is ready for its window; nil if it is not to have one.
func (t *turn) next(ctx context.Context, l *lane, due func(*lane) bool) (*lane, error) {
	if err := t.catchUp(ctx, t.lanes); err != nil {
		return nil, err
	}
	if l.isLate() {
		if err := t.overdue(ctx, t.lanes); err != nil {
			return nil, err
		}
	}
	if !l.runs() || !due(l) {
		return nil, nil
	}
	if err := l.wake(ctx); err != nil || !l.runs() {
		return nil, err
	}
	return l, nil
}

// took notes what a candidate has taken, and judges what it did.
func (t *turn) took(now *taking, host *results.Host) error {
	if now.err != nil {
		return now.err
	}
	l, trial, block := now.lane, now.trial, t.Plan.Blocks[t.key.Block]
	trial.Launch, trial.Attempt, trial.Block, trial.Round, trial.Position = t.key.Launch, t.Attempt, t.key.Block, t.key.Round, len(t.trials)
	trial.Scenario, trial.App, trial.Candidate = block.Scenario, block.App, l.Name
	if l.search != nil {
		trial.SLO = l.step(*block.Load.SLO, now.seen)
	}
	l.rest()
	trial.Host = host
	t.trials, t.times = append(t.trials, trial), append(t.times, timesOf(now.seen))
	l.judge(trial.Deed)
	if l.sound(now.seen) {
		l.waits(trial, now.seen)
	}
	l.dismiss(trial, t.lanes)
	return nil
}

// taking is a slice or a pass that is in progress.
type taking struct {
	lane  *lane
	done  chan struct{} // closed when the rest is known
	trial results.Trial
	seen  agent.Seen
	err   error
}

func (l *lane) take(ctx context.Context, lanes []*lane, w agent.Window) *taking {
	t, now := &taking{lane: l, done: make(chan struct{})}, runningOf(lanes)
	go func() {
		defer close(t.done)
		t.trial, t.seen, t.err = l.slice(ctx, lanes, now, w)
	}()
	return t
}

// over waits until it is done. Of a pass whose window is over it does not wait any longer
// while the server is at rest.
func (t *taking) over(w agent.Window) bool {
	if w.Parts == 0 || t.lane.rests {
		<-t.done
		return true
	}
	most := w.Lead + w.Span + lateAfter
	for {
		late := time.NewTimer(most)
		select {
		case <-t.done:
			late.Stop()
			return true
		case <-late.C:
		}
		if t.lane.doesNothing() {
			return false
		}
		most = lateAfter
	}
}

// doesNothing reports whether the candidate is at rest for a glance.
func (l *lane) doesNothing() bool {
	before := l.spent()
	time.Sleep(glance)
	used := measure.Between(before, l.spent())
	return used != nil && float64(*used) <= atRest*float64(glance) && !l.Run.Host.Runs(l.ID)
}
