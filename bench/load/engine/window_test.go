package engine

import (
	"net"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/load/loadtest"
	"github.com/benchctl/benchctl/bench/load/pace"
)

// paces are a closed loop and an open one.
var paces = map[string]vegeta.Pacer{"closed": nil, "open": pace.Constant(100)}

// A reply that comes when the window is over is waited for and recorded with its whole
// time.
func TestReplyOutlastsWindow(t *testing.T) {
	eachEngine(t, func(t *testing.T, open loadtest.Opener) {
		for pace, pacer := range paces {
			var hold time.Duration
			r := loadtest.Patient(load.Window{Span: 50 * time.Millisecond}, func(w load.Window) *load.Result {
				hold = 2 * w.Span
				s := loadtest.Serve(t, func(c net.Conn, n int, _ string) bool {
					time.Sleep(hold)
					return loadtest.Says(loadtest.HelloReply)(c, n, "")
				})
				defer s.Close()
				c := loadtest.HelloConfig(s, 2)
				c.Pacer = pacer
				r := loadtest.Slice(t, open, c, w)
				if r.Elapsed != w.Span {
					t.Errorf("%s: a window of %v lasted %v", pace, w.Span, r.Elapsed)
				}
				return r
			}, loadtest.AnyCounted)
			if r.Counted == 0 || r.Counted > r.Answered || r.Sent != r.Answered || r.Errored() > 0 {
				t.Errorf("%s: %v", pace, loadtest.Summary(r))
			}
			if !loadtest.Within(hold, r.Response.Min()) || !loadtest.Within(hold, r.Service.Min()) || r.Longest < hold || r.Busy < hold*time.Duration(r.Counted) {
				t.Errorf("%s: held for %v: shortest %v, longest %v, busy %v", pace, hold, time.Duration(r.Response.Min()), r.Longest, r.Busy)
			}
			if n := r.Requests; n != r.Counted || r.BytesIn != n*uint64(len(loadtest.Hello)) {
				t.Errorf("%s: %d requests, %d bytes: %v", pace, r.Requests, r.BytesIn, loadtest.Summary(r))
			}
		}
	})
}

// What is given up took at least the time that it was waited for.
func TestTimeoutIsRecorded(t *testing.T) {
	eachEngine(t, func(t *testing.T, open loadtest.Opener) {
		for pace, pacer := range paces {
			s := loadtest.Serve(t, func(net.Conn, int, string) bool { return true })
			c := loadtest.HelloConfig(s, 2)
			c.Pacer, c.Timeout = pacer, loadtest.Soon
			r := loadtest.SliceUntil(t, open, c, load.Window{Span: 50 * time.Millisecond}, func(r *load.Result) bool { return r.Response.TotalCount() > 0 })
			n := r.Response.TotalCount()
			if n == 0 || r.Counted > 0 || r.Errors[load.ErrTimeout] == 0 || r.Requests != uint64(n) || r.Service.TotalCount() != n {
				t.Errorf("%s: %d recorded: %v", pace, n, loadtest.Summary(r))
			}
			if !loadtest.Within(c.Timeout, r.Response.Min()) || !loadtest.Within(c.Timeout, r.Service.Min()) || r.Longest < c.Timeout || r.Busy < c.Timeout*time.Duration(n) {
				t.Errorf("%s: recorded as %v, longest %v, busy %v", pace, time.Duration(r.Response.Min()), r.Longest, r.Busy)
			}
			s.Close()
		}
	})
}

func TestWindowParts(t *testing.T) {
	eachEngine(t, func(t *testing.T, open loadtest.Opener) {
		s := loadtest.Serve(t, loadtest.Says(loadtest.HelloReply))
		defer s.Close()
		for pace, pacer := range paces {
			c := loadtest.HelloConfig(s, 3)
			c.Pacer = pacer
			session := loadtest.MustOpen(t, open, c)
			for _, parts := range []int{7, 1, 0} {
				r := loadtest.SlicesUntil(t, session, load.Window{Lead: 5 * time.Millisecond, Span: 50 * time.Millisecond, Parts: parts}, loadtest.AnyCounted)
				sum := uint64(0)
				for _, n := range r.Parts {
					sum += n
				}
				if len(r.Parts) != parts || parts > 0 && sum != r.Counted || r.Counted == 0 {
					t.Errorf("%s, %d parts: %v of %v", pace, parts, r.Parts, loadtest.Summary(r))
				}
			}
			session.Close()
		}
	})
}
