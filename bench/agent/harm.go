package agent

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"syscall"

	"github.com/benchctl/benchctl/bench/load/witness"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/scenarios"
	"github.com/benchctl/benchctl/servers/control/proc"
)

// errNoWorker is the error of a candidate with a single process.
var errNoWorker = errors.New("it has no process but its main one")

// errNoGiver is that none of its processes but the main one gave a reply.
var errNoGiver = errors.New("no process but its main one has given a reply, of those that run")

// orphans are how the processes end that a candidate is made to adopt. By status 3 workers
// of gunicorn tell that they can't be started.
var orphans = map[string]string{scenarios.Orphan: "exit 0", scenarios.OrphanFails: "exit 3", scenarios.OrphanKilled: "kill -KILL $$"}

// Harm implements Host.
func (h *LocalHost) Harm(id ID, fault string, gave []int) (done Harmed, err error) {
	c := h.child(id)
	if c.process == nil {
		return done, errNotStarted
	}
	if end, ok := orphans[fault]; ok {
		done.PID, err = c.process.Orphan(end)
		return done, err
	}
	signal := syscall.SIGKILL
	switch fault {
	case scenarios.Break:
		return done, c.Break(c.dir)
	case scenarios.Mend:
		return done, c.Mend(c.dir)
	case scenarios.KillMain:
		done.PID = c.process.PID()
	case scenarios.KillWorker:
		done, err = c.worker(gave)
	case scenarios.WedgeWorker:
		signal = syscall.SIGSTOP
		done, err = c.worker(gave)
	default:
		err = fmt.Errorf("there is no fault %q", fault)
	}
	if err != nil {
		return done, err
	}
	if err := syscall.Kill(done.PID, signal); err != nil {
		return done, fmt.Errorf("%s: process %d: %w", fault, done.PID, err)
	}
	return done, nil
}

// worker is a process of the candidate that gave a reply, by the processes that did, and not
// its main one.
func (c *child) worker(gave []int) (Harmed, error) {
	held, err := c.process.Held()
	if err != nil {
		return Harmed{}, err
	}
	others := slices.DeleteFunc(held, func(pid int) bool { return pid == c.process.PID() || pid == c.process.Guard })
	return chosen(others, gave, proc.Inner, proc.Births(others))
}

// chosen is the oldest of some processes that gave a reply: others may be routers or helpers.
// Where replies don't tell who gives them it is the oldest. Inner tells the number that a
// process has itself.
func chosen(others, gave []int, inner func(pid int) (int, error), born map[int]uint64) (Harmed, error) {
	if len(others) == 0 {
		return Harmed{}, errNoWorker
	}
	if len(gave) > 0 {
		others = slices.DeleteFunc(slices.Clone(others), func(pid int) bool {
			own, err := inner(pid)
			return err != nil || !slices.Contains(gave, own)
		})
	}
	if len(others) == 0 {
		return Harmed{}, errNoGiver
	}
	oldest := slices.MinFunc(others, func(a, b int) int { return cmp.Compare(born[a], born[b]) })
	return Harmed{PID: oldest, Guessed: len(gave) == 0}, nil
}

// Holdings implements Host.
func (h *LocalHost) Holdings(id ID) *results.Holdings {
	h.meters.Lock()
	defer h.meters.Unlock()
	c := h.child(id)
	if c.tree == nil {
		return nil
	}
	return c.tree.Holdings()
}

// Requests implements Host.
func (h *LocalHost) Requests(id ID) (witness.IDs, error) {
	c := h.child(id)
	if c.ids == "" {
		return nil, nil
	}
	return witness.ReadIDs(c.ids)
}
