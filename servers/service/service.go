// Package service runs a server as a service: in the foreground or as a daemon, with a
// pidfile, as a user without root's rights, known to its service manager, and controlled by
// name.
//
// A Server is what is run. Workers runs a Go engine: this process supervises, has the
// sockets, and replaces the workers without losing a request. Candidate runs a server that a
// manifest describes.
//
// Each running service has a socket in a Dir, on which it is asked for verbs, and the
// command line by which it was started last.
package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/benchctl/benchctl/servers/control"
	"github.com/benchctl/benchctl/servers/process"
	"github.com/benchctl/benchctl/servers/process/bus"
	"github.com/benchctl/benchctl/servers/process/daemon"
	"github.com/benchctl/benchctl/servers/process/notify"
	"github.com/benchctl/benchctl/servers/process/pidfile"
	"github.com/benchctl/benchctl/servers/process/privileges"
	"github.com/benchctl/benchctl/servers/process/signals"
)

// Server is what a service runs. Its methods but Done and Status are called by one
// goroutine at a time.
type Server interface {
	// Open opens the sockets, before privileges are dropped.
	Open(ctx context.Context) error
	// Start returns once the server serves, or why it does not and nothing of it is left. If ctx
	// ends before, it may return what serves by then as well: it is stopped next.
	Start(ctx context.Context) error
	// Done is closed when the server has ended since the last start.
	Done() <-chan struct{}
	// Err is why it ended unasked.
	Err() error
	// Ask does what a verb says. The error is control.ErrNotOffered if it knows no such verb.
	Ask(ctx context.Context, v control.Verb) error
	// Stop stops the server gracefully, and at once when ctx ends. Nothing of it is left then.
	Stop(ctx context.Context) error
	// Close closes the sockets, if they are open. The server serves on.
	Close() error
	// Status is what is known of the running server.
	Status() Status
}

// Service is a server as a service.
type Service struct {
	Server  Server
	Control *Control // nil: it is controlled by signals alone
	Pidfile string   // path, "" for none
	// User and Group are those that the process becomes when its sockets are open; "" for
	// neither.
	User, Group string
	Background  bool
	Daemon      daemon.Options
	Say         func(line string)    // takes what went wrong, and what happens to workers
	Serves      func(address string) // is told, for each address, that the server serves
}

// Events of services beside the bus's own.
const (
	restart   bus.Event = "restart"
	scaleUp   bus.Event = "scale-up"
	scaleDown bus.Event = "scale-down"
	serves    bus.Event = "serves" // what is asked for is done: the server serves
)

// signalTable adds those by which workers are told to become more or fewer to the usual
// ones.
func signalTable() signals.Table {
	t := signals.Default()
	for signal, event := range scaleSignals {
		t[signal] = event
	}
	return t
}

// Run runs the service until it exits. The error says no more than that: what was wrong
// has been told by Say.
func (s Service) Run(ctx context.Context) error {
	plugins := []process.Plugin{signals.New(signalTable())}
	if s.Pidfile != "" {
		plugins = append(plugins, pidfile.At(s.Pidfile))
	}
	if s.Control != nil {
		s.Control.server = s.Server
		plugins = append(plugins, s.Control)
	}
	if s.User != "" {
		plugins = append(plugins, privileges.To(s.User, s.Group))
	}
	run := &running{Server: s.Server, serves: s.Serves}
	status := process.Program{
		Plugins: append(plugins, run, notify.New()), Background: s.Background, Daemon: s.Daemon,
		Log: slog.New(lines{s.Say}),
	}.Run(ctx)
	if status != bus.StatusOK {
		return fmt.Errorf("%w: status %d", ErrFailed, status)
	}
	return nil
}

// ErrFailed is that a service did not start, or ended unasked.
var ErrFailed = errors.New("the service failed")

// running is the plugin of the server.
type running struct {
	Server
	serves func(address string)
	bus    *bus.Bus

	mu      sync.Mutex
	stopped chan struct{} // closed when the server is to stop
}

// Attach implements bus.Plugin.
func (r *running) Attach(b *bus.Bus) {
	r.bus = b
	b.On(bus.Start, bus.Listener{Name: "listen", Priority: bus.PrioritySockets, Run: r.Open, Undo: func(context.Context) error { return r.Close() }})
	b.On(bus.Start, bus.Listener{Name: "start", Priority: bus.PriorityServe, Run: r.start, Undo: r.end})
	b.On(serves, bus.Listener{Name: "serves", Run: r.tell})
	b.On(restart, bus.Listener{Name: "restart", Run: r.restart})
	for event, verb := range verbs {
		b.On(event, bus.Listener{Name: string(verb), Run: func(ctx context.Context) error {
			if r.bus.State() != bus.Started {
				return fmt.Errorf("%w: it is %s", bus.ErrState, r.bus.State())
			}
			return r.Ask(ctx, verb)
		}})
	}
}

// verbs are the events that the server itself knows how to do.
var verbs = map[bus.Event]control.Verb{
	bus.Reload: control.Reload, bus.Upgrade: control.Upgrade, scaleUp: control.ScaleUp, scaleDown: control.ScaleDown,
}

// start starts the server, and ends the service if it ends unasked.
func (r *running) start(ctx context.Context) error {
	if err := r.Start(ctx); err != nil {
		return err
	}
	stopped, ended := make(chan struct{}), r.Done()
	r.mu.Lock()
	r.stopped = stopped
	r.mu.Unlock()
	go func() {
		<-ended
		select {
		case <-stopped:
		default:
			r.bus.Fail("ended", r.Err())
		}
	}()
	r.bus.Publish(serves) // once the start is over: who reads it may stop the service at once
	return nil
}

// tell tells where the server serves.
func (r *running) tell(context.Context) error {
	for _, address := range r.Status().Addresses {
		r.serves(address)
	}
	return nil
}

// stop stops the server, if it has started. A restart may have failed to.
func (r *running) stop(ctx context.Context) error {
	r.mu.Lock()
	stopped := r.stopped
	r.stopped = nil
	r.mu.Unlock()
	if stopped == nil {
		return nil
	}
	close(stopped)
	return r.Stop(ctx)
}

// end stops the server for good. The sockets are closed first: once the server accepts no
// more, clients are refused and can go elsewhere, and none waits to be reset.
func (r *running) end(ctx context.Context) error { return errors.Join(r.Close(), r.stop(ctx)) }

// restart stops the server and starts it again. The sockets stay, so that who connects
// meanwhile waits. If it does not start again the service fails.
func (r *running) restart(ctx context.Context) error {
	if r.bus.State() != bus.Started {
		return fmt.Errorf("%w: it is %s", bus.ErrState, r.bus.State())
	}
	left := r.stop(ctx)
	if ctx.Err() != nil { // it is to stop
		return errors.Join(left, context.Cause(ctx))
	}
	err := r.start(ctx)
	if err != nil && ctx.Err() == nil {
		r.bus.Fail("restart", err)
	}
	return errors.Join(left, err)
}
