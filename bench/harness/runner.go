package harness

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/benchctl/benchctl/bench/agent"
	"github.com/benchctl/benchctl/bench/plan"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/control"
)

// runner is one candidate in one launch.
type runner struct {
	servers.Candidate
	run     *run
	id      agent.ID // 0 if nothing of it runs
	address string
	record  results.Launch
}

// start starts every candidate that is not out, one after the other so that
// none's start-up slows another's, and passes each through the gate. The result
// has an entry for each candidate, nil for those not started.
func (r *run) start(ctx context.Context, launch int) ([]*runner, error) {
	field := make([]*runner, len(r.Candidates))
	for _, i := range plan.StartOrder(launch, len(field)) {
		c := r.Candidates[i]
		if r.isOut(c.Name, everyBlock) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return field, err
		}
		var err error
		if field[i], err = r.spawn(ctx, launch, c); err != nil {
			return field, err
		}
	}
	return field, nil
}

// spawn starts a candidate, which is out of the run if that fails; an error is
// ctx's, or of what benchctl itself lacks to start anybody.
func (r *run) spawn(ctx context.Context, launch int, candidate servers.Candidate) (*runner, error) {
	c := &runner{Candidate: candidate, run: r, record: results.Launch{
		Launch: launch, Attempt: r.attempt, Candidate: candidate.Name, Started: time.Now(),
	}}
	if err := c.start(ctx); err != nil {
		if ctx.Err() != nil {
			return c, ctx.Err()
		}
		if own := agent.Lack(err); own != nil {
			return c, own
		}
		c.failStart(err)
		c.stop() // what it still does would cost the others
		return c, nil
	}
	r.observe(Event{Kind: Ready, Launch: launch, Candidate: c.Name, Took: time.Duration(*c.record.StartupMS * 1e6)})
	return c, nil
}

// again starts a candidate that died in an earlier block of the launch.
func (r *run) again(ctx context.Context, dead *runner) (*runner, error) {
	dead.stop()
	if err := r.append(dead.record); err != nil {
		return dead, err
	}
	return r.spawn(ctx, dead.record.Launch, dead.Candidate)
}

// start starts the candidate and waits until it is ready.
func (c *runner) start(ctx context.Context) error {
	started, err := c.run.Host.Start(ctx, agent.Start{Candidate: c.Name, App: c.firstApp(), Log: c.log(), Patience: c.run.patience(c.Server.ReadyTimeout())})
	c.id, c.address = started.ID, started.Address
	if err != nil {
		return err
	}
	c.record.StartupMS = new(float64)
	*c.record.StartupMS = float64(started.Startup) / 1e6
	c.record.IdleMiB = c.memory()
	return nil
}

// firstApp is what a candidate is asked until it is ready: hello, if it carries that,
// so that one that is wrong with an app is out of that app's cells alone.
func (c *runner) firstApp() string {
	if c.Server.Carries(hello) {
		return hello
	}
	for _, b := range c.run.plan.Blocks {
		if !slices.Contains(b.Without, c.Name) {
			return b.App
		}
	}
	return c.run.plan.Blocks[0].App
}

// hello is the app that costs nothing.
const hello = "hello"

// patience is how long a candidate is waited for that may take most: no longer than the
// budget lasts, and a second.
func (r *run) patience(most time.Duration) time.Duration {
	if r.deadline.IsZero() {
		return most
	}
	return min(most, max(time.Second, r.until(r.deadline)))
}

func (c *runner) log() string {
	return filepath.Join(c.run.Store.LogDir(), fmt.Sprintf("%s.%d.%d.log", results.SafeName(c.Name), c.record.Launch, c.record.Attempt))
}

// memory is the candidate's memory in MiB, nil if the system does not tell.
func (c *runner) memory() *float64 { return c.run.Host.Memory(c.id) }

// ended tells whether the candidate has ended.
func (c *runner) ended() bool { return c.id == 0 || c.run.Host.Ended(c.id, 0) != nil }

// failStart takes a candidate that could not be started out of the run.
func (c *runner) failStart(why error) {
	c.run.drop(c.Name, everyBlock, why.Error())
	c.record.Failure = why.Error()
	c.run.observe(Event{Kind: Failed, Launch: c.record.Launch, Candidate: c.Name, Text: why.Error()})
}

// stop stops all candidates at once and records how their launch went.
func (r *run) stop(field []*runner) error {
	var wait sync.WaitGroup
	for _, c := range field {
		if c != nil {
			wait.Go(c.stop)
		}
	}
	wait.Wait()
	for _, c := range field {
		if c == nil {
			continue
		}
		if err := r.append(c.record); err != nil {
			return err
		}
	}
	return nil
}

// append records how a launch of a candidate went. What it left is told at once.
func (r *run) append(l results.Launch) error {
	if l.Left != "" {
		r.observe(Event{Kind: Warning, Launch: l.Launch, Candidate: l.Candidate, Text: l.Candidate + ": " + l.Left})
	}
	return r.Store.AppendLaunch(l)
}

// stop does not take the run's context: an interrupted run stops its candidates
// as gently as any other. What it can't remove is in the record.
func (c *runner) stop() {
	if c.id == 0 {
		return
	}
	c.record.AfterMiB = c.memory()
	grace := c.run.patience(control.DefaultGrace)
	ended := c.run.Host.Stop(c.id, grace)
	c.id = 0
	c.record.Exit, c.record.Killed, c.record.Outside = ended.How, ended.Killed, ended.Outside
	c.record.Guard, c.record.Left = ended.Guard, ended.Left
	switch {
	case ended.Killed && ended.Unasked != "":
		c.record.Exit = "killed: could not be asked to stop: " + ended.Unasked
	case ended.Killed:
		c.record.Exit = fmt.Sprintf("killed: did not stop within %v of being asked", grace.Round(time.Millisecond))
	}
}
