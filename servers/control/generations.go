package control

import (
	"os"

	"golang.org/x/sys/unix"

	"github.com/benchctl/benchctl/servers/control/proc"
)

// generations are the main processes that a candidate has one after the other, as a guard
// knows them. A server that upgrades itself forks a new main process, which executes the program, and
// the old one ends then. A successor is not an orphan, so the guard tells it from one: it
//
//   - came up after an upgrade was asked for, which the candidate offers;
//   - has executed a program, which a worker that was forked has not;
//   - is a child of the guard, which adopts what the main process leaves.
//
// Of several the oldest is it. Where the system has no process table or no subreapers,
// none is ever found.
type generations struct {
	n    int // of them, with the main process as it is
	main int // its PID; 0 once there is none any longer
	job  int // its process group, or that of the last one
	// before are the processes there were when an upgrade was asked for, with their births;
	// nil where none was since the main process is the main process.
	before map[int]uint64
	sealed bool // the candidate is being killed, and nothing is to succeed it
}

// begin makes a process the main one.
func (g *generations) begin(pid int) {
	g.n++
	g.main, g.job, g.before = pid, pid, nil
	if job, err := unix.Getpgid(pid); err == nil {
		g.job = job
	}
}

// expect is to be called before an upgrade is asked for. It tells whether it is the first
// time: what a second one finds may be the successor already.
func (g *generations) expect() bool {
	if g.before != nil {
		return false
	}
	tree, _ := proc.Tree(os.Getpid())
	g.before = proc.Births(tree)
	return true
}

// successor is to be called once the main process has been reaped: what it leaves has
// another parent by then. It is 0 if there is none. other tells of a child of the guard that
// it is none of the candidate's.
func (g *generations) successor(other func(pid int) bool) int {
	if g.before == nil || g.sealed {
		return 0
	}
	children, _ := proc.Children(os.Getpid())
	births := proc.Births(children)
	oldest := 0
	for pid, birth := range births {
		if was, there := g.before[pid]; there && was == birth || other(pid) || !proc.Executed(pid) {
			continue
		}
		if oldest == 0 || birth < births[oldest] || birth == births[oldest] && pid < oldest {
			oldest = pid
		}
	}
	return oldest
}
