package tally

import (
	"time"

	"github.com/benchctl/benchctl/bench/load/wire"
)

// maxDateAge is how old a reply's Date may be when its request is sent. A server may
// update its Date once a second, and Date has no fractions. A reply that is seconds
// older was not made for this request, but comes from a cache (RFC 9110 section 6.6.1:
// the time at which the message was originated).
const maxDateAge = 5 * time.Second

// dateAge is how old the Date of x's reply was when its request was sent; 0 if there
// is none, or it was not looked for. The clock is set by the wall clock at the beginning of
// each slice, so that no reply takes a reading of it.
func (s *Span) dateAge(x *wire.Exchange) time.Duration {
	if x.Reply.Date == 0 {
		return 0
	}
	const century = 100 * 365 * 24 * 3600 // in s; a Duration holds no more than three
	at := s.epoch + x.Sent
	old := min(max(int64(at/time.Second)-x.Reply.Date, -century), century)
	return time.Duration(old)*time.Second + at%time.Second
}
