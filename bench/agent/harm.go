package agent

import (
	"errors"
	"fmt"
	"slices"
	"syscall"

	"github.com/benchctl/benchctl/bench/load/witness"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/scenarios"
)

// errNoWorker is that a candidate has one process alone.
var errNoWorker = errors.New("it has no process but its main one")

// Harm implements Host.
func (h *LocalHost) Harm(id ID, fault string) (pid int, err error) {
	c := h.child(id)
	if c.process == nil {
		return 0, errNotStarted
	}
	signal := syscall.SIGKILL
	switch fault {
	case scenarios.KillMain:
		pid = c.process.PID()
	case scenarios.KillWorker:
		pid, err = c.worker()
	case scenarios.WedgeWorker:
		signal = syscall.SIGSTOP
		pid, err = c.worker()
	default:
		err = fmt.Errorf("there is no fault %q", fault)
	}
	if err != nil {
		return pid, err
	}
	if err := syscall.Kill(pid, signal); err != nil {
		return pid, fmt.Errorf("%s: process %d: %w", fault, pid, err)
	}
	return pid, nil
}

// worker is the oldest process of the candidate that is not its main one.
func (c *child) worker() (int, error) {
	held, err := c.process.Held()
	if err != nil {
		return 0, err
	}
	others := slices.DeleteFunc(held, func(pid int) bool { return pid == c.process.PID() || pid == c.process.Guard })
	if len(others) == 0 {
		return 0, errNoWorker
	}
	return slices.Min(others), nil
}

// Holdings implements Host.
func (h *LocalHost) Holdings(id ID) *results.Holdings {
	c := h.child(id)
	if c.tree == nil {
		return nil
	}
	return c.tree.Holdings()
}

// Requests implements Host.
func (h *LocalHost) Requests(id ID) ([]uint64, error) {
	c := h.child(id)
	if c.ids == "" {
		return nil, nil
	}
	seen, err := witness.ReadIDs(c.ids)
	if err != nil {
		return nil, err
	}
	all := make([]uint64, 0, len(seen))
	for id := range seen {
		all = append(all, id)
	}
	slices.Sort(all)
	return all, nil
}
