package control

import (
	"os"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/benchctl/benchctl/servers/control/proc"
)

// ListenerCPUs is where the processes may run that listen on a TCP port of this machine,
// all together; empty if that can't be told of each socket.
func ListenerCPUs(port int) (cpus CPUs) {
	owners, err := proc.ListenerOwners(port, everyone())
	if err != nil || !owners.All() {
		return nil
	}
	for _, pid := range owners.PIDs {
		var set unix.CPUSet
		if unix.SchedGetaffinity(pid, &set) != nil {
			return nil
		}
		cpus = append(cpus, cpusOf(set)...)
	}
	slices.Sort(cpus)
	return slices.Compact(cpus)
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
