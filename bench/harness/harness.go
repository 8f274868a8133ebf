// Package harness measures: launch after launch, it starts the candidates, lets an experiment
// measure them, and stops them. Results go to the store, round by round.
package harness

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/benchctl/benchctl/bench/launch"
	"github.com/benchctl/benchctl/bench/measure"
	"github.com/benchctl/benchctl/bench/paired"
	"github.com/benchctl/benchctl/bench/plan"
	"github.com/benchctl/benchctl/bench/timeline"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/judge"
)

// Experiment is what happens between the start of a launch and its stop: how the cells of a
// block are measured.
type Experiment interface {
	// Together reports whether the candidates of a launch are to run at once. If not, the
	// experiment starts and stops each for itself.
	Together() bool
	// Measure measures rounds of a block with the candidates of a launch and records them.
	// The field has nil for those who were not started, and is empty if they are not to run
	// together. An error is ctx's,
	// launch.ErrBudget, what benchctl lacks (agent.Lack), or of the store: what a candidate
	// does wrong is recorded.
	Measure(ctx context.Context, block int, rounds []results.RoundKey, field []*launch.Runner) error
	// Takes is how long the least useful part of a launch took last in a block.
	Takes(number, block int) time.Duration
	// Reserve is the part of the budget that is kept for a block's later needs, from a launch on.
	Reserve(number, block int) time.Duration
}

// Run measures what the store's plan has left. It returns ctx's error if that
// ended it, launch.ErrBudget, what benchctl itself lacks (agent.Lack), or the error of a
// store that could not be written; a candidate's failure is recorded and is no error.
// However it ends, no candidate is left running and what was measured is in the store.
func Run(ctx context.Context, c launch.Config) error {
	record, err := results.Read(c.Store.Dir())
	if err != nil {
		return err
	}
	r, err := newRun(c, record)
	if err != nil {
		return err
	}
	if err := r.Warn(measure.Leftovers()); err != nil {
		return err
	}
	for number := range r.Plan.Launches {
		if r.filled(number) || r.spare(number) {
			continue
		}
		left := plan.Left(r.Plan, number, r.Done)
		for b := range left {
			if r.Precise(b) {
				left[b] = nil
			}
		}
		if r.nothing(left) {
			continue
		}
		if err := r.InBudget(r.Overhead); err != nil {
			return err
		}
		if err := r.calibrate(ctx); err != nil {
			return err
		}
		if err := r.launch(ctx, number, left); err != nil {
			return err
		}
	}
	return nil
}

// run is a launch.Run with the experiments that its blocks ask for.
type run struct {
	*launch.Run
	experiments []Experiment  // one for each block
	calibrated  bool          // this attempt looked at the machine
	closing     time.Duration // what follows the loads of a launch: last checks, and the stop of all
}

func newRun(c launch.Config, record *results.Record) (*run, error) {
	shared, err := launch.New(c, record)
	if err != nil {
		return nil, err
	}
	r := &run{Run: shared, closing: plan.ClosingTime(shared.Plan)}
	var compares, watches Experiment = paired.New(shared), timeline.New(shared)
	for _, b := range r.Plan.Blocks {
		if b.Load.Watched() {
			r.experiments = append(r.experiments, watches)
		} else {
			r.experiments = append(r.experiments, compares)
		}
	}
	return r, nil
}

// nothing reports whether a launch has nothing left to measure, or nobody.
func (r *run) nothing(left [][]results.RoundKey) bool {
	for b, rounds := range left {
		if len(rounds) == 0 {
			continue
		}
		for _, c := range r.Candidates {
			if !r.IsOut(c.Name, b) {
				return false
			}
		}
	}
	return true
}

// filled reports whether a launch has had its share of the budget in an earlier
// attempt.
func (r *run) filled(number int) bool {
	return r.Plan.Fill && (number < r.Begun() || judge.Status(r.Record) == judge.StatusComplete)
}

// spare reports whether a launch is left out: the rest of a budget may have room for fewer
// launches than planned, if slices took long or gave way to passes. Launches that begin with
// passes are not left out.
func (r *run) spare(number int) bool {
	switch {
	case !r.Plan.Fill || number == 0:
		return false
	case r.Until(r.Deadline) < r.Overhead:
		return true
	case number < r.Plan.Passes:
		return false
	}
	takes := r.Overhead
	for b, x := range r.experiments {
		takes += x.Takes(number, b)
	}
	return r.Plan.Launches-number > max(1, int(r.Until(r.Deadline)/takes))
}

// launch starts the candidates afresh, measures what is left in this launch, and
// stops them.
func (r *run) launch(ctx context.Context, number int, left [][]results.RoundKey) (err error) {
	r.Tell(launch.Event{Kind: launch.Starting, Launch: number})
	began := r.Now()
	r.Loads, r.Loaded = 0, began
	r.Ends = began.Add((r.Until(r.Deadline)-r.reserve(number))/time.Duration(r.Plan.Launches-number) - r.closing)
	var field []*launch.Runner
	if r.together() {
		field, err = r.Start(ctx, number)
	}
	starting := r.Since(began)
	defer func() {
		defer r.spent(began, starting)
		if failed := r.Stop(field); err == nil { // one full disk is one error
			err = failed
		}
	}()
	if err != nil {
		return err
	}
	for b, rounds := range left {
		if len(rounds) == 0 {
			continue
		}
		if r.Plan.Fill {
			r.Share = r.Now().Add(r.Until(r.Ends) / time.Duration(len(left)-b))
		}
		if err := r.experiments[b].Measure(ctx, b, rounds, field); err != nil {
			return fmt.Errorf("%s, %s: %w", r.Plan.Blocks[b].Scenario, r.Plan.Blocks[b].App, err)
		}
	}
	return nil
}

// spent notes what a launch that is over took beside its loads, as the next will. The first may have waited for replies of
// candidates that are out by now: of what lies between its start and its loads, as much is expected again as its last checks
// took.
func (r *run) spent(began time.Time, starting time.Duration) {
	first := r.Overhead == 0
	r.closing = r.Since(r.Loaded)
	r.Overhead = r.Since(began) - r.Loads
	if first {
		r.Overhead = min(r.Overhead, max(plan.LaunchTime(r.Plan), starting+2*r.closing))
	}
}

// together reports whether an experiment has the candidates run at once.
func (r *run) together() bool { return slices.ContainsFunc(r.experiments, Experiment.Together) }

// reserve is what of the budget is kept for later needs from a launch on.
func (r *run) reserve(number int) (sum time.Duration) {
	for b, x := range r.experiments {
		sum += x.Reserve(number, b)
	}
	return sum
}
