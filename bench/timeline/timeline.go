// Package timeline is the experiment that watches: a candidate that was started for it is
// loaded, something is done to it at set moments, and what becomes of each request is told.
// What a server loses when it is reloaded, stopped or killed is a result here, and no reason
// to leave it out.
package timeline

import (
	"context"
	"fmt"
	"time"

	"github.com/benchctl/benchctl/apps/conform"
	"github.com/benchctl/benchctl/bench/agent"
	"github.com/benchctl/benchctl/bench/launch"
	"github.com/benchctl/benchctl/bench/plan"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/servers"
)

// Experiment measures the blocks of a run that have events.
type Experiment struct{ *launch.Run }

// New is the experiment of a run.
func New(r *launch.Run) *Experiment { return &Experiment{r} }

// Together implements harness.Experiment: each candidate runs while it is watched alone.
func (x *Experiment) Together() bool { return false }

// Takes implements harness.Experiment.
func (x *Experiment) Takes(_, block int) time.Duration { return x.round(block) }

// Reserve implements harness.Experiment. Nothing follows.
func (x *Experiment) Reserve(int, int) time.Duration { return 0 }

// round is how long a round takes at least.
func (x *Experiment) round(block int) (takes time.Duration) {
	for _, c := range x.Candidates {
		if !x.IsOut(c.Name, block) {
			takes += x.Plan.Blocks[block].Load.Slice
		}
	}
	return takes
}

// Measure implements harness.Experiment: each candidate is watched once in a round.
func (x *Experiment) Measure(ctx context.Context, b int, rounds []results.RoundKey, _ []*launch.Runner) error {
	block := x.Plan.Blocks[b]
	x.Tell(launch.Event{Kind: launch.Measuring, Launch: rounds[0].Launch, Scenario: block.Scenario, App: block.App})
	for _, key := range rounds {
		if err := x.InBudget(x.round(b)); err != nil {
			return err
		}
		for _, at := range plan.Order(x.Plan.Seed, key, x.Plan.Candidates) {
			c := x.Candidates[at]
			if x.IsOut(c.Name, b) || x.Record.Watched(key, c.Name) { // in an earlier attempt
				continue
			}
			if err := x.record(x.turn(ctx, c, key)); err != nil {
				return err
			}
		}
		x.Done[key] = true
		x.Tell(launch.Event{Kind: launch.Round, Launch: key.Launch, Scenario: block.Scenario, App: block.App})
	}
	return ctx.Err()
}

// record keeps what was watched, if there is something, as soon as it has been.
func (x *Experiment) record(w *results.Watch, err error) error {
	if err != nil || w == nil {
		return err
	}
	x.Record.Watches = append(x.Record.Watches, *w)
	return x.Store.AppendWatch(*w)
}

// turn watches a candidate in a process that is started for it, and stops it; nil if it
// turns out not to be fit for that.
func (x *Experiment) turn(ctx context.Context, candidate servers.Candidate, key results.RoundKey) (w *results.Watch, err error) {
	c, err := x.Spawn(ctx, key.Launch, candidate, key.Block)
	defer func() {
		if left := x.Retire(c); err == nil {
			err = left
		}
	}()
	if err != nil || x.IsOut(c.Name, key.Block) {
		return nil, err
	}
	if err := x.gate(ctx, c, key.Block); err != nil || x.IsOut(c.Name, key.Block) {
		return nil, err
	}
	w, err = x.watch(ctx, c, key)
	if own := agent.Lack(err); err == nil || own != nil || ctx.Err() != nil {
		return w, err
	}
	c.Fail(key.Block, err)
	return nil, nil
}

// gate checks the candidate's replies with the block's app; a failure takes it out of the
// block. An error is ctx's, or of what the load generator lacks to check anything.
func (x *Experiment) gate(ctx context.Context, c *launch.Runner, block int) error {
	app, err := x.Plan.Blocks[block].Ask(c.Layers).Instance()
	if err != nil {
		return err
	}
	err = conform.Gated(conform.App(ctx, conform.Target{Address: c.Address, Carries: c.Carries}, app))
	switch own := agent.Lack(err); {
	case err == nil:
		return nil
	case own != nil:
		return own
	case ctx.Err() != nil:
		return ctx.Err()
	}
	c.Fail(block, fmt.Errorf("conformance before the load: %w", err))
	return nil
}
