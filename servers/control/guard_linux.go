package control

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// adoptOrphans makes this process the parent of descendants whose parent dies, or not
// any longer (PR_SET_CHILD_SUBREAPER of prctl(2)).
func adoptOrphans(on bool) error {
	set := uintptr(0)
	if on {
		set = 1
	}
	return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, set, 0, 0, 0)
}

func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// raiseFileLimit gives the candidate as many open files as the system lets it
// have: 1,024, the usual soft limit, would decide scenarios of that size.
func raiseFileLimit() {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) == nil {
		limit.Cur = limit.Max
		_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
	}
}
