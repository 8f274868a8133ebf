package proc

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// ReadUsage reads the process table as ReadTable does, and with it what each process has
// used; zombies are left out of both.
func ReadUsage() (Table, map[int]Process, error) {
	dir, err := os.Open("/proc")
	if err != nil {
		return Table{}, nil, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return Table{}, nil, err
	}
	table, all := Table{children: make(map[int][]int)}, make(map[int]Process, len(names))
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		p, parent, err := usageOf(pid)
		if err != nil {
			continue // it has ended
		}
		table.children[parent] = append(table.children[parent], pid)
		all[pid] = p
	}
	return table, all, nil
}

// Fields of /proc/PID/stat that ReadUsage takes, numbered as those of stat are.
const (
	ownUser   = 11
	ownSystem = 12
	processor = 36
)

// usageOf reads one process.
func usageOf(pid int) (p Process, parentPID int, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return p, 0, err
	}
	before, rest := text[:bytes.LastIndexByte(text, ')')+1], text[bytes.LastIndexByte(text, ')')+1:]
	fields := bytes.Fields(rest)
	if len(fields) <= processor {
		return p, 0, fmt.Errorf("read /proc/%d/stat: too few fields", pid)
	}
	if dead(fields) {
		return p, 0, fmt.Errorf("process %d: zombie", pid)
	}
	var numbers [4]int
	for i, field := range []int{parent, ownUser, ownSystem, processor} {
		if numbers[i], err = strconv.Atoi(string(fields[field])); err != nil {
			return p, 0, fmt.Errorf("read /proc/%d/stat: %w", pid, err)
		}
	}
	_, name, _ := bytes.Cut(bytes.TrimSuffix(before, []byte(")")), []byte("("))
	cpu := time.Duration(numbers[1]+numbers[2]) * time.Second / userHz
	return Process{PID: pid, Name: string(name), CPU: cpu, Processor: numbers[3]}, numbers[0], nil
}
