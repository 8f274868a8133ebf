package measure

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// Waiting sums up how the threads of this process got to run.
type Waiting struct {
	waited, got counter
}

// counter is a sum over threads that outlives them.
type counter struct {
	seen  map[int]uint64
	total uint64
}

// Read tells how long threads have waited for a processor while they could have
// run, to the ns, and how often they got one: in all threads there are and were at
// earlier calls. To be woken on an idle processor counts as waiting as well, some µs
// each time; a thread that another keeps from its processor waits for ms.
func (w *Waiting) Read() (waited time.Duration, got uint64, err error) {
	for c, field := range map[*counter]int{&w.waited: inQueue, &w.got: turns} {
		now := make(map[int]uint64, len(c.seen))
		if err := readTasks(field, now); err != nil {
			return 0, 0, fmt.Errorf("read waiting time: %w", err)
		}
		c.total += grown(c.seen, now)
		c.seen = now
	}
	return time.Duration(w.waited.total), w.got.total, nil
}

// grown is how much the times of threads grew between two readings.
func grown(before, now map[int]uint64) (sum uint64) {
	for id, ns := range now {
		if last := before[id]; ns >= last {
			sum += ns - last
		} else { // another thread with the number of one that ended
			sum += ns
		}
	}
	return sum
}

// Fields of /proc/self/task/TID/schedstat (Documentation/scheduler/sched-stats.rst).
const (
	inQueue = 1 // ns that it could have run and did not
	turns   = 2 // times it got a processor
)

// readTasks reads a field of schedstat of each thread of this process.
func readTasks(field int, into map[int]uint64) error {
	const dir = "/proc/self/task"
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
		into[tid] = ns
	}
	return nil
}
