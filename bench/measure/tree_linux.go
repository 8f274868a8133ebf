package measure

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/benchctl/benchctl/servers/control/proc"
)

// Tree measures a process and everything that descends from it.
type Tree struct {
	root  int
	pids  []int // as of the last call of CPU
	first *time.Duration
	last  time.Duration
}

// NewTree measures the tree under pid.
func NewTree(pid int) *Tree { return &Tree{root: pid} }

// CPU is the CPU time the tree has used since the first call. It sums the CPU-time
// clocks of the processes (clock_getcpuclockid(3), ns), in which the time of threads
// that ended stays, and the times of the children they waited for, which /proc tells
// in ticks of 10 ms. What runs at the time of the call is seen up to the kernel's
// last tick.
func (t *Tree) CPU() (time.Duration, error) {
	pids, err := proc.Tree(t.root)
	if err != nil {
		return 0, fmt.Errorf("read CPU time: %w", err)
	}
	t.pids = pids
	var sum time.Duration
	alive := false
	for _, pid := range pids {
		used, err := usedBy(pid)
		if err != nil && !gone(err) {
			return 0, fmt.Errorf("read CPU time: process %d: %w", pid, err)
		}
		sum, alive = sum+used, alive || err == nil
	}
	if !alive {
		return 0, fmt.Errorf("read CPU time: process %d has ended", t.root)
	}
	if t.first == nil {
		t.first = &sum
	}
	// A child that ended is missing until its parent has waited for it.
	t.last = max(t.last, sum-*t.first)
	return t.last, nil
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
// /proc/PID/status (proc(5)). The tree is that of the last call of CPU, if there was
// one: to find it takes as long as all the rest.
func (t *Tree) Memory() (float64, error) {
	if t.pids == nil {
		var err error
		if t.pids, err = proc.Tree(t.root); err != nil {
			return 0, fmt.Errorf("read memory: %w", err)
		}
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
		return 0, fmt.Errorf("read memory: process %d has ended", t.root)
	}
	return float64(own+files) / 1024, nil
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
