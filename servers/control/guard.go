package control

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"sync"
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
// It reaps what it adopts, tells a successor of the main process from an orphan, does what
// benchctl asks, and reports what happens.

// RunGuard is the body of the guard process; cmd/benchctl calls it for the hidden
// command that Start's guard argument names. It returns the exit code.
func RunGuard() int {
	runtime.LockOSThread() // the parent-death signal follows the thread that forks
	ignoreTerminal()
	orders := bufio.NewReader(os.NewFile(fdOrders, "orders"))
	reports := newReporter(os.NewFile(fdEvents, "events"))
	syscall.CloseOnExec(fdOrders)
	syscall.CloseOnExec(fdEvents)
	syscall.CloseOnExec(fdListener) // harmless if there is none

	line, err := orders.ReadBytes('\n')
	if err != nil {
		return 1 // benchctl went before it said anything
	}
	o, err := parseOrder(line)
	if err != nil {
		_ = reports.tell(report{Kind: eventFailed, Error: "order: " + err.Error()})
		return 1
	}
	g := newGuard(o, reports)
	children := make(chan os.Signal, 1) // one tells of many
	signal.Notify(children, syscall.SIGCHLD)
	started := reports.now()
	if err := g.start(); err != nil {
		_ = reports.tell(report{Kind: eventFailed, Error: err.Error()})
		return 1
	}
	_ = reports.tell(report{Kind: EventStarted, At: started, PID: g.main, Job: g.job, Generation: g.n, Group: string(g.group)})
	go g.reap(children)
	go g.obey(orders)
	g.watch()
	return 0
}

// guard is what the guard process knows.
type guard struct {
	order    order
	mark     proc.Mark  // of the candidate's processes, and of this one
	home     proc.Home  // where the candidate's control group is
	group    proc.Group // "" for none
	reports  *reporter
	alone    atomic.Bool   // benchctl let go of the pipe
	logged   chan struct{} // closed when the candidate's output has been written
	over     chan struct{} // closed when there is no main process any longer
	hopeless chan struct{} // closed when the main process should have died long since

	mu          sync.Mutex         // of what follows, and held while a child is reaped or a signal is sent
	generations                    // of the main process
	status      syscall.WaitStatus // of the last main process, once it is over
	commands    map[int]*command   // that run, by PID
	running     sync.WaitGroup     // of the commands, until they are answered
}

func newGuard(o order, r *reporter) *guard {
	return &guard{
		order: o, mark: proc.OwnMark(), reports: r, commands: make(map[int]*command),
		over: make(chan struct{}), hopeless: make(chan struct{}),
	}
}

// watch sees to the end of the candidate, and reports it.
func (g *guard) watch() {
	exited := make(chan report, 1)
	go func() { exited <- g.finish() }()
	select {
	case r := <-exited:
		g.tidy()
		_ = g.reports.tell(r)
	case <-g.hopeless:
		r := report{Kind: EventExited, Code: -1, Signal: int(syscall.SIGKILL), Left: true}
		if g.reports.tell(r) == nil {
			return // benchctl is there, and tells of it
		}
		<-exited
		g.tidy()
	}
	if g.alone.Load() && g.order.Scratch != "" {
		_ = os.RemoveAll(g.order.Scratch)
	}
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
	path, program, err := g.order.User.program(path)
	if err != nil {
		return err
	}
	defer program.Close()            // nil too
	null, err := os.Open(os.DevNull) // closed, its number would be that of the next file opened
	if err != nil {
		return err
	}
	defer null.Close()
	files := []*os.File{null, output, output}
	if g.order.Listener {
		files = append(files, os.NewFile(fdListener, "listener"))
	}
	sys := g.own(ownGroup())
	if g.order.Init {
		if err := asInit(sys); err != nil {
			return err
		}
	}
	p, err := g.fork(path, &os.ProcAttr{Dir: g.order.Dir, Env: g.environ(), Files: files, Sys: sys})
	if err != nil {
		return err
	}
	g.begin(p.Pid)
	if g.order.Listener {
		files[3].Close()
	}
	return p.Release() // collect waits for every child, this one too
}

// own makes what a child runs with that of the candidate's user.
func (g *guard) own(sys *syscall.SysProcAttr) *syscall.SysProcAttr {
	sys.Credential = g.order.User.credential()
	return sys
}

// environ is what the order sets, each name once: of two a program takes the first, which
// would be the one that was to change.
func (g *guard) environ() []string { return (&exec.Cmd{Env: g.order.Env}).Environ() }

// logPipe returns where the candidate writes; what comes is kept, bounded. To standard
// error it writes by itself: to copy a line for every request would take a processor. One
// of another user may not be able to open that, as by /dev/stderr.
func (g *guard) logPipe() (*os.File, error) {
	g.logged = make(chan struct{})
	if g.order.Log == LogStderr && g.order.User == nil {
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
	if u := g.order.User; u != nil {
		_ = w.Chown(int(u.UID), int(u.GID)) // else it can't be opened by its path
	}
	return w, nil
}
