package handover

import "fmt"

// begin begins to replace workers.
func (s *Supervisor) begin(r *roll) {
	s.roll = r
	s.proceed()
}

// proceed starts the next worker, or ends the replacement.
func (s *Supervisor) proceed() {
	r := s.roll
	if len(r.todo) == 0 {
		s.current = r.generation
		s.finish(nil)
		return
	}
	w := r.todo[0]
	if w.restart != nil { // the new one comes instead
		w.restart.stop()
		w.restart = nil
	}
	if w.coming != nil { // started again, and not ready yet
		s.kill(w.coming, fmt.Errorf("generation %d comes instead", r.generation))
		w.coming = nil
	}
	if err := s.launch(w, r.generation); err != nil {
		s.fail(w, err)
	}
}

// fail takes the failure of the worker that is to come to a slot.
func (s *Supervisor) fail(w *slot, err error) {
	w.coming = nil
	r := s.roll
	if r == nil || len(r.todo) == 0 || r.todo[0] != w {
		s.crashed(w, err)
		return
	}
	s.finish(fmt.Errorf("handover: %s: %d of %d workers done: %w", r.verb, r.done, r.done+len(r.todo), err))
	if w.serving == nil && !s.stopping && s.holds(w) { // the old one has ended meanwhile
		s.crashed(w, err)
	}
}

// holds tells whether a slot is still one of the supervisor's.
func (s *Supervisor) holds(w *slot) bool {
	return w.number < len(s.slots) && s.slots[w.number] == w
}

// finish ends the replacement.
func (s *Supervisor) finish(err error) {
	r := s.roll
	s.roll = nil
	kind := Completed
	if err != nil {
		kind = Failed
		r.failed()
	}
	s.config.Tell(Event{Time: now(), Kind: kind, Worker: -1, Generation: r.generation, Err: err})
	r.answer <- err
}

// crashed takes the end of a worker that nobody asked for: it is started again, or the
// supervisor gives up.
func (s *Supervisor) crashed(w *slot, err error) {
	if s.stopping {
		return
	}
	at, restart := now(), s.config.Restart
	for len(s.ends) > 0 && at.Sub(s.ends[0]) >= restart.Window {
		s.ends = s.ends[1:]
	}
	s.ends = append(s.ends, at)
	if n := len(s.ends); n > restart.Limit {
		err = fmt.Errorf("handover: workers ended %d times in %v: %w", n, restart.Window, err)
		s.config.Tell(Event{Time: at, Kind: GivingUp, Worker: -1, Err: err})
		s.stop(err)
		return
	}
	wait := restart.wait(len(s.ends))
	s.config.Tell(Event{Time: at, Kind: Restarts, Worker: w.number, Generation: s.current, Err: err, Wait: wait})
	w.restart = s.after(wait, func() {
		w.restart = nil
		if err := s.launch(w, s.current); err != nil {
			s.fail(w, err)
		}
	})
}
