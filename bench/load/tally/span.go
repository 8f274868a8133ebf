package tally

import (
	"context"
	"math/bits"
	"time"

	"github.com/benchctl/benchctl/bench/load"
)

// Span is when a slice begins, counts and ends, on the session's clock.
type Span struct {
	Began, From, To time.Duration
	Open            bool          // requests have intended times
	epoch           time.Duration // zero of the clock, since 1970
	timeout         time.Duration // for one reply
	parts           int           // of the window, to be counted apart; 0: none
}

// NewSpan is the span of w that began when the wall clock was at wall.
func NewSpan(began time.Duration, wall time.Time, w load.Window, c load.Config, open bool) Span {
	return Span{
		Began: began, From: began + w.Lead, To: began + w.Lead + w.Span, Open: open,
		epoch: time.Duration(wall.UnixNano()) - began, timeout: c.Timeout, parts: max(w.Parts, 0),
	}
}

// counts reports whether a request belongs to the window: by its intended time, which in
// a closed loop is the time of sending, and never by the time of its reply. Each request
// is followed to its end, beyond that of the window. So no long request is cut or left
// out, and the throughput is the same as by replies (docs/methodology.md, "Edges of a
// window").
//
// The first request of a constant rate is intended an interval after the beginning and
// the last one at the end. So with a rate, the end belongs to the window and the
// beginning does not.
func (s *Span) counts(intended time.Duration) bool {
	if s.Open {
		return s.From < intended && intended <= s.To
	}
	return s.From <= intended && intended < s.To
}

// part is the part of the window that a request which belongs to it was intended in.
func (s *Span) part(intended time.Duration) int {
	hi, lo := bits.Mul64(uint64(intended-s.From), uint64(s.parts))
	if s.Open {
		var borrow uint64 // a part has its end, not its begin
		lo, borrow = bits.Sub64(lo, 1, 0)
		hi -= borrow
	}
	part, _ := bits.Div64(hi, lo, uint64(s.To-s.From))
	return int(part)
}

// Watch returns a function that tells when ctx ended, or otherwise, if that has
// not happened.
func Watch(ctx context.Context, now func() time.Duration) (ended func(otherwise time.Duration) time.Duration) {
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
