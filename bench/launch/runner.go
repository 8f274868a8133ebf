package launch

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/benchctl/benchctl/apps/stacked"
	"github.com/benchctl/benchctl/bench/agent"
	"github.com/benchctl/benchctl/bench/plan"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/control"
)

// Runner is one candidate in one launch.
type Runner struct {
	servers.Candidate
	Run     *Run
	ID      agent.ID // 0 if nothing of it runs
	Address string
	Record  results.Launch
}

// Start starts every candidate that is not out, and passes each through the gate. It starts
// them one after the other, so that no start-up slows another. The result has an entry for
// each candidate, nil for those not started.
func (r *Run) Start(ctx context.Context, launch int) ([]*Runner, error) {
	field := make([]*Runner, len(r.Candidates))
	for _, i := range plan.StartOrder(launch, len(field)) {
		c := r.Candidates[i]
		if r.IsOut(c.Name, EveryBlock) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return field, err
		}
		var err error
		if field[i], err = r.Spawn(ctx, launch, c, EveryBlock); err != nil {
			return field, err
		}
	}
	return field, nil
}

// Spawn starts a candidate for a block alone, or for EveryBlock. If that fails it is out of
// the run, or of the block where that has it be process 1; an error is ctx's, or of what
// benchctl itself lacks to start anybody.
func (r *Run) Spawn(ctx context.Context, launch int, candidate servers.Candidate, block int) (*Runner, error) {
	c := &Runner{Candidate: candidate, Run: r, Record: results.Launch{
		Launch: launch, Attempt: r.Attempt, Candidate: candidate.Name, Started: time.Now(),
	}}
	init := block != EveryBlock && r.Plan.Blocks[block].Load.AsInit()
	if err := c.start(ctx, init); err != nil {
		if ctx.Err() != nil {
			return c, ctx.Err()
		}
		if own := agent.Lack(err); own != nil {
			return c, own
		}
		if init {
			c.Fail(block, fmt.Errorf("as process 1 of a pid namespace: %w", err))
		} else {
			c.FailStart(err)
		}
		c.Stop() // what it still does would cost the others
		return c, nil
	}
	r.Tell(Event{Kind: Ready, Launch: launch, Candidate: c.Name, Took: time.Duration(*c.Record.StartupMS * 1e6)})
	return c, nil
}

// Again starts a candidate that died in an earlier block of the launch.
func (r *Run) Again(ctx context.Context, dead *Runner) (*Runner, error) {
	dead.Stop()
	if err := r.append(dead.Record); err != nil {
		return dead, err
	}
	return r.Spawn(ctx, dead.Record.Launch, dead.Candidate, EveryBlock)
}

// start starts the candidate, as process 1 if asked for, and waits until it is ready.
func (c *Runner) start(ctx context.Context, init bool) error {
	started, err := c.Run.Host.Start(ctx, agent.Start{Candidate: c.Name, App: c.firstApp(), Mounts: c.mounts(), Log: c.log(), Patience: c.Run.patience(c.Server.ReadyTimeout()), Init: init, Noted: c.Run.watches()})
	c.ID, c.Address = started.ID, started.Address
	if err != nil {
		return err
	}
	c.Record.StartupMS = new(float64)
	*c.Record.StartupMS = float64(started.Startup) / 1e6
	c.Record.IdleMiB = c.Memory()
	return nil
}

// watches reports whether a block of the run is watched around events.
func (r *Run) watches() bool {
	return slices.ContainsFunc(r.Plan.Blocks, func(b results.Block) bool { return b.Load.Watched() })
}

// mounts are the apps of the candidate's blocks that have layers around them.
func (c *Runner) mounts() (all []stacked.App) {
	for _, b := range c.Run.Plan.Blocks {
		if asked := b.Ask(""); asked.Stacked() && !slices.Contains(b.Without, c.Name) {
			all = append(all, asked)
		}
	}
	return all
}

// firstApp is what a candidate is asked until it is ready: hello, if it carries that,
// so that one that is wrong with an app is out of that app's cells alone.
func (c *Runner) firstApp() stacked.App {
	if c.Carries(hello) {
		return stacked.App{Name: hello}
	}
	for _, b := range c.Run.Plan.Blocks {
		if !slices.Contains(b.Without, c.Name) {
			return b.Ask("")
		}
	}
	return c.Run.Plan.Blocks[0].Ask("")
}

// hello is the app that costs nothing.
const hello = "hello"

// patience is how long a candidate is waited for that may take most: no longer than the
// budget lasts, and a second.
func (r *Run) patience(most time.Duration) time.Duration {
	if r.Deadline.IsZero() {
		return most
	}
	return min(most, max(time.Second, r.Until(r.Deadline)))
}

func (c *Runner) log() string {
	return filepath.Join(c.Run.Store.LogDir(), fmt.Sprintf("%s.%d.%d.log", results.SafeName(c.Name), c.Record.Launch, c.Record.Attempt))
}

// Memory is the candidate's memory in MiB, nil if the system does not tell.
func (c *Runner) Memory() *float64 { return c.Run.Host.Memory(c.ID) }

// Ended reports whether the candidate has ended.
func (c *Runner) Ended() bool { return c.ID == 0 || c.Run.Host.Ended(c.ID, 0) != nil }

// FailStart takes a candidate that could not be started out of the run.
func (c *Runner) FailStart(why error) {
	c.Run.Drop(c.Name, EveryBlock, why.Error())
	c.Record.Failure = why.Error()
	c.Run.Tell(Event{Kind: Failed, Launch: c.Record.Launch, Candidate: c.Name, Text: why.Error()})
}

// Fail takes the candidate out of a block for what it did. The first failure stands.
func (c *Runner) Fail(block int, why error) {
	if c.Run.IsOut(c.Name, block) {
		return
	}
	c.Run.Drop(c.Name, block, why.Error())
	if c.Record.BlockFailures == nil {
		c.Record.BlockFailures = make(map[int]string)
	}
	c.Record.BlockFailures[block] = why.Error()
	b := c.Run.Plan.Blocks[block]
	c.Run.Tell(Event{Kind: Failed, Launch: c.Record.Launch, Candidate: c.Name, Scenario: b.Scenario, App: b.App, Text: why.Error()})
}

// Stop stops all candidates at once and records how their launch went.
func (r *Run) Stop(field []*Runner) error {
	var wait sync.WaitGroup
	for _, c := range field {
		if c != nil {
			wait.Go(c.Stop)
		}
	}
	wait.Wait()
	for _, c := range field {
		if c == nil {
			continue
		}
		if err := r.append(c.Record); err != nil {
			return err
		}
	}
	return nil
}

// Retire stops one candidate and records how its launch went.
func (r *Run) Retire(c *Runner) error {
	c.Stop()
	return r.append(c.Record)
}

// append records how a launch of a candidate went. What it left is told at once.
func (r *Run) append(l results.Launch) error {
	if l.Left != "" {
		r.Tell(Event{Kind: Warning, Launch: l.Launch, Candidate: l.Candidate, Text: l.Candidate + ": " + l.Left})
	}
	return r.Store.AppendLaunch(l)
}

// leastGrace is what candidates are given to stop, also after the end of a budget: there
// may be dozens on one processor.
const leastGrace = 5 * time.Second

// Stop stops the candidate. It ignores the run's context, because an interrupted run stops its
// candidates gracefully too. The record has what it can't remove.
func (c *Runner) Stop() {
	if c.ID == 0 {
		return
	}
	c.Record.AfterMiB = c.Memory()
	grace := max(leastGrace, c.Run.patience(control.DefaultGrace))
	ended := c.Run.Host.Stop(c.ID, grace)
	c.ID = 0
	c.Record.Exit, c.Record.Killed, c.Record.Outside = ended.How, ended.Killed, ended.Outside
	c.Record.Guard, c.Record.Left = ended.Guard, ended.Left
	switch {
	case ended.Killed && ended.Unasked != "":
		c.Record.Exit = "killed: could not be asked to stop: " + ended.Unasked
	case ended.Killed:
		c.Record.Exit = fmt.Sprintf("killed: did not stop within %v of being asked", grace.Round(time.Millisecond))
	}
}
