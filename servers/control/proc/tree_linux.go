package proc

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// Table tells who descends from whom. It is a snapshot: a process that forks while it
// is taken may be missed.
type Table struct {
	children map[int][]int // by parent; zombies are left out
}

// ReadTable reads the whole process table.
func ReadTable() (Table, error) {
	dir, err := os.Open("/proc")
	if err != nil {
		return Table{}, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return Table{}, err
	}
	children := make(map[int][]int)
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		if parent, err := parentOf(pid); err == nil {
			children[parent] = append(children[parent], pid)
		}
	}
	return Table{children}, nil
}

// Tree returns root and every process that descends from it, root first.
func (t Table) Tree(root int) []int {
	tree := []int{root}
	for i := 0; i < len(tree); i++ {
		tree = append(tree, t.children[tree[i]]...)
	}
	return tree
}

// Tree is Table.Tree of a new table.
func Tree(root int) ([]int, error) {
	t, err := ReadTable()
	if err != nil {
		return nil, err
	}
	return t.Tree(root), nil
}

// parentOf tells a process's parent.
func parentOf(pid int) (int, error) {
	fields, err := stat(pid)
	if err != nil {
		return 0, err
	}
	if fields[state][0] == 'Z' {
		return 0, fmt.Errorf("process %d: zombie", pid)
	}
	return strconv.Atoi(string(fields[parent]))
}

// Reaped is the CPU time of the children that a process has waited for, and of
// those they had, in ticks of 10 ms.
func Reaped(pid int) (time.Duration, error) {
	fields, err := stat(pid)
	if err != nil {
		return 0, err
	}
	var sum time.Duration
	for _, field := range fields[childrenUser : childrenSystem+1] {
		ticks, err := strconv.ParseInt(string(field), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read /proc/%d/stat: %w", pid, err)
		}
		sum += time.Duration(ticks) * time.Second / userHz
	}
	return sum, nil
}

// Fields of /proc/PID/stat after the command's name (proc(5)).
const (
	state          = 0
	parent         = 1
	childrenUser   = 13
	childrenSystem = 14

	userHz = 100 // on every architecture of today
)

// stat is the fields of /proc/PID/stat from the state on. The command name before
// it may hold anything, also parentheses, so they are counted from the last one.
func stat(pid int) ([][]byte, error) { return statOf(fmt.Sprintf("/proc/%d", pid)) }

// statOf is stat of a process's or a thread's directory.
func statOf(dir string) ([][]byte, error) {
	text, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return nil, err
	}
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) <= childrenSystem {
		return nil, fmt.Errorf("read %s/stat: too few fields", dir)
	}
	return fields, nil
}

// Runs tells whether a thread of a process runs, or waits for a processor to run on.
func Runs(pid int) bool {
	tasks := fmt.Sprintf("/proc/%d/task", pid)
	threads, err := os.ReadDir(tasks)
	if err != nil {
		return false // it has ended
	}
	for _, t := range threads {
		if fields, err := statOf(tasks + "/" + t.Name()); err == nil && fields[state][0] == 'R' {
			return true
		}
	}
	return false
}
