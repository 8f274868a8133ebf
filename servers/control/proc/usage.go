package proc

import (
	"bytes"
	"fmt"
	"os"
	"time"
)

// Process is what the process table tells of a process beside who started it.
type Process struct {
	PID       int
	Name      string        // of its program, 15 bytes at most (comm of proc(5))
	CPU       time.Duration // that it has used so far, in ticks of 10 ms
	Processor int           // that it ran on last
}

// String names it.
func (p Process) String() string {
	if p.Name == "" {
		return fmt.Sprintf("PID %d", p.PID)
	}
	return fmt.Sprintf("PID %d (%s)", p.PID, p.Name)
}

// Named are processes by their numbers, those that have ended without a name.
func Named(pids []int) []Process {
	var all []Process
	for _, pid := range pids {
		name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
		all = append(all, Process{PID: pid, Name: string(bytes.TrimSpace(name))})
	}
	return all
}
