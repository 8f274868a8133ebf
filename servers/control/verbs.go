package control

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// obey does what benchctl asks until its end of the pipe closes; then it kills. Commands
// are forked by this thread, which has the candidate's processors.
func (g *guard) obey(orders *bufio.Reader) {
	runtime.LockOSThread()
	_ = pinThread(g.order.CPUs) // as start did
	for {
		line, err := orders.ReadBytes('\n')
		if err != nil {
			g.letGo()
			return
		}
		if a, err := parseAsk(line); err == nil { // else benchctl broke it off, and waits no longer
			g.do(a)
		}
	}
}

// letGo kills the candidate, of which benchctl wants to know nothing any longer.
func (g *guard) letGo() {
	g.alone.Store(true)
	g.mu.Lock()
	g.sealed = true
	g.killCommands()
	g.mu.Unlock()
	t := g.traces()
	t.kill(t.living())
	time.Sleep(2 * g.order.Death) // finish needs one itself
	close(g.hopeless)
}

// do does what was asked, and answers as soon as it is done. A verb that the candidate
// does not offer is refused: no signal is right for it.
func (g *guard) do(a ask) {
	g.mu.Lock()
	defer g.mu.Unlock()
	r := report{Kind: EventAnswered, ID: a.ID, Verb: a.Verb, Outcome: outcomeDone}
	action, offered := g.order.Verbs[a.Verb]
	if !offered || g.main == 0 {
		r.Outcome = outcomeRefused
		if offered {
			r.Outcome = outcomeEnded
		}
		_ = g.reports.tell(r)
		return
	}
	first := a.Verb == Upgrade && g.expect()
	r.Sent, r.Generation = g.reports.now(), g.n
	var err error
	if action.Signal == 0 {
		if err = g.run(r, action.Argv, first); err == nil {
			return // it is answered when that has ended
		}
	} else {
		r.PID = g.main
		err = syscall.Kill(g.main, action.Signal)
	}
	if err != nil {
		r.Outcome, r.Error = outcomeFailed, err.Error()
		g.failed(first)
	}
	_ = g.reports.tell(r)
}

// failed takes back that a successor is expected, if it was for what has failed.
func (g *guard) failed(first bool) {
	if first {
		g.before = nil
	}
}

// command is a running command of a verb.
type command struct {
	answer  report // to complete when it has ended
	argv    []string
	first   bool // it is what a successor is expected for
	output  tail
	silent  chan struct{} // closed when all that had its output is gone
	late    *time.Timer
	overdue bool // it was killed as it took too long
}

// run starts the command of a verb as the candidate is started, with its processors,
// environment and control group, in a process group of its own.
func (g *guard) run(answer report, argv []string, first bool) error {
	cmd := exec.Command(argv[0], argv[1:]...) // for its path alone
	if cmd.Err != nil {
		return cmd.Err
	}
	path, program, err := g.order.User.program(cmd.Path)
	if err != nil {
		return err
	}
	defer program.Close() // nil too
	null, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	defer null.Close()
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer w.Close()
	p, err := g.join(path, argv, &os.ProcAttr{Dir: g.order.Dir, Env: g.environ(), Files: []*os.File{null, w, w}, Sys: g.own(&syscall.SysProcAttr{Setpgid: true})})
	if err != nil {
		r.Close()
		return err
	}
	answer.PID = p.Pid
	c := &command{answer: answer, argv: argv, first: first, silent: make(chan struct{})}
	c.late = time.AfterFunc(g.order.Command, func() { g.overrun(c) })
	g.commands[p.Pid] = c
	g.running.Add(1)
	go func() { // to the end: what the command has started may write still
		defer close(c.silent)
		defer r.Close()
		_, _ = io.Copy(&c.output, r)
	}()
	return p.Release() // collect waits for every child
}

// overrun ends a command that takes too long.
func (g *guard) overrun(c *command) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.commands[c.answer.PID] == c {
		c.overdue = true
		_ = syscall.Kill(-c.answer.PID, syscall.SIGKILL)
	}
}

// killCommands ends those that run.
func (g *guard) killCommands() {
	for pid := range g.commands {
		_ = syscall.Kill(-pid, syscall.SIGKILL)
	}
}

// lastOutput is how long is waited for the end of a command's output once it has ended,
// which comes at once unless something that it started has it too.
const lastOutput = time.Second

// commandEnded answers what the command was for.
func (g *guard) commandEnded(c *command, status syscall.WaitStatus) {
	c.late.Stop()
	delete(g.commands, c.answer.PID)
	r := c.answer
	r.Ended, r.Code = g.reports.now(), status.ExitStatus()
	fault := ""
	switch {
	case c.overdue:
		fault = fmt.Sprintf("did not end within %v and was killed", g.order.Command)
	case status.Signaled():
		fault = "ended by signal: " + status.Signal().String()
	case r.Code != 0:
		fault = fmt.Sprintf("exit status %d", r.Code)
	}
	if fault != "" {
		g.failed(c.first)
	}
	go func() {
		defer g.running.Done()
		within(c.silent, lastOutput)
		if fault != "" {
			r.Outcome, r.Error = outcomeFailed, filepath.Base(c.argv[0])+": "+fault
			if said := c.output.String(); said != "" {
				r.Error += "; its output ends:\n" + said
			}
		}
		_ = g.reports.tell(r)
	}()
}

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

// maxTail bounds what a tail keeps, in bytes.
const maxTail = 2 << 10

// Write implements io.Writer; it never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	t.text = bytes.Clone(t.text[max(0, len(t.text)-maxTail):])
	return len(p), nil
}

// String is the last lines of it.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return lastLines(t.text, 5)
}
