package harness_test

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/benchctl/benchctl/servers/control"
)

// deeds are what parts do to their scheduling, each with its name.
var deeds = map[string]func() error{
	"moves": func() error { return control.PinSelf(everywhere()) },
	"rises": func() error { return unix.Setpriority(unix.PRIO_PROCESS, 0, -5) },
	"hastens": func() error {
		return unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 1}, 0)
	},
	"yields": func() error { return unix.Setpriority(unix.PRIO_PROCESS, 0, 5) },
}

// everywhere is all processors that there are: what a process may not run on is left out by
// the kernel.
func everywhere() (all control.CPUs) {
	for n := range 1024 {
		all = append(all, n)
	}
	return all
}

// threadTime is the CPU time that the calling thread has used.
func threadTime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		panic(err)
	}
	return time.Duration(t.Nano())
}
