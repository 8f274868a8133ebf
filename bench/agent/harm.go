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

// orphans are how the processes end that a candidate is made to adopt. By status 3 workers
// of gunicorn tell that they can't be started.
var orphans = map[string]string{scenarios.Orphan: "exit 0", scenarios.OrphanFails: "exit 3", scenarios.OrphanKilled: "kill -KILL $$"}

// Harm implements Host.
func (h *LocalHost) Harm(id ID, fault string) (pid int, err error) {
	c := h.child(id)
	if c.process == nil {
		return 0, errNotStarted
	}
	if end, ok := orphans[fault]; ok {
		return c.process.Orphan(end)
	}
	signal := syscall.SIGKILL
	switch fault {
	case scenarios.Break:
		return 0, c.Break(c.dir)
	case scenarios.Mend:
		return 0, c.Mend(c.dir)
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
	born := proc.Births(others)
	return slices.MinFunc(others, func(a, b int) int { return cmp.Compare(born[a], born[b]) }), nil
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
