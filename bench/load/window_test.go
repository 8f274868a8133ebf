package load

import (
	"math"
	"net"
	"slices"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/benchctl/benchctl/apps/http1"
)

// within are the times of h, which keeps three digits, at least least.
func within(least time.Duration, most int64) bool { return most >= int64(least)/1000*999 }

// paces are a closed loop and an open one.
var paces = map[string]vegeta.Pacer{"closed": nil, "open": Constant(100)}

// A reply that comes when the window is over is waited for and recorded with its whole
// time.
func TestReplyOutlastsWindow(t *testing.T) {
	eachEngine(t, func(t *testing.T, open opener) {
		for pace, pacer := range paces {
			var hold time.Duration
			r := patient(Window{Span: 50 * time.Millisecond}, func(w Window) *Result {
				hold = 2 * w.Span
				s := serve(t, func(c net.Conn, n int, _ string) bool {
					time.Sleep(hold)
					return says(helloReply)(c, n, "")
				})
				defer s.close()
				c := helloConfig(s, 2)
				c.Pacer = pacer
				r := slice(t, open, c, w)
				if r.Elapsed != w.Span {
					t.Errorf("%s: a window of %v lasted %v", pace, w.Span, r.Elapsed)
				}
				return r
			}, anyCounted)
			if r.Counted == 0 || r.Counted > r.Answered || r.Sent != r.Answered || r.Errored() > 0 {
				t.Errorf("%s: %v", pace, summary(r))
			}
			if !within(hold, r.Response.Min()) || !within(hold, r.Service.Min()) || r.Longest < hold || r.Busy < hold*time.Duration(r.Counted) {
				t.Errorf("%s: held for %v: shortest %v, longest %v, busy %v", pace, hold, time.Duration(r.Response.Min()), r.Longest, r.Busy)
			}
			if n := r.Metrics.Requests; n != r.Counted || r.BytesIn != n*uint64(len(hello)) || r.Metrics.BytesIn.Total != r.BytesIn {
				t.Errorf("%s: counted %d of %d bytes: metrics %+v", pace, r.Counted, r.BytesIn, r.Metrics)
			}
		}
	})
}

// A request of the lead-in is not counted when its reply comes in the window, nor is
// one that fails, but their times are among the longest.
func TestLongestOfLead(t *testing.T) {
	tallies := []*tally{newTally(false, false), newTally(false, false)}
	s := span{from: time.Second, to: time.Minute}
	for i, tally := range tallies {
		tally.start(s)
		x := exchange{request: &request{want: &Target{Length: -1}}, intended: time.Second - 1, sent: time.Second - 1}
		x.reply.Status = 200
		if i == 0 {
			tally.reply(&x, 3*time.Second)
		} else {
			tally.lost(&x, http1.Cut, 4*time.Second)
		}
	}
	r := result(s, s.to, tallies)
	if r.Longest != 3*time.Second+1 || r.Answered != 1 || r.Counted+r.Metrics.Requests > 0 || r.Busy > 0 || r.Squared > 0 || r.Response.TotalCount() > 0 {
		t.Errorf("longest %v, busy %v: %v", r.Longest, r.Busy, summary(r))
	}
}

// What is given up took at least the time that it was waited for.
func TestTimeoutIsRecorded(t *testing.T) {
	eachEngine(t, func(t *testing.T, open opener) {
		for pace, pacer := range paces {
			s := serve(t, func(net.Conn, int, string) bool { return true })
			c := helloConfig(s, 2)
			c.Pacer, c.Timeout = pacer, soon
			r := sliceUntil(t, open, c, Window{Span: 50 * time.Millisecond}, func(r *Result) bool { return r.Response.TotalCount() > 0 })
			n := r.Response.TotalCount()
			if n == 0 || r.Counted > 0 || r.Errors[ErrTimeout] == 0 || r.Metrics.Requests != uint64(n) || r.Service.TotalCount() != n {
				t.Errorf("%s: %d recorded: %v", pace, n, summary(r))
			}
			if !within(c.Timeout, r.Response.Min()) || !within(c.Timeout, r.Service.Min()) || r.Longest < c.Timeout || r.Busy < c.Timeout*time.Duration(n) {
				t.Errorf("%s: recorded as %v, longest %v, busy %v", pace, time.Duration(r.Response.Min()), r.Longest, r.Busy)
			}
			s.close()
		}
	})
}

// Also of a pipeline, where some of the requests were sent later.
func TestTimeoutOfPipeline(t *testing.T) {
	const timeout = time.Second
	tally := newTally(false, false)
	tally.start(span{to: time.Minute, timeout: timeout})
	for _, sent := range []time.Duration{0, timeout / 2} {
		x := exchange{request: &request{want: &Target{}}, intended: sent, sent: sent}
		tally.lost(&x, faultTimeout, timeout+1)
	}
	if tally.response.TotalCount() != 2 || !within(timeout, tally.response.Min()) || tally.longest != timeout+1 || tally.busy != timeout+1+timeout/2+1 {
		t.Errorf("recorded as %v, longest %v, busy %v", time.Duration(tally.response.Min()), tally.longest, tally.busy)
	}
}

func TestWindowParts(t *testing.T) {
	eachEngine(t, func(t *testing.T, open opener) {
		s := serve(t, says(helloReply))
		defer s.close()
		for pace, pacer := range paces {
			c := helloConfig(s, 3)
			c.Pacer = pacer
			load := mustOpen(t, open, c)
			for _, parts := range []int{7, 1, 0} {
				r := slicesUntil(t, load, Window{Lead: 5 * time.Millisecond, Span: 50 * time.Millisecond, Parts: parts}, anyCounted)
				sum := uint64(0)
				for _, n := range r.Parts {
					sum += n
				}
				if len(r.Parts) != parts || parts > 0 && sum != r.Counted || r.Counted == 0 {
					t.Errorf("%s, %d parts: %v of %v", pace, parts, r.Parts, summary(r))
				}
			}
			load.Close()
		}
	})
}

// A part has its begin in a closed loop, and its end in an open one, as the window.
func TestPartBounds(t *testing.T) {
	for _, test := range []struct {
		open bool
		at   time.Duration
		want int // -1: outside
	}{
		{false, 9, -1}, {false, 10, 0}, {false, 13, 0}, {false, 14, 1}, {false, 16, 1}, {false, 17, 2}, {false, 19, 2}, {false, 20, -1},
		{true, 10, -1}, {true, 11, 0}, {true, 13, 0}, {true, 14, 1}, {true, 17, 2}, {true, 20, 2}, {true, 21, -1},
	} {
		s := span{from: 10, to: 20, parts: 3, open: test.open}
		got := -1
		if s.counts(test.at) {
			got = s.part(test.at)
		}
		if got != test.want {
			t.Errorf("open %v: at %d it is part %d, want %d", test.open, test.at, got, test.want)
		}
	}
	long := span{to: math.MaxInt64, parts: math.MaxInt32}
	if got := long.part(math.MaxInt64 - 1); got != math.MaxInt32-1 {
		t.Errorf("the last part is %d", got)
	}
}

// With requests back to back on each connection, as many as there are connections are
// in flight at any time, and those that go on at both ends of the window make up for
// each other.
func TestBusyIsInFlight(t *testing.T) {
	const connections, each, fail = 4, 10 * time.Millisecond, 3
	tallies := []*tally{newTally(false, false), newTally(false, false)}
	s := span{from: 25 * time.Millisecond, to: 125 * time.Millisecond, parts: 10}
	for i := range connections {
		tally := tallies[i%2]
		if i < 2 {
			tally.start(s)
		}
		for sent := time.Duration(i) * time.Millisecond; sent < s.to; sent += each {
			x := exchange{request: &request{want: &Target{Length: -1}}, intended: sent, sent: sent, ready: sent}
			x.reply.Status = 200
			if i == fail {
				x.reply.Status = 500
			}
			tally.reply(&x, sent+each)
		}
	}
	r := result(s, time.Hour, tallies)
	const sent = connections * 10
	if r.Busy != connections*r.Elapsed || r.Longest != each || r.Counted != sent*(connections-1)/connections || r.Metrics.Requests != sent {
		t.Errorf("busy %v of %v, longest %v: %v", r.Busy, r.Elapsed, r.Longest, summary(r))
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
	tallies := []*tally{newTally(false, false)}
	s := span{to: time.Minute}
	tallies[0].start(s)
	for i := range 10 {
		x := exchange{request: &request{want: &Target{Length: -1}}}
		x.reply.Status = 200
		took := time.Second
		if i == 0 {
			took *= 9
		}
		tallies[0].reply(&x, took)
	}
	r := result(s, s.to, tallies)
	if scale := r.Squared / r.Busy.Seconds(); math.Abs(scale-5) > 1e-12 {
		t.Errorf("the time scale is %v s, want 5", scale)
	}
}
