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
		if err := readTasks(pid, onCPU, now); err != nil && !gone(err) {
			return 0, fmt.Errorf("read CPU time: %w", err)
		}
	}
	if len(now) == 0 {
		return 0, fmt.Errorf("read CPU time: process %d has ended", t.root)
	}
	if !first {
		t.total += grown(t.seen, now)
	}
	t.seen = now
	return time.Duration(t.total), nil
}

// grown is how much the times of threads grew between two readings.
func grown(before, now map[task]uint64) (sum uint64) {
	for id, ns := range now {
		if last := before[id]; ns >= last {
			sum += ns - last
		} else { // another thread with the number of one that ended
			sum += ns
		}
	}
	return sum
}

// Waiting sums up how the threads of this process got to run.
type Waiting struct {
	waited, got counter
}

// counter is a sum over threads that outlives them.
type counter struct {
	seen  map[task]uint64
	total uint64
}

// Read tells how long threads have waited for a processor while they could have
// run, to the ns, and how often they got one: in all threads there are and were at
// earlier calls. To be woken on an idle processor counts as waiting as well, some µs
// each time; a thread that another keeps from its processor waits for ms.
func (w *Waiting) Read() (waited time.Duration, got uint64, err error) {
	for c, field := range map[*counter]int{&w.waited: inQueue, &w.got: turns} {
		now := make(map[task]uint64, len(c.seen))
		if err := readTasks(os.Getpid(), field, now); err != nil {
			return 0, 0, fmt.Errorf("read waiting time: %w", err)
		}
		c.total += grown(c.seen, now)
		c.seen = now
	}
	return time.Duration(w.waited.total), w.got.total, nil
}

// Fields of schedstat (Documentation/scheduler/sched-stats.rst).
const (
	onCPU   = 0 // ns
	inQueue = 1 // ns that it could have run and did not
	turns   = 2 // times it got a processor
)

// readTasks reads a field of schedstat of each thread of a process.
func readTasks(pid, field int, into map[task]uint64) error {
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
		fields := bytes.Fields(text)
		if len(fields) <= field {
			return fmt.Errorf("%s/%d/schedstat: %q", dir, tid, text)
		}
		ns, err := strconv.ParseUint(string(fields[field]), 10, 64)
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

// Memory is the tree's resident memory in MiB: anonymous and shared memory as
// their proportional sets, so that what forked workers share counts once, and the
// file pages, program and libraries, of the process that has the most of them.
// The proportional set of file pages would not do: it shrinks when anything else
// on the machine runs the same program, as benchctl itself and the other Go
// candidates do. The fields are those of /proc/PID/smaps_rollup and
// /proc/PID/status (proc(5)).
func (t *Tree) Memory() (float64, error) {
	pids, err := proc.Tree(t.root)
	if err != nil {
		return 0, fmt.Errorf("read memory: %w", err)
	}
	var own, files uint64 // KiB
	for _, pid := range pids {
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
	status := fmt.Sprintf("/proc/%d/status", pid)
	if files, err = field(status, "RssFile:"); err != nil {
		return 0, 0, err
	}
	path, names := fmt.Sprintf("/proc/%d/smaps_rollup", pid), []string{"Pss_Anon:", "Pss_Shmem:"}
	if _, err := field(path, names[0]); err != nil && !gone(err) || errors.Is(err, fs.ErrNotExist) {
		path, names = status, []string{"RssAnon:", "RssShmem:"}
	}
	for _, name := range names {
		kib, err := field(path, name)
		if err != nil {
			return 0, 0, err
		}
		own += kib
	}
	return own, files, nil
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
