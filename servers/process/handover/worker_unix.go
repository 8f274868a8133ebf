//go:build unix

package handover

import (
	"os"
	"syscall"
)

// pipeEnd is the end of a pipe that was inherited, which no program that is started
// inherits in turn; nil if there is none.
func pipeEnd(fd int) *os.File {
	var info syscall.Stat_t
	if syscall.Fstat(fd, &info) != nil || info.Mode&syscall.S_IFMT != syscall.S_IFIFO {
		return nil
	}
	syscall.CloseOnExec(fd)
	return os.NewFile(uintptr(fd), "supervisor")
}
