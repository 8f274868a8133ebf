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
	pids []int // as of the last call of CPU
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
	t.pids = pids
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
