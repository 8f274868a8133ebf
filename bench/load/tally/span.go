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

// counts tells whether a request belongs to the window: by when it was intended,
// which in a closed loop is when it was sent, and never by when its reply comes. Each
// is followed to its end, beyond the window's, and this is why nothing is biased:
//
// In a stationary closed loop the expected number of requests sent in a fixed window
// is the rate times its length, just as that of replies that arrive in it, so the
// throughput is the same by either. But the times of those sent are drawn as requests
// are (Palm's distribution): the window chooses them before their times are known, so
// a long one is as likely to be among them as a short one, and none is cut off at the
// window's end. Of those that arrive in a window the ones that take longer than it
// does are never seen, and a server that stalls loses its slowest ones.
//
// One thing is not stationary: the last of them, as many as are in flight, end while
// nothing is sent any more. A server that serves requests in the order they come takes
// as long for these as for others; one that works on all of them at once takes less.
//
// The first request of a constant rate is intended an interval after the begin and
// the last one at the end, so there the end is inside and the begin is not.
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

// Watch gives a function that tells when ctx ended, or otherwise, if that has
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
