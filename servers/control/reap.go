package control

import (
	"errors"
	"os"
	"syscall"
)

// reap waits for the guard's children, and is told of their ends by children.
func (g *guard) reap(children <-chan os.Signal) {
	for range children {
		g.collect()
	}
}

// collect waits for all children that have ended.
func (g *guard) collect() {
	for g.collectOne() {
	}
}

// collectOne waits for one, and tells whether there may be more. As no signal is sent
// meanwhile, none goes to a process that has the number of one that was reaped.
func (g *guard) collectOne() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	var status syscall.WaitStatus
	pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
	if err != nil || pid <= 0 {
		return errors.Is(err, syscall.EINTR)
	}
	if c, ok := g.commands[pid]; ok {
		g.commandEnded(c, status)
		return true
	}
	main := pid == g.main
	if main || g.order.Observed {
		r := endOf(EventEnded, status)
		r.PID, r.Main = pid, main
		if main {
			r.Generation = g.n
		}
		_ = g.reports.tell(r)
	}
	if main {
		g.succeed(status)
	}
	return true
}

// succeed puts another in the place of the main process, or ends the candidate.
func (g *guard) succeed(status syscall.WaitStatus) {
	next := g.successor(func(pid int) bool { return g.commands[pid] != nil })
	if next == 0 {
		g.main, g.status = 0, status
		close(g.over)
		return
	}
	g.begin(next)
	_ = g.reports.tell(report{Kind: EventGeneration, PID: g.main, Job: g.job, Generation: g.n})
}

// finish waits until the candidate has ended, and then ends and reaps whatever it left.
func (g *guard) finish() report {
	<-g.over
	g.letCommandsEnd()
	killed, left := g.traces().sweep(func([]int) { g.collect() }, g.order.Death)
	r := endOf(EventExited, g.status)
	r.Escaped, r.Left = len(killed), len(left) > 0
	return r
}

// letCommandsEnd waits for commands that run, as those that watch the candidate end: the
// candidate has not left them. They have the time that what was killed has.
func (g *guard) letCommandsEnd() {
	ended := make(chan struct{})
	go func() {
		g.running.Wait()
		close(ended)
	}()
	if within(ended, g.order.Death) {
		return
	}
	g.mu.Lock()
	g.killCommands()
	g.mu.Unlock()
	within(ended, g.order.Death)
}

// traces are all that tells the candidate's processes.
func (g *guard) traces() traces {
	g.mu.Lock()
	defer g.mu.Unlock()
	return traces{roots: []int{os.Getpid()}, job: g.job, group: g.group, mark: g.mark}
}
