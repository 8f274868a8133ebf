// Package paired is the experiment that compares: the candidates of a launch take slices of load
// in turn, while the others are alive and idle, so that a disturbance of the machine affects all
// of them. The slices of each are compared with an uninterrupted pass.
package paired

import (
	"context"

	"github.com/benchctl/benchctl/bench/launch"
	"github.com/benchctl/benchctl/results"
)

// Experiment measures the blocks of a run in paired slices.
type Experiment struct{ *launch.Run }

// New is the experiment of a run.
func New(r *launch.Run) *Experiment { return &Experiment{r} }

// Together implements harness.Experiment: the candidates of a launch run at once.
func (x *Experiment) Together() bool { return true }

// Measure implements harness.Experiment.
func (x *Experiment) Measure(ctx context.Context, b int, rounds []results.RoundKey, field []*launch.Runner) error {
	block := x.Plan.Blocks[b]
	x.Tell(launch.Event{Kind: launch.Measuring, Launch: rounds[0].Launch, Scenario: block.Scenario, App: block.App})
	x.dropVoid(b) // of an earlier attempt
	lanes, err := x.open(ctx, b, rounds[0].Launch, field)
	defer closeAll(lanes)
	if err != nil {
		return err
	}
	if err := x.quiet(ctx, lanes); err != nil {
		return err
	}
	if block.Load.FollowsCeiling() {
		if err := x.overdue(ctx, lanes); err != nil {
			return err
		}
		if err := x.ceilings(ctx, rounds[0], lanes); err != nil {
			return err
		}
	}
	if err := x.pass(ctx, rounds[0].Launch, b, lanes); err != nil {
		return err
	}
	if err := x.overdue(ctx, lanes); err != nil { // where there was no pass
		return err
	}
	for _, key := range rounds {
		if err := x.InBudget(x.least(lanes, key.Round)); err != nil {
			return err
		}
		began := x.Now()
		if err := x.round(ctx, key, lanes); err != nil {
			return err
		}
		x.Load(began)
		if x.Precise(b) || x.shared(key, x.length(b, lanes, key.Round+1)) {
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
