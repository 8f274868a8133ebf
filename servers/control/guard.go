package control

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/benchctl/benchctl/servers/control/proc"
)

// A guard is a small process between benchctl and one candidate. It exists so
// that no candidate outlives benchctl: it reads orders from a pipe whose other
// end only benchctl holds, so the end of that pipe, however it came about, makes
// the guard kill the candidate and everything that descends from it. On Linux
// the guard adopts descendants whose parents died, so that a server that puts
// itself into the background does not escape either.
//
// benchctl writes an order, then verbs; the guard answers with events. Both are
// a JSON object a line.

// Descriptors that a guard inherits.
const (
	fdOrders = 3 + iota
	fdEvents
	fdListener // only if the order says so
)

// order is the first line to a guard: what to start.
type order struct {
	Argv     []string
	Env      []string
	Dir      string
	Verbs    map[Verb]Action
	CPUs     CPUs
	Log      string
	Scratch  string
	Groups   Groups
	Listener bool // descriptor fdListener becomes the candidate's descriptor 3
}

// event is what a guard reports.
type event struct {
	Kind    string // started, failed, exited
	PID     int    // started
	Group   string // started: the candidate's control group, "" for none
	At      int64  // started: when, Unix time in ns, taken before the process existed
	Error   string // failed
	Code    int    // exited: exit code, -1 if by a signal
	Signal  int    // exited: the signal
	Escaped int    // exited: descendants the main process left running; they were killed
}

const (
	eventStarted = "started"
	eventFailed  = "failed"
	eventExited  = "exited"
)

// RunGuard is the body of the guard process; cmd/benchctl calls it for the hidden
// command that Start's guard argument names. It returns the exit code.
func RunGuard() int {
	runtime.LockOSThread() // the parent-death signal follows the thread that forks
	ignoreTerminal()
	orders := bufio.NewReader(os.NewFile(fdOrders, "orders"))
	events := json.NewEncoder(os.NewFile(fdEvents, "events"))
	syscall.CloseOnExec(fdOrders)
	syscall.CloseOnExec(fdEvents)
	syscall.CloseOnExec(fdListener) // harmless if there is none

	var o order
	line, err := orders.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &o)
	}
	if err != nil {
		return 1 // benchctl went before it said anything
	}
	g := &guard{order: o}
	started := time.Now().UnixNano()
	if err := g.start(); err != nil {
		_ = events.Encode(event{Kind: eventFailed, Error: err.Error()})
		return 1
	}
	_ = events.Encode(event{Kind: eventStarted, PID: g.pid, Group: string(g.group), At: started})
	exited := make(chan event, 1)
	go func() { exited <- g.reap() }()
	go g.obey(orders)
	e := <-exited
	_ = g.group.End() // benchctl tries again
	<-g.logged        // everything that held the pipe is dead, so it ends
	_ = events.Encode(e)
	if g.alone.Load() && g.order.Scratch != "" {
		_ = os.RemoveAll(g.order.Scratch)
	}
	return 0
}

// ignoreTerminal leaves Ctrl-C to benchctl, which decides what stops when. The
// signals are taken and dropped, not ignored: what is ignored stays so in the
// candidate, which would then be deaf.
func ignoreTerminal() {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
}

type guard struct {
	order  order
	pid    int
	group  proc.Group    // "" for none
	alone  atomic.Bool   // benchctl let go of the pipe
	logged chan struct{} // closed when the candidate's output has been written
}

// start forks the candidate into a process group of its own, and a control group
// where one can be made, with the death of the guard as its own.
func (g *guard) start() error {
	if err := adoptOrphans(); err != nil {
		return fmt.Errorf("adopt orphans: %w", err)
	}
	if err := pinThread(g.order.CPUs); err != nil {
		return fmt.Errorf("pin to processors %s: %w", g.order.CPUs, err)
	}
	raiseFileLimit()
	output, err := g.logPipe()
	if err != nil {
		return err
	}
	defer output.Close()
	path, err := exec.LookPath(g.order.Argv[0])
	if err != nil {
		return err
	}
	files := []*os.File{nil, output, output}
	if g.order.Listener {
		files = append(files, os.NewFile(fdListener, "listener"))
	}
	p, err := g.fork(path, &os.ProcAttr{Dir: g.order.Dir, Env: g.environ(), Files: files, Sys: ownGroup()})
	if err != nil {
		return err
	}
	g.pid = p.Pid
	if g.order.Listener {
		files[3].Close()
	}
	return p.Release() // reap waits for every child, this one too
}

// environ is what the order sets, each name once: of two a program takes the first, which
// would be the one that was to change.
func (g *guard) environ() []string { return (&exec.Cmd{Env: g.order.Env}).Environ() }

// logPipe returns where the candidate writes; what comes is kept, bounded. To standard
// error it writes by itself: to copy a line for every request would take a processor.
func (g *guard) logPipe() (*os.File, error) {
	g.logged = make(chan struct{})
	if g.order.Log == LogStderr {
		close(g.logged)
		fd, err := syscall.Dup(syscall.Stderr)
		return os.NewFile(uintptr(fd), "log"), err
	}
	log, err := openLog(g.order.Log)
	if err != nil {
		return nil, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	go func() {
		defer close(g.logged)
		_, _ = io.Copy(log, r)
	}()
	return w, nil
}

// obey does what benchctl asks until its end of the pipe closes; then it kills.
func (g *guard) obey(orders *bufio.Reader) {
	for {
		line, err := orders.ReadBytes('\n')
		if err != nil {
			g.alone.Store(true)
			g.killAll()
			return
		}
		var verb Verb
		if json.Unmarshal(line, &verb) == nil {
			g.ask(verb)
		}
	}
}

func (g *guard) ask(verb Verb) {
	action, ok := g.order.Verbs[verb]
	switch {
	case !ok:
		action.Signal = syscall.SIGTERM
		fallthrough
	case action.Signal != 0:
		_ = syscall.Kill(g.pid, action.Signal)
	default:
		cmd := exec.Command(action.Argv[0], action.Argv[1:]...)
		cmd.Dir, cmd.Env = g.order.Dir, g.environ()
		_ = cmd.Start() // reaped with everything else
	}
}

// reap waits for the main process, then ends and reaps whatever it left.
func (g *guard) reap() event {
	e, over := event{Kind: eventExited}, false
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil: // ECHILD: none is left
			return e
		case pid == g.pid:
			e.Code = status.ExitStatus()
			if status.Signaled() {
				e.Signal = int(status.Signal())
			}
			e.Escaped, over = g.killAll(), true
		case over:
			// Its own children are ours now. One that it forked while the table was read may
			// have been missed before, and nothing else would tell of that.
			e.Escaped = max(e.Escaped, g.killAll())
		}
	}
}

// killAll kills the candidate's process group and all that the guard holds, and tells
// how many processes beyond the main one there were.
func (g *guard) killAll() int {
	_ = syscall.Kill(-g.pid, syscall.SIGKILL)
	escaped := 0
	held, _ := proc.Held(os.Getpid(), g.group)
	for _, pid := range held {
		if pid != g.pid {
			escaped++
		}
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	return escaped
}
