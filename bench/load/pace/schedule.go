package pace

import (
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// Schedule is the intended send times of a slice, from its beginning. It calls the
// pacer as if each request had been sent exactly when intended, so the times depend on
// the pacer alone. At a constant rate, the request seq (from 0) is intended at
// (seq+1) * interval, as in vegeta.
type Schedule struct {
	pacer vegeta.Pacer
	end   time.Duration // no request is intended after it
	step  int           // every step-th request is taken ...
	seq   uint64        // ... of which this is the next
	hits  uint64        // requests paced so far
	last  time.Duration // when the last of them is intended
	over  bool
}

// NewSchedule takes the requests worker, worker+workers, worker+2*workers ...
func NewSchedule(p vegeta.Pacer, end time.Duration, worker, workers int) Schedule {
	s := Schedule{pacer: p, end: end, step: workers, seq: uint64(worker)}
	s.pace()
	return s
}

// Peek returns the next intended time, or false if there is none.
func (s *Schedule) Peek() (at time.Duration, ok bool) { return s.last, !s.over }

// Advance moves to the next request.
func (s *Schedule) Advance() {
	s.seq += uint64(s.step)
	s.pace()
}

func (s *Schedule) pace() {
	for s.hits <= s.seq && !s.over {
		wait, stop := s.pacer.Pace(s.last, s.hits)
		s.last += max(wait, 0)
		s.hits++
		s.over = stop || s.last > s.end
	}
}

// Missed returns how many of the remaining requests are intended at or before at.
func (s *Schedule) Missed(at time.Duration) (n uint64) {
	for ; !s.over && s.last <= at; s.Advance() {
		// A pacer that never waits would count without end.
		if n++; n == 1<<32 {
			break
		}
	}
	return n
}
