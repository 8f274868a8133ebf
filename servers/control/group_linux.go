package control

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/benchctl/benchctl/servers/control/proc"
)

// fork starts the candidate in a control group of its own, or in none where none can
// be made. The thread must be locked: the parent-death signal and version 1's groups
// follow it.
func (g *guard) fork(path string, attr *os.ProcAttr) (*os.Process, error) {
	for _, home := range proc.Homes(os.DirFS("/")) {
		if !g.order.Groups.allows(home) {
			continue
		}
		p, group, err := forkInto(home, g.mark, path, g.order.Argv, attr)
		if err == nil {
			g.home, g.group = home, group
			return p, nil
		}
	}
	return os.StartProcess(path, g.order.Argv, attr)
}

// join starts a program in the candidate's control group, if it has one, by a locked thread.
func (g *guard) join(path string, argv []string, attr *os.ProcAttr) (*os.Process, error) {
	if g.group == "" {
		return os.StartProcess(path, argv, attr)
	}
	return startIn(g.home, g.group, path, argv, attr)
}

// allows tells whether a group in the hierarchy counts CPU time and does nothing else:
// to share out processors by group would change how the candidate is scheduled.
func (g Groups) allows(h proc.Home) bool {
	if !h.Seen {
		return false
	}
	if h.Unified {
		given, err := os.ReadFile(filepath.Join("/", h.Dir, "cgroup.subtree_control"))
		return (g == AnyGroup || g == GroupV2) && err == nil && strings.TrimSpace(string(given)) == ""
	}
	return (g == AnyGroup || g == GroupV1) && slices.Equal(h.Controllers, []string{"cpuacct"})
}

// forkInto starts a program in a new group below home, named by the mark. If it fails,
// there is neither.
func forkInto(home proc.Home, mark proc.Mark, path string, argv []string, attr *os.ProcAttr) (*os.Process, proc.Group, error) {
	group := proc.Group(filepath.Join("/", home.Dir, mark.GroupName()))
	if err := os.Mkdir(string(group), 0o700); err != nil {
		return nil, "", err
	}
	p, err := startIn(home, group, path, argv, attr)
	if err != nil {
		_ = group.End()
		return nil, "", err
	}
	return p, group, nil
}

// startIn starts a program in a group below home.
func startIn(home proc.Home, group proc.Group, path string, argv []string, attr *os.ProcAttr) (*os.Process, error) {
	start := forkByThread
	if home.Unified {
		start = forkByDescriptor
	}
	return start(filepath.Join("/", home.Dir), string(group), func(sys *unix.SysProcAttr) (*os.Process, error) {
		with := *attr
		with.Sys = sys
		return os.StartProcess(path, argv, &with)
	}, *attr.Sys)
}

// forkByDescriptor has the kernel put the child into a group of version 2
// (CLONE_INTO_CGROUP of clone3(2)).
func forkByDescriptor(_, dir string, start func(*unix.SysProcAttr) (*os.Process, error), sys unix.SysProcAttr) (*os.Process, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	sys.UseCgroupFD, sys.CgroupFD = true, int(f.Fd())
	return start(&sys)
}

// forkByThread moves this thread into a group of version 1 for as long as it forks: the
// child inherits the group, and the guard's own time stays out of it.
func forkByThread(own, dir string, start func(*unix.SysProcAttr) (*os.Process, error), sys unix.SysProcAttr) (*os.Process, error) {
	if err := moveThread(own); err != nil { // it could not come back
		return nil, err
	}
	if err := moveThread(dir); err != nil {
		return nil, err
	}
	p, err := start(&sys)
	if back := moveThread(own); back != nil && err == nil {
		_ = p.Kill()
		_, _ = p.Wait()
		return nil, fmt.Errorf("leave control group %s: %w", dir, back)
	}
	return p, err
}

// moveThread moves the calling thread into a group of version 1.
func moveThread(dir string) error {
	f, err := os.OpenFile(filepath.Join(dir, "tasks"), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString(strconv.Itoa(unix.Gettid()))
	return err
}
