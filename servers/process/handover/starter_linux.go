package handover

import "syscall"

// attributes put a worker into a process group of its own, which keeps the terminal's
// signals from it and lets it be killed with what it starts, and let it die with the
// supervisor.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
