//go:build unix && !linux

package handover

import "syscall"

// attributes put a worker into a process group of its own, which keeps the terminal's
// signals from it and lets it be killed with what it starts. It ends with the supervisor
// when it sees that its orders have ended.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
