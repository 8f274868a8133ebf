//go:build !linux

package hertz

import (
	"os"
	"syscall"
)

// watch is the descriptor of a listening socket. It is polled until the server ends: what
// connects after the stop waits until then, and is reset.
type watch struct{ socket int }

func watchSocket(fd int) (watch, error) { return watch{fd}, nil }

func (w watch) fd() int { return w.socket }

func (w watch) release(int) {}

func (w watch) close() error { return os.NewSyscallError("close", syscall.Close(w.socket)) }
