package measure

import (
	"fmt"
	"os"

	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/servers/control/proc"
)

// Holdings are what the processes of a tree hold; nil if the system does not tell.
func (t *Tree) Holdings() *results.Holdings {
	mib, err := t.Memory()
	if err != nil {
		return nil
	}
	h := &results.Holdings{MemoryMiB: mib}
	pids := t.PIDs()
	zombies, _ := proc.Zombies(pids)
	h.Zombies = len(zombies)
	for _, pid := range pids {
		threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
		if err != nil {
			continue // it has ended
		}
		files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
		if err != nil {
			continue
		}
		h.Processes++
		h.Threads += len(threads)
		h.Files += len(files)
	}
	return h
}
