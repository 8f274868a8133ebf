package measure

import "github.com/benchctl/benchctl/servers/control/proc"

// counters are what is counted of a server's processes besides CPU time and memory, by
// the names that trials have them under.
var counters = map[string]func(pid int) (uint64, error){
	"page_faults": proc.Faults,
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
