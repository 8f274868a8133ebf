package measure

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"time"

	"github.com/benchctl/benchctl/servers/control/proc"
)

// Tree measures a process and everything that descends from it.
type Tree struct {
	root int
	// seen holds each thread's CPU time at the last reading, so that the time of
	// threads that ended meanwhile stays in the sum.
	seen  map[task]uint64
	total uint64
}

type task struct{ pid, tid int }

// NewTree measures the tree under pid.
func NewTree(pid int) *Tree { return &Tree{root: pid, seen: make(map[task]uint64)} }

// CPU is the CPU time the tree has used since the first call, to the ns. It sums
// /proc/PID/task/TID/schedstat (Documentation/scheduler/sched-stats.rst) over all
// threads; /proc/PID/stat counts in ticks of 10 ms. What a thread used between
// the last reading and its end is not seen.
func (t *Tree) CPU() (time.Duration, error) {
	pids, err := proc.Tree(t.root)
	if err != nil {
		return 0, fmt.Errorf("read CPU time: %w", err)
	}
	first := len(t.seen) == 0
	now := make(map[task]uint64, len(t.seen))
	for _, pid := range pids {
		if err := readTasks(pid, now); err != nil && !gone(err) {
			return 0, fmt.Errorf("read CPU time: %w", err)
		}
	}
	if len(now) == 0 {
		return 0, fmt.Errorf("read CPU time: process %d has ended", t.root)
	}
	for id, ns := range now {
		switch before := t.seen[id]; {
		case first:
		case ns >= before:
			t.total += ns - before
		default: // another thread with the number of one that ended
			t.total += ns
		}
	}
	t.seen = now
	return time.Duration(t.total), nil
}

func readTasks(pid int, into map[task]uint64) error {
	dir := fmt.Sprintf("/proc/%d/task", pid)
	tasks, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range tasks {
		tid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		text, err := os.ReadFile(dir + "/" + entry.Name() + "/schedstat")
		if gone(err) {
			continue
		}
		if err != nil {
			return err
		}
		onCPU, _, _ := bytes.Cut(text, []byte(" "))
		ns, err := strconv.ParseUint(string(onCPU), 10, 64)
		if err != nil {
			return fmt.Errorf("%s/%d/schedstat: %w", dir, tid, err)
		}
		into[task{pid, tid}] = ns
	}
	return nil
}

// gone tells whether an error of /proc only means that the process ended.
func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNoProcess)
}

// Memory is the tree's resident memory in MiB. Pages that processes share, as
// forked workers do, count once: it sums the proportional set size of
// /proc/PID/smaps_rollup, or the resident set where that may not be read.
func (t *Tree) Memory() (float64, error) {
	pids, err := proc.Tree(t.root)
	if err != nil {
		return 0, fmt.Errorf("read memory: %w", err)
	}
	var kib uint64
	for _, pid := range pids {
		n, err := memoryOf(pid)
		if err != nil && !gone(err) {
			return 0, fmt.Errorf("read memory: %w", err)
		}
		kib += n
	}
	if kib == 0 {
		return 0, fmt.Errorf("read memory: process %d has ended", t.root)
	}
	return float64(kib) / 1024, nil
}

func memoryOf(pid int) (kib uint64, err error) {
	kib, err = field(fmt.Sprintf("/proc/%d/smaps_rollup", pid), "Pss:")
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) {
		return field(fmt.Sprintf("/proc/%d/status", pid), "VmRSS:")
	}
	return kib, err
}

// field reads a line such as "VmRSS:     5120 kB" of a file of /proc.
func field(path, name string) (uint64, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(text) {
		if rest, ok := bytes.CutPrefix(line, []byte(name)); ok {
			return strconv.ParseUint(string(bytes.Fields(rest)[0]), 10, 64)
		}
	}
	return 0, fmt.Errorf("%s: no field %s", path, name)
}
