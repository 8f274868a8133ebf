package measure

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/benchctl/benchctl/servers/control/proc"
)

// Tree measures processes that belong together: a process with everything that
// descends from it, or all that a guard holds.
type Tree struct {
	root  int
	held  bool       // root is a guard, which does not count
	group proc.Group // "" for none
	pids  []int      // as of the last look at the process table
	first *time.Duration
	last  time.Duration
}

// NewTree measures the tree under pid.
func NewTree(pid int) *Tree { return &Tree{root: pid} }

// NewHeld measures all that a guard holds, without the guard: by the control group that
// holds the same, or, if that is "", what descends from the guard.
func NewHeld(guard int, group proc.Group) *Tree { return &Tree{root: guard, held: true, group: group} }

// CPU is the CPU time the tree has used since the first call. A control group tells it;
// what is in it then is all that ever ran there. Without one it is the sum of the
// CPU-time clocks of the processes (clock_getcpuclockid(3), ns), in which the time of
// threads that ended stays, and of the times of the children they waited for, which
// /proc tells in ticks of 10 ms; that of children which nobody waited for, as where SIGCHLD
// is ignored, is missing. What runs at the time of the call is seen up to the
// kernel's last tick.
func (t *Tree) CPU() (time.Duration, error) {
	var table proc.Table
	if t.group == "" {
		var err error
		if table, err = proc.ReadTable(); err != nil {
			return 0, fmt.Errorf("read CPU time: %w", err)
		}
	}
	return t.cpu(table)
}

// Beside is CPU, and what is not of the tree, by PID, as of the same look at the process
// table.
func (t *Tree) Beside() (own time.Duration, others map[int]proc.Process, err error) {
	table, others, err := proc.ReadUsage()
	if err != nil {
		return 0, nil, fmt.Errorf("read CPU time: %w", err)
	}
	for _, pid := range table.Tree(t.root) {
		delete(others, pid)
	}
	own, err = t.cpu(table)
	return own, others, err
}

// PIDs are the processes of the tree. They are those of the control group, and without one
// those of the last call of CPU, if there was one: to find them takes a while.
func (t *Tree) PIDs() []int {
	if t.find() != nil {
		return nil
	}
	return t.pids
}

// CPUs is the CPU time of many trees at one moment, as CPU tells it, nil where it is not
// known or the tree is nil. To read the process table takes as long as all the rest:
// it is read once for all trees that need it, and not at all if none does.
func CPUs(trees []*Tree) []*time.Duration {
	times := make([]*time.Duration, len(trees))
	var table proc.Table
	var err error
	if slices.ContainsFunc(trees, func(t *Tree) bool { return t != nil && t.group == "" }) {
		table, err = proc.ReadTable()
	}
	for i, t := range trees {
		if t == nil || t.group == "" && err != nil {
			continue
		}
		if used, err := t.cpu(table); err == nil {
			times[i] = &used
		}
	}
	return times
}

// cpu is CPU with the process table at hand, if there is no group.
func (t *Tree) cpu(table proc.Table) (time.Duration, error) {
	sum, err := t.used(table)
	if err != nil {
		return 0, fmt.Errorf("read CPU time: %w", err)
	}
	if t.first == nil {
		t.first = &sum
	}
	// Without a group a child that ended is missing until its parent has waited for it.
	t.last = max(t.last, sum-*t.first)
	return t.last, nil
}

// used is the CPU time so far.
func (t *Tree) used(table proc.Table) (time.Duration, error) {
	if t.group != "" {
		used, err := t.group.CPU()
		if gone(err) {
			err = t.ended()
		}
		return used, err
	}
	t.pids = t.counted(table)
	var sum time.Duration
	if t.held {
		// Processes that ended after the guard adopted them, which are candidates' alone.
		adopted, err := proc.Reaped(t.root)
		if err != nil && !gone(err) {
			return 0, err
		}
		sum = adopted
	}
	alive := false
	for _, pid := range t.pids {
		used, err := usedBy(pid)
		if err != nil && !gone(err) {
			return 0, fmt.Errorf("process %d: %w", pid, err)
		}
		sum, alive = sum+used, alive || err == nil
	}
	if !alive {
		return 0, t.ended()
	}
	return sum, nil
}

// counted lists the processes of the tree.
func (t *Tree) counted(table proc.Table) []int {
	pids := table.Tree(t.root)
	if t.held {
		return pids[1:]
	}
	return pids
}

func (t *Tree) ended() error {
	if t.held {
		return fmt.Errorf("all that guard %d held has ended", t.root)
	}
	return fmt.Errorf("process %d has ended", t.root)
}

// usedBy is the CPU time of a process and of the children that it waited for.
func usedBy(pid int) (time.Duration, error) {
	const cpuClock = 2 // CPUCLOCK_SCHED of include/linux/posix-timers_types.h
	var own unix.Timespec
	switch err := unix.ClockGettime(int32(^pid<<3|cpuClock), &own); {
	case errors.Is(err, unix.EINVAL):
		return 0, errNoProcess
	case err != nil:
		return 0, err
	}
	children, err := proc.Reaped(pid)
	return time.Duration(own.Nano()) + children, err
}

// gone tells whether an error of /proc only means that the process ended.
func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNoProcess)
}

// Memory is the tree's resident memory in MiB: anonymous and shared memory as
// their proportional sets, so that what forked workers share counts once, and the
// file pages, program and libraries, of the process that has the most of them.
// The proportional set of file pages would not do: it shrinks when anything else
// on the machine runs the same program, as benchctl itself and the other Go
// candidates do. The fields are those of /proc/PID/smaps_rollup and
// /proc/PID/status (proc(5)). The processes are those of the control group, and without
// one those of the last call of CPU, if there was one: to find them takes as long as all
// the rest.
func (t *Tree) Memory() (float64, error) {
	if err := t.find(); err != nil {
		return 0, fmt.Errorf("read memory: %w", err)
	}
	var own, files uint64 // KiB
	for _, pid := range t.pids {
		p, f, err := memoryOf(pid)
		if err != nil && !gone(err) {
			return 0, fmt.Errorf("read memory: %w", err)
		}
		own, files = own+p, max(files, f)
	}
	if own == 0 {
		return 0, fmt.Errorf("read memory: %w", t.ended())
	}
	return float64(own+files) / 1024, nil
}

// Runs tells whether a thread of the tree runs, or waits for a processor to run on.
func (t *Tree) Runs() bool { return t.find() == nil && slices.ContainsFunc(t.pids, proc.Runs) }

// find sees to it that the processes of the tree are known.
func (t *Tree) find() (err error) {
	switch {
	case t.group != "":
		if t.pids, err = t.group.Members(); gone(err) {
			err = t.ended()
		}
	case t.pids == nil:
		var table proc.Table
		if table, err = proc.ReadTable(); err == nil {
			t.pids = t.counted(table)
		}
	}
	return err
}

// memoryOf reads one process's share, in KiB. Where the rollup may not be read,
// its whole resident anonymous and shared memory takes its place.
func memoryOf(pid int) (own, files uint64, err error) {
	status, err := fields(fmt.Sprintf("/proc/%d/status", pid), "RssFile:", "RssAnon:", "RssShmem:")
	if errors.Is(err, errNoField) {
		return 0, 0, nil // it has ended, and is waited for
	}
	if err != nil {
		return 0, 0, err
	}
	rollup, err := fields(fmt.Sprintf("/proc/%d/smaps_rollup", pid), "Pss_Anon:", "Pss_Shmem:")
	if errors.Is(err, errNoProcess) {
		return 0, 0, err
	}
	if err != nil {
		return status[1] + status[2], status[0], nil
	}
	return rollup[0] + rollup[1], status[0], nil
}

var errNoField = errors.New("no field")

// fields reads lines such as "VmRSS:     5120 kB" of a file of /proc.
func fields(path string, names ...string) ([]uint64, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	text = append([]byte{'\n'}, text...)
	values := make([]uint64, len(names))
	for i, name := range names {
		_, rest, ok := bytes.Cut(text, []byte("\n"+name))
		value := bytes.Fields(rest)
		if !ok || len(value) == 0 {
			return nil, fmt.Errorf("%s: %w %s", path, errNoField, name)
		}
		if values[i], err = strconv.ParseUint(string(value[0]), 10, 64); err != nil {
			return nil, fmt.Errorf("%s: %s %w", path, name, err)
		}
	}
	return values, nil
}
