package engine

import (
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/load/loadtest"
	"github.com/benchctl/benchctl/scenarios"
)

func TestTargets(t *testing.T) {
	eachEngine(t, func(t *testing.T, open loadtest.Opener) {
		s := loadtest.Site(t)
		defer s.Close()
		c := load.Config{Address: s.Address, Targets: loadtest.Targets(), Load: scenarios.Load{Connections: 4}}
		r := loadtest.SliceUntil(t, open, c, load.Window{Span: 100 * time.Millisecond}, func(r *load.Result) bool { return r.Answered >= 2*uint64(len(c.Targets)) })
		if r.Errored() > 0 || r.Answered < uint64(len(c.Targets)) {
			t.Errorf("%v", loadtest.Summary(r))
		}
		// HEAD and 204 have no Match.
		if r.Compared < r.Answered/2 || r.Compared == r.Answered {
			t.Errorf("compared %d of %d", r.Compared, r.Answered)
		}
	})
}

// The engines agree where none of them is at its limits.
func TestEnginesAgree(t *testing.T) {
	eachEngine(t, func(t *testing.T, open loadtest.Opener) {
		s := loadtest.Site(t)
		defer s.Close()
		c := loadtest.HelloConfig(s, 32)
		c.Pacer = vegeta.Rate{Freq: 500, Per: time.Second}
		r := loadtest.Slice(t, open, c, load.Window{Lead: 100 * time.Millisecond, Span: time.Second})
		// A machine that is busy with something else may miss some, and says so.
		if r.Errored() > 0 || r.Sent+r.Missed != 550 || r.Counted > 500 || r.Counted+r.Missed < 500 || r.Counted == 0 {
			t.Errorf("%v", loadtest.Summary(r))
		}
		if r.Requests != r.Counted || r.BytesIn != r.Counted*uint64(len(loadtest.Hello)) {
			t.Errorf("%d bytes of %d requests: %v", r.BytesIn, r.Requests, loadtest.Summary(r))
		}
		if n := r.SendLag.TotalCount(); n != int64(r.Counted) || n != r.Service.TotalCount() {
			t.Errorf("counted %d, %d lags, %d service times", r.Counted, n, r.Service.TotalCount())
		}
		if p50, p99 := r.Response.ValueAtPercentile(50), r.Response.ValueAtPercentile(99); p50 <= 0 || p50 > p99 || p99 > r.Response.Max() {
			t.Errorf("p50 %v, p99 %v, longest %v", time.Duration(p50), time.Duration(p99), time.Duration(r.Response.Max()))
		}
	})
}

// A server that stalls once is charged for all the requests it kept waiting,
// also for those that found no free connection.
func TestStall(t *testing.T) {
	const stall = 300 * time.Millisecond
	eachEngine(t, func(t *testing.T, open loadtest.Opener) {
		var first, once sync.Once
		var door sync.RWMutex
		var began time.Time
		s := loadtest.Serve(t, func(c net.Conn, n int, _ string) bool {
			first.Do(func() { began = time.Now() })
			if time.Since(began) > 300*time.Millisecond {
				once.Do(func() {
					door.Lock()
					defer door.Unlock()
					time.Sleep(stall)
				})
			}
			door.RLock()
			defer door.RUnlock()
			return loadtest.Says(loadtest.HelloReply)(c, n, "")
		})
		defer s.Close()
		c := loadtest.HelloConfig(s, 16)
		c.Pacer = vegeta.Rate{Freq: 200, Per: time.Second}
		r := loadtest.Slice(t, open, c, load.Window{Span: time.Second})
		if r.Counted+r.Missed < 200 || r.Errored() > 0 {
			t.Errorf("%v", loadtest.Summary(r))
		}
		if longest := time.Duration(r.Response.Max()); !loadtest.Within(stall, int64(longest)) {
			t.Errorf("longest response took %v, want at least %v", longest, stall)
		}
		// Those intended in the first 200 ms of the stall wait for 100 ms or more, unless
		// they are missed. With 16 connections only 16 would be seen to.
		late := r.Missed
		for _, b := range r.Response.Distribution() {
			if b.From >= int64(stall/3)/1000*999 {
				late += uint64(b.Count)
			}
		}
		if late < 39 {
			t.Errorf("%d of the responses took 100 ms or more, want 39 at least", late)
		}
	})
}

// What the pacer asks for and connections cannot do is missed, not sent late.
func TestMissed(t *testing.T) {
	eachEngine(t, func(t *testing.T, open loadtest.Opener) {
		s := loadtest.Serve(t, func(c net.Conn, n int, _ string) bool {
			time.Sleep(20 * time.Millisecond)
			return loadtest.Says(loadtest.HelloReply)(c, n, "")
		})
		defer s.Close()
		c := loadtest.HelloConfig(s, 2)
		c.Pacer = vegeta.Rate{Freq: 1000, Per: time.Second}
		r := loadtest.Slice(t, open, c, load.Window{Span: 200 * time.Millisecond})
		if r.Missed < 150 || r.Sent+r.Missed < 198 || r.Sent+r.Missed > 200 {
			t.Errorf("%v", loadtest.Summary(r))
		}
	})
}

// Both engines send the same bytes.
func TestSameRequests(t *testing.T) {
	seen := map[string]bool{}
	var mu sync.Mutex
	s := loadtest.Serve(t, func(c net.Conn, n int, head string) bool {
		mu.Lock()
		seen[head] = true
		mu.Unlock()
		return loadtest.Says(loadtest.HelloReply)(c, n, "")
	})
	c := loadtest.HelloConfig(s, 1)
	c.Targets[0].Header = http.Header{"X-Test": {"1"}, "Host": {"example.org"}}
	for _, c.Close = range []bool{false, true} {
		for _, open := range openers() {
			loadtest.SliceUntil(t, open, c, load.Window{Span: 20 * time.Millisecond}, loadtest.AnyAnswered)
		}
	}
	s.Close()
	if len(seen) != 2 {
		t.Errorf("different requests: %v", seen)
	}
}
