package proc

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
)

// Inner is the number of a process in its own pid namespace, as it knows itself: the last of
// NSpid in proc_pid_status(5). It is pid itself where that is the namespace of this process.
func Inner(pid int) (int, error) {
	path := fmt.Sprintf("/proc/%d/status", pid)
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(text) {
		if numbers, ok := bytes.CutPrefix(line, []byte("NSpid:")); ok {
			all := bytes.Fields(numbers)
			return strconv.Atoi(string(all[len(all)-1]))
		}
	}
	return 0, fmt.Errorf("read %s: no NSpid", path)
}

// Zombies are the processes that have ended as children of some, and that those have not
// waited for.
func Zombies(parents []int) (zombies []int, err error) {
	all, err := pids()
	if err != nil {
		return nil, err
	}
	for _, pid := range all {
		fields, err := stat(pid)
		if err != nil || !dead(fields) {
			continue
		}
		if of, err := strconv.Atoi(string(fields[parent])); err == nil && slices.Contains(parents, of) {
			zombies = append(zombies, pid)
		}
	}
	return zombies, nil
}
