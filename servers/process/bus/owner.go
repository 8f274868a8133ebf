package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// owner has all that changes. Its methods run in its goroutine, and none of them waits:
// listeners run in another, which sends a message when they are done.
type owner struct {
	bus       *Bus
	listeners map[Event][]Listener // by priority
	started   []Listener           // in the order that they started in
	waiting   []*Pending
	running   *event
	hurried   bool // by ExitNow
	over      bool
	status    int
}

// event is one whose listeners run.
type event struct {
	name   Event
	cancel context.CancelCauseFunc
}

// within is the key of the contexts of listeners; the value is their bus.
type within struct{}

func newOwner(b *Bus) *owner {
	return &owner{bus: b, listeners: make(map[Event][]Listener)}
}

func (o *owner) run() {
	for !o.over {
		(<-o.bus.mail)(o)
	}
	o.bus.status = o.status
	close(o.bus.done)
}

func (o *owner) state() State { return o.bus.State() }

func (o *owner) enter(s State) {
	o.bus.log.Debug("state", "from", o.state().String(), "to", s.String())
	o.bus.state.Store(int32(s))
}

// blame keeps the status of the first failure.
func (o *owner) blame(status int) {
	if o.status == StatusOK {
		o.status = status
	}
}

// subscribe puts a listener behind those of its priority. What runs now has its own slice.
func (o *owner) subscribe(e Event, l Listener) {
	all := append(slices.Clone(o.listeners[e]), l)
	slices.SortStableFunc(all, func(a, b Listener) int { return a.Priority - b.Priority })
	o.listeners[e] = all
}

// request takes what was published. Exits go before all that waits, which is refused in the
// end. Stop keeps its place: a restart is a Stop and a Start.
func (o *owner) request(p *Pending) {
	switch p.event {
	case ExitNow:
		o.hurried = true
		o.interrupt(true)
		o.waiting = slices.Insert(o.waiting, 0, p)
	case Exit:
		o.interrupt(false)
		o.waiting = slices.Insert(o.waiting, 0, p)
	case Stop:
		o.interrupt(false)
		o.waiting = append(o.waiting, p)
	default:
		o.waiting = append(o.waiting, p)
	}
	o.next()
}

// interrupt cancels what runs, so that it need not be waited for. A stop takes the time that
// it needs, unless there is none.
func (o *owner) interrupt(now bool) {
	if o.running != nil && (now || o.running.name != Stop && o.running.name != Exit) {
		o.running.cancel(ErrInterrupted)
	}
}

// next begins with what waits, until something runs.
func (o *owner) next() {
	for o.running == nil && !o.over && len(o.waiting) > 0 {
		p := o.waiting[0]
		o.waiting = o.waiting[1:]
		o.begin(p)
	}
}

func (o *owner) begin(p *Pending) {
	s := o.state()
	switch p.event {
	case Start:
		if s != Idle && s != Stopped {
			o.refuse(p)
			return
		}
		o.start(p)
	case Stop:
		if s != Started {
			p.resolve(nil)
			return
		}
		o.stop(o.listeners[Stop], p.resolve)
	case Exit, ExitNow:
		if s != Started {
			o.exit(p, nil)
			return
		}
		o.stop(o.listeners[Stop], func(err error) { o.exit(p, err) })
	case Reload, Upgrade:
		if s != Started {
			o.refuse(p)
			return
		}
		fallthrough
	default:
		listeners := o.listeners[p.event]
		o.do(p.event, func(ctx context.Context) error { return o.bus.runAll(ctx, p.event, listeners) }, p.resolve)
	}
}

func (o *owner) refuse(p *Pending) {
	p.resolve(fmt.Errorf("%s: the program is %v: %w", p.event, o.state(), ErrState))
}

// start runs the listeners of Start, and undoes what they did if one of them failed.
func (o *owner) start(p *Pending) {
	o.enter(Starting)
	listeners := o.listeners[Start]
	var started []Listener
	o.do(Start, func(ctx context.Context) (err error) {
		started, err = o.bus.startAll(ctx, listeners)
		return err
	}, func(err error) {
		o.started = started
		if err == nil {
			if o.status == StatusStartFailed { // an earlier time
				o.status = StatusOK
			}
			o.enter(Started)
			p.resolve(nil)
			return
		}
		if !wasInterrupted(err) || o.status != StatusOK { // by Fail
			o.status = StatusStartFailed
		}
		o.stop(nil, func(undo error) { p.resolve(errors.Join(err, undo)) })
	})
}

// stop runs these listeners, and then undoes what has started.
func (o *owner) stop(listeners []Listener, then func(error)) {
	o.enter(Stopping)
	started := o.started
	o.started = nil
	o.do(Stop, func(ctx context.Context) error {
		return errors.Join(o.bus.runAll(ctx, Stop, listeners), o.bus.undoAll(ctx, started))
	}, func(err error) {
		if err != nil {
			o.blame(StatusFailed)
		}
		o.enter(Stopped)
		then(err)
	})
}

// exit is the end, after a stop that came to before.
func (o *owner) exit(p *Pending, before error) {
	o.enter(Exiting)
	listeners := o.listeners[Exit]
	o.do(Exit, func(ctx context.Context) error { return o.bus.runAll(ctx, Exit, listeners) }, func(err error) {
		if err != nil {
			o.blame(StatusFailed)
		}
		o.over = true
		p.resolve(errors.Join(before, err))
		for _, w := range o.waiting {
			w.late()
		}
	})
}

// do has the work of an event done, and the rest when it is.
func (o *owner) do(name Event, work func(context.Context) error, then func(error)) {
	ctx, cancel := context.WithCancelCause(context.WithValue(context.Background(), within{}, o.bus))
	if o.hurried {
		cancel(ErrInterrupted)
	}
	o.running = &event{name, cancel}
	go func() {
		err := work(ctx)
		cancel(nil)
		o.bus.mail <- func(o *owner) { // it is there as long as something runs
			o.running = nil
			then(err)
			o.next()
		}
	}()
}
