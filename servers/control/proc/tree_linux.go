package proc

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// Tree returns root and every process that descends from it, root first. It is
// a snapshot: a process that forks meanwhile may be missed.
func Tree(root int) ([]int, error) {
	children, err := childrenByParent()
	if err != nil {
		return nil, err
	}
	tree := []int{root}
	for i := 0; i < len(tree); i++ {
		tree = append(tree, children[tree[i]]...)
	}
	return tree, nil
}

func childrenByParent() (map[int][]int, error) {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, err
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
	return children, nil
}

// parentOf reads field 4 of /proc/PID/stat (proc(5)). The command name before it
// may hold anything, also parentheses, so fields are counted from the last one.
func parentOf(pid int) (int, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 2 {
		return 0, fmt.Errorf("read /proc/%d/stat: too few fields", pid)
	}
	if fields[0][0] == 'Z' {
		return 0, fmt.Errorf("process %d: zombie", pid)
	}
	return strconv.Atoi(string(fields[1]))
}
