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
	all, err := pids()
	if err != nil {
		return Table{}, err
	}
	children := make(map[int][]int)
	for _, pid := range all {
		if parent, err := parentOf(pid); err == nil {
			children[parent] = append(children[parent], pid)
		}
	}
	return Table{children}, nil
}

// pids lists all processes.
func pids() ([]int, error) {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	var all []int
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			all = append(all, pid)
		}
	}
	return all, nil
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

// Job lists the processes of a process group (setpgid(2)), zombies too.
func Job(group int) ([]int, error) {
	all, err := pids()
	if err != nil {
		return nil, err
	}
	var members []int
	for _, pid := range all {
		if fields, err := stat(pid); err == nil && string(fields[processGroup]) == strconv.Itoa(group) {
			members = append(members, pid)
		}
	}
	return members, nil
}

// Descends tells whether a living process is root or descends from it. Unlike a table
// it misses none that was forked, or lost its parent, meanwhile.
func Descends(pid, root int) bool {
	for at := pid; at > 1; {
		if at == root {
			return true
		}
		parent, err := parentOf(at)
		switch {
		case err == nil:
			at = parent
		case at == pid || !Alive(pid):
			return false
		default:
			at = pid // one between them ended, and another is the parent now
		}
	}
	return false
}

// Alive tells whether a process is there and no zombie.
func Alive(pid int) bool {
	_, err := parentOf(pid)
	return err == nil
}

// Describe names a process for a message, with its state (proc_pid_stat(5)), as in
// "PID 12 (nginx), state D".
func Describe(pid int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return fmt.Sprintf("PID %d", pid)
	}
	open, end := bytes.IndexByte(text, '('), bytes.LastIndexByte(text, ')')
	return fmt.Sprintf("PID %d %s, state %s", pid, text[open:end+1], bytes.Fields(text[end+1:])[state])
}

// started is when a process was started, in ticks of 10 ms since boot.
func started(pid int) (uint64, error) {
	fields, err := stat(pid)
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(string(fields[startTime]), 10, 64)
}

// parentOf tells a process's parent.
func parentOf(pid int) (int, error) {
	fields, err := stat(pid)
	if err != nil {
		return 0, err
	}
	if dead(fields) {
		return 0, fmt.Errorf("process %d: zombie", pid)
	}
	return strconv.Atoi(string(fields[parent]))
}

// dead tells whether these are the fields of a process that has ended. One whose first
// thread has ended before others is shown as a zombie, and is none.
func dead(fields [][]byte) bool {
	s := fields[state][0]
	return s == 'X' || s == 'Z' && string(fields[threads]) == "1"
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
	flags          = 6
	minorFaults    = 7
	majorFaults    = 9
	processGroup   = 2
	sessionID      = 3
	terminalNumber = 4
	childrenUser   = 13
	childrenSystem = 14
	threads        = 17
	startTime      = 19

	userHz = 100 // on every architecture of today
)

// stat is the fields of /proc/PID/stat from the state on. The command name before
// it may hold anything, also parentheses, so they are counted from the last one.
func stat(pid int) ([][]byte, error) { return statOf(fmt.Sprintf("/proc/%d", pid)) }

// Faults is how many page faults a process has had, minor and major, all threads together.
func Faults(pid int) (uint64, error) {
	fields, err := stat(pid)
	if err != nil {
		return 0, err
	}
	minor, err := strconv.ParseUint(string(fields[minorFaults]), 10, 64)
	if err != nil {
		return 0, err
	}
	major, err := strconv.ParseUint(string(fields[majorFaults]), 10, 64)
	return minor + major, err
}

// statOf is stat of a process's or a thread's directory.
func statOf(dir string) ([][]byte, error) {
	text, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return nil, err
	}
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) <= startTime {
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
