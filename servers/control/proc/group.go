package proc

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Group is the directory of a control group (cgroups(7)) that counts CPU time, of
// either version. "" is none.
type Group string

// CPU is the CPU time that everything in the group has used since it was made, also
// what ended and was waited for by nobody: cpuacct.usage of version 1, in ns, or
// usage_usec in cpu.stat of version 2, in µs.
func (g Group) CPU() (time.Duration, error) {
	text, err := os.ReadFile(g.file("cpuacct.usage"))
	if errors.Is(err, fs.ErrNotExist) {
		return g.usage()
	}
	if err != nil {
		return 0, err
	}
	ns, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", g.file("cpuacct.usage"), err)
	}
	return time.Duration(ns), nil
}

// usage is CPU of version 2.
func (g Group) usage() (time.Duration, error) {
	text, err := os.ReadFile(g.file("cpu.stat"))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), "usage_usec "); ok {
			us, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				return 0, fmt.Errorf("read %s: %w", g.file("cpu.stat"), err)
			}
			return time.Duration(us) * time.Microsecond, nil
		}
	}
	return 0, fmt.Errorf("read %s: no usage_usec", g.file("cpu.stat"))
}

// Members lists the living processes of the group, whoever their parents are now.
func (g Group) Members() ([]int, error) {
	if g == "" {
		return nil, nil
	}
	text, err := os.ReadFile(g.file("cgroup.procs"))
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, field := range strings.Fields(string(text)) {
		pid, err := strconv.Atoi(field)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", g.file("cgroup.procs"), err)
		}
		if pid > 0 { // 0 is a process that this one's pid namespace does not show
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// Kill kills all in the group but this process, and what it forks meanwhile too where the
// system can (cgroup.kill of version 2, where this process is in no such group).
func (g Group) Kill() {
	if g == "" {
		return
	}
	if f, err := os.OpenFile(g.file("cgroup.kill"), os.O_WRONLY, 0); err == nil {
		_, err = f.WriteString("1")
		f.Close()
		if err == nil {
			return
		}
	}
	pids, _ := g.Members()
	for _, pid := range pids {
		if pid != os.Getpid() {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// removing is how long a group is tried to be removed, which takes some ms at most.
const removing = 5 * time.Second

// End kills what is left in the group, apart from this process, and removes it. One
// that is removed already is no error.
func (g Group) End() error {
	if g == "" {
		return nil
	}
	// A process that ended, and was waited for, may be in the group for a moment more.
	// Version 1 has no event for the moment at which it is not.
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		err := os.Remove(string(g))
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if !errors.Is(err, syscall.EBUSY) || time.Since(began) > removing {
			return fmt.Errorf("control group: %w", err)
		}
		g.Kill()
	}
}

func (g Group) file(name string) string { return filepath.Join(string(g), name) }

// Home is the control group of this process in a mounted hierarchy.
type Home struct {
	Unified     bool     // version 2
	Controllers []string // of version 1: those of the hierarchy
	// Mount is where the hierarchy is mounted and Dir is the group's directory, both
	// relative to the root of the file system.
	Mount, Dir string
	// Seen is false if the mount does not show the group, as in a container that is
	// told the host's path; Dir is then Mount.
	Seen bool
}

// Homes lists the control groups of this process, in the order of the mounts.
func Homes(root fs.FS) []Home {
	groups, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return nil
	}
	mounts, _ := fs.ReadFile(root, "proc/self/mountinfo")
	var all []Home
	for mount := range strings.Lines(string(mounts)) {
		for line := range strings.Lines(string(groups)) {
			parts := strings.SplitN(strings.TrimSpace(line), ":", 3) // ID:CONTROLLERS:PATH, cgroups(7)
			if len(parts) != 3 {
				continue
			}
			if h, ok := home(mount, parts[1], parts[2]); ok {
				all = append(all, h)
			}
		}
	}
	return all
}

// home matches a line of proc_pid_mountinfo(5), ID PARENT DEVICE ROOT MOUNTPOINT
// OPTIONS ... - TYPE SOURCE SUPEROPTIONS, with the controllers, none of version 2, and
// the path of a group.
func home(mount, controllers, group string) (Home, bool) {
	before, after, _ := strings.Cut(mount, " - ")
	left, right := strings.Fields(before), strings.Fields(after)
	if len(left) < 5 || len(right) < 3 {
		return Home{}, false
	}
	h := Home{Mount: strings.TrimPrefix(left[4], "/")}
	switch right[0] {
	case "cgroup2":
		if controllers != "" {
			return Home{}, false
		}
		h.Unified = true
	case "cgroup":
		h.Controllers = strings.Split(controllers, ",")
		options := strings.Split(right[2], ",")
		for _, c := range h.Controllers {
			if !slices.Contains(options, c) {
				return Home{}, false
			}
		}
	default:
		return Home{}, false
	}
	below, ok := strings.CutPrefix(group+"/", strings.TrimSuffix(left[3], "/")+"/")
	h.Seen = ok && !strings.HasPrefix(below, "..")
	if h.Seen {
		h.Dir = path.Join(h.Mount, below)
	} else {
		h.Dir = h.Mount
	}
	return h, true
}

// Upward is the directory of the group and those of all above it within the mount.
func (h Home) Upward() []string {
	var dirs []string
	for dir := h.Dir; ; dir = path.Dir(dir) {
		dirs = append(dirs, dir)
		if len(dir) <= len(h.Mount) {
			return dirs
		}
	}
}
