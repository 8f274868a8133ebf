package service

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/benchctl/benchctl/servers/control"
	"github.com/benchctl/benchctl/servers/process/handover"
	"github.com/benchctl/benchctl/servers/process/listen"
)

// Workers is a Server of processes that serve on sockets of this one (package handover).
// Each runs this program with Args, finds out by handover.Inherit that it is a worker, and
// serves by its Serve. Their temporary files are in one directory of this process, which
// goes when they have stopped: one that is killed, or ends at once, removes nothing.
type Workers struct {
	Listen    []string // specs of package listen
	ReusePort bool
	Listener  net.Listener // a socket that this process was handed, instead of Listen
	Program   string       // path of this program; each worker is what is there then
	Args      []string     // its arguments
	Count     int          // of workers at first; 0: 1
	Drain     time.Duration
	Before    func() // is called before each start, as the user that the workers run as; nil: nothing is
	Say       func(line string)

	dir        string // for temporary files
	listeners  []net.Listener
	addresses  atomic.Pointer[[]string]            // of them
	supervisor atomic.Pointer[handover.Supervisor] // nil before the first start
	started    atomic.Bool                         // all have been ready once
	told       bool                                // that no new version can be started
}

// Open implements Server.
func (w *Workers) Open(ctx context.Context) error {
	if w.Listener != nil {
		w.listeners = []net.Listener{w.Listener}
	} else {
		all, err := listen.Open(ctx, listen.Options{ReusePort: w.ReusePort}, w.Listen...)
		if err != nil {
			return err
		}
		for _, l := range all {
			w.listeners = append(w.listeners, l)
		}
	}
	var addresses []string
	for _, l := range w.listeners {
		addresses = append(addresses, Address(l.Addr()))
	}
	w.addresses.Store(&addresses)
	return nil
}

// Close implements Server.
func (w *Workers) Close() error {
	var failed []error
	for _, l := range w.listeners {
		failed = append(failed, l.Close())
	}
	w.listeners = nil
	return errors.Join(failed...)
}

// Start implements Server.
func (w *Workers) Start(ctx context.Context) error {
	if w.Before != nil {
		w.Before()
	}
	dir, err := control.MakeTemp()
	if err != nil {
		return err
	}
	s, err := handover.Start(handover.Config{
		Argv: append([]string{w.program()}, w.Args...), Env: append(environ(), "TMPDIR="+dir), Listeners: w.listeners,
		Workers: w.Count, Drain: w.Drain, Tell: w.tell,
	})
	if err == nil {
		if err = s.Ready(ctx); ctx.Err() != nil {
			err = nil // workers that are ready serve, and the stop lets them drain
		}
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(dir))
	}
	w.dir = dir
	w.supervisor.Store(s)
	w.started.Store(true)
	return nil
}

// program is where the program is. A user that can't reach it has the one that runs: it is
// an open file of this process, but no later version is found.
func (w *Workers) program() string {
	path, err := exec.LookPath(w.Program)
	if err == nil {
		err = unix.Access(path, unix.X_OK)
	}
	if err == nil || !selfExecutes {
		return w.Program
	}
	if !w.told {
		w.told = true
		w.Say(fmt.Sprintf("workers can't be upgraded: the user that they run as can't execute %s: %v", w.Program, err))
	}
	return self
}

// Program is the path of this program, to find its later versions by: the one that it was
// called by, links and all, if that leads to it, or else the one that the system tells.
func Program(called, executable string) string {
	path, err := exec.LookPath(called)
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return executable
	}
	one, err := os.Stat(path)
	other, otherErr := os.Stat(executable)
	if err != nil || otherErr != nil || !os.SameFile(one, other) {
		return executable
	}
	return path
}

// environ is that of workers, but for their directory for temporary files: what the service
// manager told, it told this process.
func environ() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return name == "TMPDIR" || name == "NOTIFY_SOCKET" || strings.HasPrefix(name, "WATCHDOG_") || strings.HasPrefix(name, "LISTEN_")
	})
}

// tell says what an operator is to know of workers.
func (w *Workers) tell(e handover.Event) {
	who := fmt.Sprintf("worker %d (PID %d, generation %d)", e.Worker, e.PID, e.Generation)
	switch {
	case e.Kind == handover.Ready && w.started.Load():
		w.Say(who + " is ready")
	case e.Kind == handover.Restarts:
		w.Say(fmt.Sprintf("%v; it is started again in %v", e.Err, e.Wait))
	case e.Kind == handover.Ended && e.Err != nil: // when it drained; else another event tells
		w.Say(e.Err.Error())
	}
}

// Done implements Server.
func (w *Workers) Done() <-chan struct{} { return w.supervisor.Load().Done() }

// Err implements Server.
func (w *Workers) Err() error { return w.supervisor.Load().Err() }

// Ask implements Server. To reload and to upgrade are the same: new workers take the place
// of the old ones, and are what the program is by then.
func (w *Workers) Ask(ctx context.Context, v control.Verb) error {
	s := w.supervisor.Load()
	switch v {
	case control.Reload, control.Upgrade:
		return s.Replace(ctx)
	case control.ScaleUp, control.ScaleDown:
		now, err := s.Status()
		if err != nil {
			return err
		}
		count := now.Workers + 1
		if v == control.ScaleDown {
			count = now.Workers - 1
		}
		if count < 1 {
			return errors.New("there is one worker, and that is the least")
		}
		if err := s.Scale(ctx, count); err != nil {
			return err
		}
		w.Count = count
		return nil
	}
	return control.ErrNotOffered
}

// Stop implements Server.
func (w *Workers) Stop(ctx context.Context) error {
	s := w.supervisor.Load()
	if s.Stop(ctx) != nil {
		s.Kill()
		<-s.Done()
	}
	return os.RemoveAll(w.dir)
}

// Status implements Server.
func (w *Workers) Status() Status {
	now := Status{Processes: []Process{}}
	if addresses := w.addresses.Load(); addresses != nil {
		now.Addresses = *addresses
	}
	s := w.supervisor.Load()
	if s == nil {
		return now
	}
	of, err := s.Status()
	if err != nil {
		return now
	}
	now.Generation, now.Replacing = of.Generation, of.Replacing
	for _, p := range of.Processes {
		now.Processes = append(now.Processes, Process{PID: p.PID, Worker: p.Worker, Generation: p.Generation, State: p.State})
	}
	return now
}

// Address is an address as people write it.
func Address(a net.Addr) string {
	if a.Network() == "unix" {
		return "unix:" + a.String()
	}
	return "http://" + a.String() + "/"
}
