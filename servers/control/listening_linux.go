package control

import (
	"fmt"
	"os"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/benchctl/benchctl/servers/control/proc"
)

// ListenerCPUs is where the threads may run of the processes that listen on a TCP port of
// this machine, all together; empty if that can't be told of each socket.
func ListenerCPUs(port int) (cpus CPUs) {
	owners, err := proc.ListenerOwners(port, everyone())
	if err != nil || !owners.All() {
		return nil
	}
	for _, pid := range owners.PIDs {
		its := threadCPUs(pid)
		if len(its) == 0 {
			return nil
		}
		cpus = append(cpus, its...)
	}
	slices.Sort(cpus)
	return slices.Compact(cpus)
}

// threadCPUs is where the threads of a process may run; empty if the process has ended. A
// thread that ends meanwhile is left out.
func threadCPUs(pid int) (cpus CPUs) {
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return nil
	}
	for _, task := range tasks {
		var set unix.CPUSet
		if tid, err := strconv.Atoi(task.Name()); err == nil && unix.SchedGetaffinity(tid, &set) == nil {
			cpus = append(cpus, cpusOf(set)...)
		}
	}
	return cpus
}

// everyone is all processes of this machine.
func everyone() (pids []int) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

func cpusOf(set unix.CPUSet) (cpus CPUs) {
	for n := 0; len(cpus) < set.Count(); n++ {
		if set.IsSet(n) {
			cpus = append(cpus, n)
		}
	}
	return cpus
}
