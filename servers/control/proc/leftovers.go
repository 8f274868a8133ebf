package proc

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// passing is how long a guard may take to end what its candidate left, once benchctl is gone.
const passing = time.Second

// Leftovers lists the living processes of candidates whose benchctl is gone, guards
// included: it was killed, and their guard was killed as well or does not run. The
// control groups of such candidates that are empty are removed.
func Leftovers() []int {
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		left := abandoned()
		if len(left) == 0 || time.Since(began) > passing {
			return left
		}
	}
}

func abandoned() []int {
	var left []int
	marks, _ := marks()
	for pid, mark := range marks {
		if mark.Abandoned() {
			left = append(left, pid)
		}
	}
	for _, group := range abandonedGroups() {
		if os.Remove(string(group)) != nil {
			members, _ := group.Members() // also those that overwrote their environment
			left = append(left, members...)
		}
	}
	left = slices.DeleteFunc(left, func(pid int) bool { return pid == os.Getpid() || !Alive(pid) })
	slices.Sort(left)
	return slices.Compact(left)
}

// abandonedGroups are the control groups of candidates whose benchctl is gone.
func abandonedGroups() []Group {
	var groups []Group
	for _, home := range Homes(os.DirFS("/")) {
		dirs, _ := filepath.Glob(filepath.Join("/", home.Dir, prefix+"*"))
		for _, dir := range dirs {
			if markOf(dir).Abandoned() {
				groups = append(groups, Group(dir))
			}
		}
	}
	return groups
}

// RemoveAbandoned removes this user's temporary directories of benchctls that are gone, and
// those of others for root, whose candidates run as another user.
// Nothing of Leftovers may use them any longer.
func RemoveAbandoned() error {
	dirs, _ := filepath.Glob(filepath.Join(os.TempDir(), prefix+"*"))
	var failed []error
	for _, dir := range dirs {
		info, err := os.Lstat(dir)
		if err != nil || !info.IsDir() || !markOf(dir).Abandoned() {
			continue
		}
		if of, ok := info.Sys().(*syscall.Stat_t); ok && (os.Getuid() == 0 || int(of.Uid) == os.Getuid()) {
			failed = append(failed, os.RemoveAll(dir))
		}
	}
	return errors.Join(failed...)
}
