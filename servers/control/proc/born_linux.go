package proc

import "strconv"

// Children lists the living processes whose parent a process is.
func Children(pid int) ([]int, error) {
	t, err := ReadTable()
	if err != nil {
		return nil, err
	}
	return t.children[pid], nil
}

// Executed tells whether a process has executed a program since it was forked: workers that
// a server forks have not, a program that it starts has. The kernel tells it by
// PF_FORKNOEXEC of include/linux/sched.h, which ps(1) shows as flag 1.
func Executed(pid int) bool {
	const forkedOnly = 0x40
	fields, err := stat(pid)
	if err != nil {
		return false
	}
	all, err := strconv.ParseUint(string(fields[flags]), 10, 64)
	return err == nil && all&forkedOnly == 0
}
