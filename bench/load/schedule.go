package load

import (
	"context"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// schedule is the intended send times of a slice, from its begin. It asks the
// pacer as if each request had been sent exactly when intended, so the times
// depend on the pacer alone and not on how the load went: for a constant rate
// the request seq (from 0) is intended at (seq+1) * interval, as in vegeta.
type schedule struct {
	pacer vegeta.Pacer
	end   time.Duration // no request is intended after it
	step  int           // every step-th request is taken ...
	seq   uint64        // ... of which this is the next
	hits  uint64        // requests paced so far
	last  time.Duration // when the last of them is intended
	over  bool
}

// newSchedule takes the requests worker, worker+workers, worker+2*workers ...
func newSchedule(p vegeta.Pacer, end time.Duration, worker, workers int) schedule {
	s := schedule{pacer: p, end: end, step: workers, seq: uint64(worker)}
	s.pace()
	return s
}

// peek is the next intended time, false when there are no more.
func (s *schedule) peek() (at time.Duration, ok bool) { return s.last, !s.over }

// advance goes to the request after that.
func (s *schedule) advance() {
	s.seq += uint64(s.step)
	s.pace()
}

func (s *schedule) pace() {
	for s.hits <= s.seq && !s.over {
		wait, stop := s.pacer.Pace(s.last, s.hits)
		s.last += max(wait, 0)
		s.hits++
		s.over = stop || s.last > s.end
	}
}

// missed is how many requests from the next on are intended at or before at.
func (s *schedule) missed(at time.Duration) (n uint64) {
	for ; !s.over && s.last <= at; s.advance() {
		// A pacer that never waits has no end to count to.
		if n++; n == 1<<32 {
			break
		}
	}
	return n
}

// closedLoop tells whether p is no pacer at all: vegeta's Rate{} means as fast as
// the workers can.
func closedLoop(p vegeta.Pacer) bool {
	c, ok := p.(vegeta.ConstantPacer)
	return p == nil || ok && (c.Freq == 0 || c.Per == 0)
}

// afterEnd calls f when d has passed since ctx ended, unless stop is called first.
// Once stop has returned f is not running.
func afterEnd(ctx context.Context, d time.Duration, f func()) (stop func()) {
	over, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-over:
			return
		case <-ctx.Done():
		}
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-over:
		case <-t.C:
			f()
		}
	}()
	return func() { close(over); <-done }
}

// watch gives a function that tells when ctx ended, or otherwise, if that has
// not happened.
func watch(ctx context.Context, now func() time.Duration) (ended func(otherwise time.Duration) time.Duration) {
	at := make(chan time.Duration, 1)
	stop := context.AfterFunc(ctx, func() { at <- now() })
	return func(otherwise time.Duration) time.Duration {
		switch stopped := stop(); {
		case !stopped:
			return min(<-at, otherwise)
		case ctx.Err() != nil: // it has ended, but not called back yet
			return min(now(), otherwise)
		default:
			return otherwise
		}
	}
}
