package tally

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/benchctl/benchctl/apps/http1"
	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/load/loadtest"
	"github.com/benchctl/benchctl/bench/load/wire"
)

// A wrong reply is not hasty as well.
func TestHastyIsRight(t *testing.T) {
	tally := New(false, false)
	tally.Start(Span{To: time.Minute})
	for _, test := range []struct {
		status int16
		took   time.Duration
	}{{200, 9}, {200, 10}, {500, 9}} {
		x := wire.Exchange{Request: &wire.Request{Want: &load.Target{Length: -1, AtLeast: 10}}}
		x.Reply.Status = test.status
		tally.Reply(&x, test.took)
	}
	if tally.hasty != 1 || tally.counted != 2 {
		t.Errorf("%d hasty of %d", tally.hasty, tally.counted)
	}
}

// A request of the lead-in is not counted when its reply comes in the window, nor is
// one that fails, but their times are among the longest.
func TestLongestOfLead(t *testing.T) {
	tallies := []*Tally{New(false, false), New(false, false)}
	s := Span{From: time.Second, To: time.Minute}
	for i, tally := range tallies {
		tally.Start(s)
		x := wire.Exchange{Request: &wire.Request{Want: &load.Target{Length: -1}}, Intended: time.Second - 1, Sent: time.Second - 1}
		x.Reply.Status = 200
		if i == 0 {
			tally.Reply(&x, 3*time.Second)
		} else {
			tally.Lost(&x, http1.Cut, 4*time.Second)
		}
	}
	r := Result(s, s.To, tallies)
	if r.Longest != 3*time.Second+1 || r.Answered != 1 || r.Counted+r.Requests > 0 || r.Busy > 0 || r.Squared > 0 || r.Response.TotalCount() > 0 {
		t.Errorf("longest %v, busy %v: %v", r.Longest, r.Busy, loadtest.Summary(r))
	}
}

// What is given up took at least the time that it was waited for, also of a pipeline, where
// some of the requests were sent later.
func TestTimeoutOfPipeline(t *testing.T) {
	const timeout = time.Second
	tally := New(false, false)
	tally.Start(Span{To: time.Minute, timeout: timeout})
	for _, sent := range []time.Duration{0, timeout / 2} {
		x := wire.Exchange{Request: &wire.Request{Want: &load.Target{}}, Intended: sent, Sent: sent}
		tally.Lost(&x, wire.TimedOut, timeout+1)
	}
	if tally.response.TotalCount() != 2 || !loadtest.Within(timeout, tally.response.Min()) || tally.longest != timeout+1 || tally.busy != timeout+1+timeout/2+1 {
		t.Errorf("recorded as %v, longest %v, busy %v", time.Duration(tally.response.Min()), tally.longest, tally.busy)
	}
}

// With requests back to back on each connection, as many as there are connections are
// in flight at any time, and those that go on at both ends of the window make up for
// each other.
func TestBusyIsInFlight(t *testing.T) {
	const connections, each, fail = 4, 10 * time.Millisecond, 3
	tallies := []*Tally{New(false, false), New(false, false)}
	s := Span{From: 25 * time.Millisecond, To: 125 * time.Millisecond, parts: 10}
	for i := range connections {
		tally := tallies[i%2]
		if i < 2 {
			tally.Start(s)
		}
		for sent := time.Duration(i) * time.Millisecond; sent < s.To; sent += each {
			x := wire.Exchange{Request: &wire.Request{Want: &load.Target{Length: -1}}, Intended: sent, Sent: sent, Ready: sent}
			x.Reply.Status = 200
			if i == fail {
				x.Reply.Status = 500
			}
			tally.Reply(&x, sent+each)
		}
	}
	r := Result(s, time.Hour, tallies)
	const sent = connections * 10
	if r.Busy != connections*r.Elapsed || r.Longest != each || r.Counted != sent*(connections-1)/connections || r.Requests != sent {
		t.Errorf("busy %v of %v, longest %v: %v", r.Busy, r.Elapsed, r.Longest, loadtest.Summary(r))
	}
	if scale := r.Squared / r.Busy.Seconds(); math.Abs(scale/each.Seconds()-1) > 1e-12 {
		t.Errorf("the time scale is %v s, want %v", scale, each)
	}
	if !slices.Equal(r.Parts, []uint64{3, 3, 3, 3, 3, 3, 3, 3, 3, 3}) {
		t.Errorf("parts %v", r.Parts)
	}
}

// Long requests weigh more in the time scale: one of 9 s among nine of 1 s is in flight
// half of the time.
func TestTimeScale(t *testing.T) {
	tallies := []*Tally{New(false, false)}
	s := Span{To: time.Minute}
	tallies[0].Start(s)
	for i := range 10 {
		x := wire.Exchange{Request: &wire.Request{Want: &load.Target{Length: -1}}}
		x.Reply.Status = 200
		took := time.Second
		if i == 0 {
			took *= 9
		}
		tallies[0].Reply(&x, took)
	}
	r := Result(s, s.To, tallies)
	if scale := r.Squared / r.Busy.Seconds(); math.Abs(scale-5) > 1e-12 {
		t.Errorf("the time scale is %v s, want 5", scale)
	}
}
