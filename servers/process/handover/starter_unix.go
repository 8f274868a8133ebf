//go:build unix

package handover

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// outputWait is how long the output of a worker that has ended may still come, from a
// process that it has started.
const outputWait = time.Second

// forker starts workers, on one thread: the kernel sends a parent-death signal when the
// thread ends that has forked (prctl(2)).
type forker struct {
	config  Config
	sockets []*os.File
	forks   chan func()
}

// newStarter makes the starter of workers by fork and exec. It has descriptors of the
// sockets of its own.
func newStarter(c Config) (starter, error) {
	f := &forker{config: c, forks: make(chan func())}
	for _, ln := range c.Listeners {
		file, err := duplicate(ln)
		if err != nil {
			f.release()
			return nil, fmt.Errorf("handover: listener %s: %w", ln.Addr(), err)
		}
		f.sockets = append(f.sockets, file)
	}
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		for fork := range f.forks {
			fork()
		}
	}()
	return f, nil
}

// duplicate is another descriptor of a listener's socket. It is not that of its method
// File: to start a program with that makes the socket block, and it is the same socket in
// all processes. A worker that is woken for a connection which another one takes would
// stand in accept(2) then, and not see that it is to stop.
func duplicate(ln net.Listener) (*os.File, error) {
	socket, ok := ln.(syscall.Conn)
	if !ok {
		return nil, fmt.Errorf("a %T has no socket to hand over", ln)
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil, err
	}
	var fd int
	if cerr := raw.Control(func(s uintptr) { fd, err = unix.FcntlInt(s, unix.F_DUPFD_CLOEXEC, 0) }); cerr != nil {
		return nil, cerr
	}
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	return os.NewFile(uintptr(fd), "listener"), nil
}

// release implements starter.
func (f *forker) release() {
	for _, s := range f.sockets {
		s.Close()
	}
	f.sockets = nil
}

// close implements starter.
func (f *forker) close() { close(f.forks) }

// start implements starter.
func (f *forker) start(r role, to listener) (process, error) {
	orders, ordersEnd, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	reportsEnd, reports, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, orders.Close(), ordersEnd.Close())
	}
	out := &tail{to: f.config.Output}
	cmd := &exec.Cmd{
		Path: f.config.Argv[0], Args: f.config.Argv, Env: f.environ(r), Dir: f.config.Dir,
		Stdout: out, Stderr: out, // the same, so one pipe
		ExtraFiles:  append(append([]*os.File{}, f.sockets...), orders, reports),
		SysProcAttr: attributes(), WaitDelay: outputWait,
	}
	forked := make(chan error, 1)
	f.forks <- func() { forked <- cmd.Start() }
	err = <-forked
	orders.Close() // the worker has its own
	reports.Close()
	if err != nil {
		return nil, errors.Join(err, ordersEnd.Close(), reportsEnd.Close())
	}
	go follow(reportsEnd, to)
	go func() {
		how := cmd.Wait()
		if errors.Is(how, exec.ErrWaitDelay) {
			how = nil // it exited with 0, and what it has started holds its output
		}
		ordersEnd.Close()
		to.ended(how, out.String())
	}()
	return &forkedWorker{cmd.Process, ordersEnd}, nil
}

func (f *forker) environ(r role) []string {
	env := f.config.Env
	if env == nil {
		env = os.Environ()
	}
	return append(append([]string{}, env...), r.environ())
}

// follow reads what a worker reports, until it ends.
func follow(reports *os.File, to listener) {
	defer reports.Close()
	for lines := bufio.NewScanner(reports); lines.Scan(); {
		switch ready, open, err := parseReport(lines.Text()); {
		case err != nil: // a program that is no worker writes to descriptors that it does not know
		case ready:
			to.ready()
		default:
			to.open(open)
		}
	}
}

// forkedWorker is a worker process.
type forkedWorker struct {
	*os.Process
	orders *os.File
}

func (p *forkedWorker) pid() int { return p.Pid }

// tell gives an order. One that cannot be given has no taker any more.
func (p *forkedWorker) tell(order string) { _, _ = p.orders.WriteString(order + "\n") }

// kill ends the worker's process group: it is the first of one. The group of a worker
// that was waited for may be another's by now.
func (p *forkedWorker) kill() {
	if errors.Is(p.Signal(syscall.Signal(0)), os.ErrProcessDone) {
		return
	}
	if syscall.Kill(-p.Pid, syscall.SIGKILL) != nil {
		_ = p.Kill() // it has left its group, or is gone
	}
}
