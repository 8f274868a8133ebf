package vegeta

import (
	"strconv"
	"strings"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/benchctl/benchctl/apps/http1"
	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/load/tally"
	"github.com/benchctl/benchctl/bench/load/wire"
)

// scorer judges the results of one attack.
type scorer struct {
	*attack
	*pacer
	tally  *tally.Tally
	broken uint64 // connections lost with a request on them
}

func (s *scorer) score(r *vegeta.Result) {
	i, _ := strconv.Atoi(r.URL[strings.LastIndexByte(r.URL, '#')+1:])
	sent := r.Timestamp.Sub(s.attack.base)
	// The library does not say when the connection was opened. As if it were new, a Date made once
	// for the connection counts as stale.
	x := &wire.Exchange{Request: &s.requests[i], Opened: sent, Sent: sent, Intended: s.intendedAt(r.Seq, sent)}
	x.Ready = x.Intended
	s.tally.Start(s.span)
	if r.Error == errOver.Error() {
		return
	}
	if r.Code == 0 {
		s.lost(x, r)
		return
	}
	s.tally.Sent++
	x.Reply.Status, x.Reply.Size = int16(r.Code), int64(len(r.Body))
	if x.Request.Judged {
		if unix, ok := http1.ParseDate([]byte(r.Headers.Get("Date"))); ok {
			x.Reply.Date = unix
		}
	}
	if at, ok := s.witness.first(r.Seq); ok {
		x.First = at.Sub(s.attack.base)
	}
	x.Compare(0, r.Body)
	s.tally.Reply(x, sent+r.Latency)
}

// lost counts a request without a whole reply. A request that was cut at the end is no
// error, and a request without a connection was not sent.
func (s *scorer) lost(x *wire.Exchange, r *vegeta.Result) {
	f := s.witness.fault(r)
	if f.Kind != load.ErrConnect && f.Kind != load.ErrLoader {
		s.tally.Sent++
		s.broken++
	}
	if !s.dialer.IsCut() {
		s.tally.Lost(x, f, x.Sent+r.Latency)
	}
}
