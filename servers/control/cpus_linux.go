package control

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

func allowed() (CPUs, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, err
	}
	return cpusOf(set), nil
}

func (c CPUs) set() *unix.CPUSet {
	var set unix.CPUSet
	for _, n := range c {
		set.Set(n)
	}
	return &set
}

// pinThread binds the calling thread; what it starts inherits that.
func pinThread(cpus CPUs) error {
	if len(cpus) == 0 {
		return nil
	}
	return unix.SchedSetaffinity(0, cpus.set())
}

// pinSelf binds the threads there are. Threads made later inherit the set of the
// thread that makes them, so two passes catch one that was being made.
func pinSelf(cpus CPUs) error {
	set := cpus.set()
	for range 2 {
		tasks, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return err
		}
		for _, task := range tasks {
			tid, err := strconv.Atoi(task.Name())
			if err != nil {
				continue
			}
			if err := unix.SchedSetaffinity(tid, set); err != nil && err != unix.ESRCH {
				return err
			}
		}
	}
	return nil
}
