package control

import (
	"cmp"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/benchctl/benchctl/servers/control/proc"
)

// Patience bounds the waits on what takes milliseconds where nothing is wrong. 0 stands
// for the defaults.
type Patience struct {
	// Start is how long a guard may take to start its candidate, and Guard how long to
	// tell that all is gone, once it is told to kill. It is killed then.
	Start, Guard time.Duration
	// Death is how long what was killed may take to be gone: a process that waits for
	// a disk in vain, in state D, does not end.
	Death time.Duration
	// Command is how long the command of a verb may take. It is killed then.
	Command time.Duration
}

// Defaults of Patience. A guard waits for deaths, the removal of the control group and
// the end of the output.
const (
	defaultStart = time.Minute
	defaultGuard = 20 * time.Second
	defaultDeath = 5 * time.Second

	defaultCommand = time.Minute
)

func (p Patience) orDefault() Patience {
	return Patience{
		Start: cmp.Or(p.Start, defaultStart), Guard: cmp.Or(p.Guard, defaultGuard),
		Death: cmp.Or(p.Death, defaultDeath), Command: cmp.Or(p.Command, defaultCommand),
	}
}

// traces are all that tells the processes of one candidate.
type traces struct {
	roots []int      // all that descends from them, themselves too
	job   int        // process group of the main process
	group proc.Group // control group, "" for none
	mark  proc.Mark
}

// living lists the processes that there are, but for this one.
func (t traces) living() []int {
	var found []int
	for _, root := range t.roots {
		tree, _ := proc.Tree(root)
		found = append(found, tree...)
	}
	if t.job > 0 {
		job, _ := proc.Job(t.job)
		found = append(found, job...)
	}
	members, _ := t.group.Members() // fails once it is removed
	marked, _ := proc.Marked(t.mark)
	found = slices.Concat(found, members, marked)
	slices.Sort(found)
	return slices.DeleteFunc(slices.Compact(found), func(pid int) bool { return pid == os.Getpid() || !proc.Alive(pid) })
}

// sweep kills the candidate's processes until there is none, those too that are forked
// meanwhile, and tells which it killed, and which are left when patience is at its end.
// reap waits for those that are this process's children.
func (t traces) sweep(reap func(killed []int), patience time.Duration) (killed, left []int) {
	end := time.Now().Add(patience)
	for left = t.living(); len(left) > 0; left = t.living() {
		if len(killed) > 0 && time.Now().After(end) {
			break
		}
		t.kill(left)
		killed = append(killed, left...)
		for reap(killed); slices.ContainsFunc(left, proc.Alive) && time.Now().Before(end); reap(killed) {
			time.Sleep(time.Millisecond)
		}
	}
	if len(left) == 0 {
		t.kill(nil) // where the process table is not told
	}
	reap(killed)
	slices.Sort(killed)
	return slices.Compact(killed), left
}

// kill kills processes of the candidate that were found, with those that its process
// group and control group have got since.
func (t traces) kill(found []int) {
	if t.job > 0 {
		_ = syscall.Kill(-t.job, syscall.SIGKILL)
	}
	t.group.Kill()
	for _, pid := range found {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}
