package control

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/benchctl/benchctl/servers/control/proc"
)

// adoptOrphans makes the guard the parent of descendants whose parent dies
// (PR_SET_CHILD_SUBREAPER of prctl(2)).
func adoptOrphans() error { return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }

func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// descendants lists what descends from this process, without itself.
func descendants() []int {
	tree, err := proc.Tree(os.Getpid())
	if err != nil {
		return nil
	}
	return tree[1:]
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
