package handover

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// State is the state of a worker process.
type State string

// States of a worker process, in their order.
const (
	Starting State = "starting"
	Serving  State = "serving"
	Leaving  State = "draining"
)

// child is a worker process that runs.
type child struct {
	slot       *slot
	generation int
	process    process
	state      State
	started    time.Time
	open       int    // connections, -1 until it has told
	limit      *alarm // until it is killed
	killed     error  // why it was
}

// process is a worker as the system runs it.
type process interface {
	pid() int
	tell(order string)
	kill() // with all that it has started and that is in its process group
}

// starter starts workers and has what they report told.
type starter interface {
	start(r role, to listener) (process, error)
	release() // the sockets: no worker is started any more
	close()   // when no worker is left
}

// listener takes what happens to a worker; ended is the last.
type listener struct {
	ready func()
	open  func(n int)
	ended func(how error, output string)
}

// launch starts a worker for a slot.
func (s *Supervisor) launch(w *slot, generation int) error {
	c := &child{slot: w, generation: generation, state: Starting, started: now(), open: -1}
	p, err := s.config.start.start(
		role{Listeners: len(s.config.Listeners), Worker: w.number, Generation: generation, Drain: s.config.Drain},
		listener{
			ready: func() { s.post(func() { s.ready(c) }) },
			open:  func(n int) { s.post(func() { c.open = n }) },
			ended: func(how error, output string) { s.post(func() { s.ended(c, how, output) }) },
		},
	)
	if err != nil {
		return fmt.Errorf("worker %d (generation %d) was not started: %w", w.number, generation, err)
	}
	c.process, w.coming = p, c
	s.children = append(s.children, c)
	s.tell(c, Started, nil)
	c.limit = s.after(s.config.Ready, func() {
		s.kill(c, fmt.Errorf("it was not ready within %v", s.config.Ready))
	})
	return nil
}

// alarm is a timer of the supervisor's goroutine.
type alarm struct {
	timer *time.Timer
	off   bool
}

// stop has what it was set for not happen, also if the time is over.
func (a *alarm) stop() {
	a.off = true
	a.timer.Stop()
}

// after has the goroutine call f after d.
func (s *Supervisor) after(d time.Duration, f func()) *alarm {
	a := new(alarm)
	a.timer = time.AfterFunc(d, func() {
		s.post(func() {
			if !a.off {
				f()
			}
		})
	})
	return a
}

// ready takes that a worker serves: the one before it drains.
func (s *Supervisor) ready(c *child) {
	w := c.slot
	if w.coming != c {
		return // it was not waited for any longer
	}
	c.limit.stop()
	c.state = Serving
	old := w.serving
	w.coming, w.serving = nil, c
	s.tell(c, Ready, nil)
	if old != nil {
		s.drain(old)
	}
	if r := s.roll; r != nil && len(r.todo) > 0 && r.todo[0] == w {
		r.todo, r.done = r.todo[1:], r.done+1
		s.proceed()
	}
}

// drain tells a worker to let its connections end, and itself then.
func (s *Supervisor) drain(c *child) {
	c.state = Leaving
	s.tell(c, Draining, nil)
	c.process.tell(orderDrain)
	within := s.config.Drain + s.config.Grace
	c.limit = s.after(within, func() {
		s.kill(c, fmt.Errorf("it did not end within %v", within))
	})
}

// kill ends a worker.
func (s *Supervisor) kill(c *child, why error) {
	if c.killed != nil || !slices.Contains(s.children, c) {
		return
	}
	c.killed = why
	s.tell(c, Killed, why)
	c.process.kill()
}

// ended takes the end of a worker. Its output ends the error where nobody asked for it.
func (s *Supervisor) ended(c *child, how error, output string) {
	s.children = slices.DeleteFunc(s.children, func(o *child) bool { return o == c })
	c.limit.stop()
	w := c.slot
	err := c.failure(how, output)
	if c.state == Leaving && c.killed == nil && how == nil {
		err = nil
	}
	s.tell(c, Ended, err)
	switch c {
	case w.coming:
		s.fail(w, err)
	case w.serving:
		w.serving = nil
		if w.coming == nil { // else its successor is on the way
			s.crashed(w, err)
		}
	}
}

// failure is the end of a worker as an error.
func (c *child) failure(how error, output string) error {
	if how == nil {
		how = errors.New("exit status 0")
	}
	when := map[State]string{Starting: "before it was ready", Serving: "unasked", Leaving: "while it drained"}[c.state]
	text := fmt.Sprintf("worker %d (PID %d, generation %d) ended %s", c.slot.number, c.process.pid(), c.generation, when)
	if c.killed != nil {
		how = fmt.Errorf("killed: %w", c.killed)
	}
	if output = strings.TrimSpace(output); output != "" {
		return fmt.Errorf("%s: %w; its output ends with:\n%s", text, how, output)
	}
	return fmt.Errorf("%s: %w", text, how)
}

func (s *Supervisor) tell(c *child, kind Kind, err error) {
	s.config.Tell(Event{Time: now(), Kind: kind, Worker: c.slot.number, Generation: c.generation, PID: c.process.pid(), Err: err})
}

// now is the time of an event.
func now() time.Time { return time.Now() }
