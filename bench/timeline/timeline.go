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
	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/bench/agent"
	"github.com/benchctl/benchctl/bench/launch"
	"github.com/benchctl/benchctl/bench/plan"
	"github.com/benchctl/benchctl/results"
)

// Experiment measures the blocks of a run that have events.
type Experiment struct {
	*launch.Run
	used map[*launch.Runner]bool // was watched: the next time takes another process
}

// New is the experiment of a run.
func New(r *launch.Run) *Experiment { return &Experiment{r, make(map[*launch.Runner]bool)} }

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
func (x *Experiment) Measure(ctx context.Context, b int, rounds []results.RoundKey, field []*launch.Runner) error {
	block := x.Plan.Blocks[b]
	x.Tell(launch.Event{Kind: launch.Measuring, Launch: rounds[0].Launch, Scenario: block.Scenario, App: block.App})
	for i, key := range rounds {
		if err := x.InBudget(x.round(b)); err != nil {
			return err
		}
		var round []results.Watch
		for _, at := range plan.Order(x.Plan.Seed, key, x.Plan.Candidates) {
			w, err := x.turn(ctx, &field[at], key, i == 0)
			if err != nil {
				return err
			}
			if w != nil {
				round = append(round, *w)
			}
		}
		if err := x.Store.AppendWatches(round); err != nil {
			return err
		}
		x.Done[key] = true
		x.Record.Watches = append(x.Record.Watches, round...)
		x.Tell(launch.Event{Kind: launch.Round, Launch: key.Launch, Scenario: block.Scenario, App: block.App})
	}
	return ctx.Err()
}

// turn watches a candidate, in a process that was started for it; nil if it is out.
func (x *Experiment) turn(ctx context.Context, c **launch.Runner, key results.RoundKey, first bool) (*results.Watch, error) {
	if *c == nil || x.IsOut((*c).Name, key.Block) {
		return nil, nil
	}
	if x.used[*c] || (*c).Ended() {
		again, err := x.Again(ctx, *c)
		*c = again
		if err != nil || x.IsOut(again.Name, key.Block) {
			return nil, err
		}
	}
	x.used[*c] = true
	if first {
		if err := x.gate(ctx, *c, key.Block); err != nil || x.IsOut((*c).Name, key.Block) {
			return nil, err
		}
	}
	w, err := x.watch(ctx, *c, key)
	if own := agent.Lack(err); err == nil || own != nil || ctx.Err() != nil {
		return w, err
	}
	(*c).Fail(key.Block, err)
	return nil, nil
}

// gate checks the candidate's replies with the block's app; a failure takes it out of the
// block. An error is ctx's, or of what the load generator lacks to check anything.
func (x *Experiment) gate(ctx context.Context, c *launch.Runner, block int) error {
	app, err := suite.Parse(x.Plan.Blocks[block].App)
	if err != nil {
		return err
	}
	err = conform.Gated(conform.App(ctx, conform.Target{Address: c.Address, Carries: c.Server.Carries}, app))
	if own := agent.Lack(err); err == nil || own != nil || ctx.Err() != nil {
		return own
	}
	c.Fail(block, fmt.Errorf("conformance before the load: %w", err))
	return nil
}
