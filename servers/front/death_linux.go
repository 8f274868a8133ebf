package front

import "syscall"

// dieWithParent has nginx end, with its workers, when this process is killed.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM} }
