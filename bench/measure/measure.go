// Package measure reads what a measurement needs from the operating system: CPU
// time and memory of a process tree, the loader's own CPU time, stolen time, and
// the environment that makes two runs comparable. What only Linux offers is
// absent elsewhere: functions return ErrUnsupported, figures stay unknown.
package measure

import (
	"fmt"
	"syscall"
	"time"

	"github.com/benchctl/benchctl/servers/control/proc"
)

// ErrUnsupported is returned where the system does not tell a figure.
var ErrUnsupported = proc.ErrUnsupported

// SelfCPU is the CPU time, user and system, of this process so far.
func SelfCPU() (time.Duration, error) {
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		return 0, fmt.Errorf("read own CPU time: %w", err)
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano()), nil
}
