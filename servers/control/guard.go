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
	Death    time.Duration // how long what was killed may take to be gone
	Listener bool          // descriptor fdListener becomes the candidate's descriptor 3
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
	Escaped int    // exited: processes the main process left running; they were killed
	Left    bool   // exited: something could not be killed
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
	g := &guard{order: o, mark: proc.OwnMark(), hopeless: make(chan struct{})}
	started := time.Now().UnixNano()
	if err := g.start(); err != nil {
		_ = events.Encode(event{Kind: eventFailed, Error: err.Error()})
		return 1
	}
	_ = events.Encode(event{Kind: eventStarted, PID: g.pid, Group: string(g.group), At: started})
	exited := make(chan event, 1)
	go func() { exited <- g.reap() }()
	go g.obey(orders)
	select {
	case e := <-exited:
		g.tidy()
		_ = events.Encode(e)
	case <-g.hopeless:
		if events.Encode(event{Kind: eventExited, Code: -1, Signal: int(syscall.SIGKILL), Left: true}) == nil {
			return 0 // benchctl is there, and tells of it
		}
		<-exited
		g.tidy()
	}
	if g.alone.Load() && g.order.Scratch != "" {
		_ = os.RemoveAll(g.order.Scratch)
	}
	return 0
}

// tidy removes what is left of a candidate that has ended.
func (g *guard) tidy() {
	_ = g.group.End() // benchctl tries again, and tells
	select {
	case <-g.logged: // everything that held the pipe is dead, so it ends
	case <-time.After(g.order.Death):
	}
}

// ignoreTerminal leaves Ctrl-C to benchctl, which decides what stops when. The
// signals are taken and dropped, not ignored: what is ignored stays so in the
// candidate, which would then be deaf.
func ignoreTerminal() {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
}

type guard struct {
	order    order
	mark     proc.Mark // of the candidate's processes, and of this one
	pid      int
	group    proc.Group    // "" for none
	alone    atomic.Bool   // benchctl let go of the pipe
	logged   chan struct{} // closed when the candidate's output has been written
	hopeless chan struct{} // closed when the main process should have died long since
}

// start forks the candidate into a process group of its own, and a control group
// where one can be made, with the death of the guard as its own.
func (g *guard) start() error {
	if err := adoptOrphans(true); err != nil {
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
			t := g.traces()
			t.kill(t.living())
			time.Sleep(2 * g.order.Death) // reap needs one itself
			close(g.hopeless)
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
	e := event{Kind: eventExited}
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		if err != nil && !errors.Is(err, syscall.EINTR) {
			break // there is no child
		}
		if pid == g.pid {
			e.Code = status.ExitStatus()
			if status.Signaled() {
				e.Signal = int(status.Signal())
			}
			break
		}
	}
	killed, left := g.traces().sweep(reapAll, g.order.Death)
	e.Escaped, e.Left = len(killed), len(left) > 0
	return e
}

// traces are all that tells the candidate's processes.
func (g *guard) traces() traces {
	return traces{roots: []int{os.Getpid()}, main: g.pid, group: g.group, mark: g.mark}
}

// reapAll waits for all children that have ended.
func reapAll([]int) {
	for {
		pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
		if err == nil && pid == 0 || err != nil && !errors.Is(err, syscall.EINTR) {
			return
		}
	}
}
