// Package bus has a program's life: its states, the events that lead from one to the next,
// and the listeners that do the work.
//
// One goroutine owns the state. All else sends it requests and goes on, so that a listener
// may publish events too, Stop and Exit included: they run after the event that it is part
// of. Events run one at a time, each listener of an event even if another failed or
// panicked, and the errors are joined, each with the name of its listener.
//
// Start is more careful. Listeners of one priority run in any case, but none of a later
// priority after a failure: a server must not accept connections if root's privileges could
// not be dropped. Then all that has started is undone in reverse order, and the exit status
// tells of it, unless it was asked to stop meanwhile and nothing else failed. Stop is the same undoing.
//
// The states are those of CherryPy's bus (cherrypy/process/wspbus.py) and an idle one before
// them.
package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
)

// The exit status of a program.
const (
	StatusOK          = 0
	StatusFailed      = 1  // it had started, and then failed, or did not stop cleanly
	StatusStartFailed = 70 // it could not start: EX_SOFTWARE of sysexits(3)
)

// Errors of requests.
var (
	ErrState       = errors.New("not in this state")
	ErrExiting     = errors.New("the program exits")
	ErrInterrupted = errors.New("interrupted") // by Stop, Exit or ExitNow
	ErrWithin      = errors.New("a listener cannot wait for an event, which runs only after its own")
)

// Bus is a program's life. New makes one; it may be used by any goroutine.
type Bus struct {
	log    *slog.Logger
	mail   chan func(*owner) // read by the owner until the end
	done   chan struct{}     // closed at the end
	state  atomic.Int32      // written by the owner alone
	status int               // written before done is closed
}

// New makes an idle bus, which lives until Exit. It logs changes of the state at level
// debug, and each failure of a listener as an error; nil logs nothing.
func New(log *slog.Logger) *Bus {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	b := &Bus{log: log, mail: make(chan func(*owner)), done: make(chan struct{})}
	go newOwner(b).run()
	return b
}

// On subscribes a listener to an event, from its next time on.
func (b *Bus) On(e Event, l Listener) {
	b.tell(func(o *owner) { o.subscribe(e, l) })
}

// Publish asks for an event and returns at once.
func (b *Bus) Publish(e Event) *Pending {
	p := &Pending{bus: b, event: e, done: make(chan struct{})}
	if !b.tell(func(o *owner) { o.request(p) }) {
		p.late()
	}
	return p
}

// Fail tells that a part of the program broke down while it ran: it exits, and the status
// tells of it.
func (b *Bus) Fail(name string, err error) {
	b.log.Error("failed", "listener", name, "error", err)
	b.tell(func(o *owner) { o.blame(StatusFailed) })
	b.Publish(Exit)
}

// State is the present state.
func (b *Bus) State() State { return State(b.state.Load()) }

// Done is closed when the program has exited: it is in its last state, and no listener runs.
func (b *Bus) Done() <-chan struct{} { return b.done }

// Wait waits until the program has exited and returns its status.
func (b *Bus) Wait() int {
	<-b.done
	return b.status
}

// tell sends the owner a message, and tells whether it is there still.
func (b *Bus) tell(message func(*owner)) bool {
	select {
	case b.mail <- message:
		return true
	case <-b.done:
		return false
	}
}

// Pending is an event that was asked for.
type Pending struct {
	bus   *Bus
	event Event
	done  chan struct{}
	err   error // written before done is closed
}

// Done is closed when the event is over, or was refused.
func (p *Pending) Done() <-chan struct{} { return p.done }

// Wait waits for the end of the event and returns the errors of its listeners, joined, or
// why there was none: ErrState, ErrExiting, ErrInterrupted. With the context of a listener
// of the same bus it fails with ErrWithin at once, as the event would never come.
func (p *Pending) Wait(ctx context.Context) error {
	select {
	case <-p.done:
		return p.err
	default:
	}
	if ctx.Value(within{}) == p.bus {
		return fmt.Errorf("%s: %w", p.event, ErrWithin)
	}
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (p *Pending) resolve(err error) {
	p.err = err
	close(p.done)
}

// late resolves what comes when the program has exited: who wants it to stop has it.
func (p *Pending) late() {
	switch p.event {
	case Stop, Exit, ExitNow:
		p.resolve(nil)
	default:
		p.resolve(fmt.Errorf("%s: %w", p.event, ErrExiting))
	}
}

// Alive tells whether the bus answers before ctx is over. It does, whatever its listeners do,
// until the program has exited.
func (b *Bus) Alive(ctx context.Context) bool {
	answered := make(chan struct{})
	select {
	case b.mail <- func(*owner) { close(answered) }:
		<-answered
		return true
	case <-b.done:
	case <-ctx.Done():
	}
	return false
}
