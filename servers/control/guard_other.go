//go:build !linux

package control

import (
	"os"
	"syscall"
)

// Without subreapers and parent-death signals the process group has to do: a
// server that leaves its group escapes.

func adoptOrphans(bool) error { return nil }

func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func (g *guard) fork(path string, attr *os.ProcAttr) (*os.Process, error) {
	return os.StartProcess(path, g.order.Argv, attr)
}

func (g *guard) join(path string, argv []string, attr *os.ProcAttr) (*os.Process, error) {
	return os.StartProcess(path, argv, attr)
}

func raiseFileLimit() {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) == nil {
		limit.Cur = min(limit.Max, 10240) // OPEN_MAX of darwin
		_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
	}
}
