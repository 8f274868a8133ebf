package measure

import (
	"fmt"
	"os"

	"github.com/benchctl/benchctl/servers/control/proc"
)

// counters are what is counted of a server's processes besides CPU time and memory, by
// the names that trials have them under.
var counters = map[string]func(pid int) (uint64, error){
	"page_faults":      proc.Faults,
	"context_switches": contextSwitches,
}

// contextSwitches is how often the threads of a process that are there now gave up a processor or
// lost it (/proc/PID/task/TID/status, proc(5)). Those of threads that ended are lost.
func contextSwitches(pid int) (sum uint64, err error) {
	dir := fmt.Sprintf("/proc/%d/task", pid)
	threads, err := os.ReadDir(dir)
	for _, t := range threads {
		n, err := fields(fmt.Sprintf("%s/%s/status", dir, t.Name()), "voluntary_ctxt_switches:", "nonvoluntary_ctxt_switches:")
		if err == nil { // else the thread has ended
			sum += n[0] + n[1]
		}
	}
	return sum, err
}

// Counts reads all counters of the tree's processes.
func (t *Tree) Counts() Counts {
	all, pids := make(Counts, len(counters)), t.PIDs()
	for name, of := range counters {
		all[name] = make(map[int]uint64, len(pids))
		for _, pid := range pids {
			if n, err := of(pid); err == nil {
				all[name][pid] = n
			}
		}
	}
	return all
}
