package handover

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Errors of requests to a supervisor.
var (
	ErrBusy     = errors.New("handover: workers are being replaced already")
	ErrStopping = errors.New("handover: the supervisor is stopping")
)

// Supervisor runs workers. One goroutine owns all of its state; what happens and what is
// asked comes to it as functions to call.
type Supervisor struct {
	config Config
	calls  chan func()
	done   chan struct{}
	err    error // why it ended; read after done

	started  chan struct{} // closed when the first workers are ready, or one of them failed
	startErr error         // why it did; read after started

	// What follows is the goroutine's.
	slots      []*slot
	children   []*child // that run
	roll       *roll    // nil if nothing is being replaced
	generation int      // of the newest that was asked for
	current    int      // of workers that are started again
	ends       []time.Time
	stopping   bool
	cause      error // for which it stops; nil if asked to
}

// slot is the place of a worker.
type slot struct {
	number  int
	serving *child // nil if it has ended
	coming  *child // that is to serve, nil if there is none
	restart *alarm // nil if none is pending
}

// roll starts a new worker in one slot after the other.
type roll struct {
	todo       []*slot
	done       int
	generation int
	verb       string       // for errors: "start", "replace"
	failed     func()       // undoes what it did beyond the workers that it replaced
	answer     chan<- error // has room
}

// Start starts the first workers, and does not wait for them: Ready does. The supervisor runs
// until it is stopped, one of those fails, or it gives up. An error is of the configuration.
func Start(config Config) (*Supervisor, error) {
	config, err := config.completed()
	if err != nil {
		return nil, err
	}
	s := &Supervisor{config: config, calls: make(chan func()), done: make(chan struct{}), started: make(chan struct{})}
	if s.config.start == nil {
		if s.config.start, err = newStarter(config); err != nil {
			return nil, err
		}
	}
	go s.run()
	answer := make(chan error, 1)
	s.post(func() {
		s.generation = 1
		s.grow(config.Workers)
		s.begin(&roll{todo: slices.Clone(s.slots), generation: 1, verb: "start", failed: func() { s.stop(nil) }, answer: answer})
	})
	go func() {
		s.startErr = <-answer
		close(s.started)
	}()
	return s, nil
}

// Ready returns once all of the first workers are ready. If one failed, the others have drained, none
// is left, and the error says why it failed. The end of ctx ends the wait, not the start: workers that
// are ready serve, and are to be stopped.
func (s *Supervisor) Ready(ctx context.Context) error {
	for _, over := range []<-chan struct{}{s.started, s.done} {
		select {
		case <-over:
		case <-ctx.Done():
			return fmt.Errorf("handover: start: %w", context.Cause(ctx))
		}
		if s.startErr == nil {
			return nil
		}
	}
	return s.startErr
}

// run calls what is posted until the supervisor has stopped and no worker runs.
func (s *Supervisor) run() {
	defer close(s.done)
	for !s.stopping || len(s.children) > 0 {
		(<-s.calls)()
	}
	s.err = s.cause
	s.config.start.close()
}

// post has the goroutine call f, unless it has ended.
func (s *Supervisor) post(f func()) bool {
	select {
	case s.calls <- f:
		return true
	case <-s.done:
		return false
	}
}

// ask has the goroutine call f, which answers, now or later.
func (s *Supervisor) ask(ctx context.Context, f func(answer chan<- error)) error {
	answer := make(chan error, 1)
	if !s.post(func() { f(answer) }) {
		return ErrStopping
	}
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Replace starts a new worker for each, one after the other: once a new one is ready, the
// old one drains. It returns when all have been replaced. If a new one fails, those that
// were not replaced serve on, and the error says why it failed. The end of ctx ends the
// wait, not the replacement.
func (s *Supervisor) Replace(ctx context.Context) error {
	return s.ask(ctx, func(answer chan<- error) {
		if err := s.idle(); err != nil {
			answer <- err
			return
		}
		s.generation++
		s.begin(&roll{todo: slices.Clone(s.slots), generation: s.generation, verb: "replace", failed: func() {}, answer: answer})
	})
}

// Scale changes the number of workers to n, at least 1. Of more, it returns when they are
// ready; if one fails, there are as many as before. Of fewer, it returns when those that
// are too many have been told to drain.
func (s *Supervisor) Scale(ctx context.Context, n int) error {
	if n < 1 {
		return fmt.Errorf("handover: %d workers", n)
	}
	return s.ask(ctx, func(answer chan<- error) {
		if err := s.idle(); err != nil {
			answer <- err
			return
		}
		before := len(s.slots)
		if n <= before {
			s.shrink(n)
			answer <- nil
			return
		}
		s.grow(n)
		s.begin(&roll{
			todo: slices.Clone(s.slots[before:]), generation: s.current, verb: "add",
			failed: func() { s.shrink(before) }, answer: answer,
		})
	})
}

// idle tells what keeps workers from being replaced.
func (s *Supervisor) idle() error {
	switch {
	case s.stopping:
		return ErrStopping
	case s.roll != nil:
		return ErrBusy
	}
	return nil
}

// Stop has all workers drain and end, and returns when none is left. The end of ctx ends
// the wait, not the stop. Who stops for good closes Config.Listeners before: clients are
// then refused, and can go elsewhere, once no worker accepts. While a listener is open
// they wait to be accepted, and are reset when it is closed.
func (s *Supervisor) Stop(ctx context.Context) error {
	s.post(func() { s.stop(nil) })
	select {
	case <-s.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Kill ends all workers at once. Done tells when none is left.
func (s *Supervisor) Kill() {
	s.post(func() {
		s.stop(nil)
		for _, c := range s.children {
			s.kill(c, errors.New("the supervisor ends all at once"))
		}
	})
}

// Done is closed when the supervisor has ended and no worker is left.
func (s *Supervisor) Done() <-chan struct{} { return s.done }

// Err is why the supervisor gave up, nil if it was asked to stop. It waits for Done.
func (s *Supervisor) Err() error {
	<-s.done
	return s.err
}

// grow adds slots until there are n.
func (s *Supervisor) grow(n int) {
	for len(s.slots) < n {
		s.slots = append(s.slots, &slot{number: len(s.slots)})
	}
}

// shrink removes all slots but the first n.
func (s *Supervisor) shrink(n int) {
	for _, w := range s.slots[n:] {
		s.vacate(w)
	}
	s.slots = s.slots[:n]
}

// vacate ends the workers of a slot.
func (s *Supervisor) vacate(w *slot) {
	if w.restart != nil {
		w.restart.stop()
		w.restart = nil
	}
	if w.coming != nil {
		s.kill(w.coming, errors.New("it is no longer wanted"))
		w.coming = nil
	}
	if w.serving != nil {
		s.drain(w.serving)
		w.serving = nil
	}
}

// stop ends all workers, for the cause that Err will tell. The sockets go first: what
// connected to them after the last worker has stopped accepting would wait for nobody.
func (s *Supervisor) stop(cause error) {
	if s.stopping {
		return
	}
	s.stopping, s.cause = true, cause
	if s.roll != nil {
		s.finish(cmp.Or(cause, ErrStopping))
	}
	s.config.start.release()
	s.shrink(0)
}
