package engine

import (
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/load/loadtest"
	"github.com/benchctl/benchctl/bench/load/pace"
)

// tired serves hello, but ends each connection that was there before the rest as soon as
// it gets a request after that.
type tired struct {
	*loadtest.Server
	rested atomic.Bool
	ends   atomic.Int64 // connections ended so
	mu     sync.Mutex
	old    map[net.Conn]bool
}

func serveTired(t *testing.T, reset bool) *tired {
	s := &tired{old: map[net.Conn]bool{}}
	s.Server = loadtest.Serve(t, func(c net.Conn, n int, head string) bool {
		s.mu.Lock()
		old := s.old[c]
		if !s.rested.Load() {
			s.old[c] = true
		}
		s.mu.Unlock()
		if !old || !s.rested.Load() {
			return loadtest.Says(loadtest.HelloReply)(c, n, head)
		}
		if reset {
			_ = c.(*net.TCPConn).SetLinger(0)
		}
		s.ends.Add(1)
		return false
	})
	return s
}

// A server may end a connection that rests just as the next request is on its way: the
// request is sent again, and is no error.
func TestRepeated(t *testing.T) {
	pacers := map[string]vegeta.Pacer{"closed loop": nil, "open loop": pace.Constant(500)}
	for pace, pacer := range pacers {
		for end, reset := range map[string]bool{"closed": false, "reset": true} {
			t.Run(pace+", "+end, func(t *testing.T) {
				eachEngine(t, func(t *testing.T, open loadtest.Opener) {
					s := serveTired(t, reset)
					defer s.Close()
					c := loadtest.HelloConfig(s.Server, 4)
					c.Pacer = pacer
					r := rest(t, open, c, s)
					if r.Errored() > 0 || r.Answered == 0 {
						t.Errorf("%v", loadtest.Summary(r))
					}
					if int64(r.Repeated) != s.ends.Load() || r.Reconnects < r.Repeated {
						t.Errorf("%d sent again on %d new connections, the server ended %d", r.Repeated, r.Reconnects, s.ends.Load())
					}
				})
			})
		}
	}
}

// With pipelining all that was in flight is sent again.
func TestRepeatedPipeline(t *testing.T) {
	s := serveTired(t, true)
	defer s.Close()
	c := loadtest.HelloConfig(s.Server, 4)
	c.Pipeline = 8
	if r := rest(t, openers()[load.Raw], c, s); r.Errored() > 0 || r.Repeated != uint64(8*s.ends.Load()) || r.Answered == 0 {
		t.Errorf("%d connections ended, %d sent again: %v", s.ends.Load(), r.Repeated, loadtest.Summary(r))
	}
}

// What changes something at the server is not sent twice.
func TestNotRepeated(t *testing.T) {
	for name, open := range openers() {
		s := serveTired(t, true)
		c := loadtest.HelloConfig(s.Server, 4)
		c.Targets[0].Method, c.Targets[0].Match = http.MethodPost, nil
		r := rest(t, open, c, s)
		if n := r.Errors[load.ErrClosed] + r.Errors[load.ErrReset]; r.Repeated > 0 || n != r.Errored() || int64(n) != s.ends.Load() {
			t.Errorf("%s: %d connections ended, %d sent again: %v", name, s.ends.Load(), r.Repeated, loadtest.Summary(r))
		}
		s.Close()
	}
}

// A request is sent again once, and the one whose new connection ends as well is lost.
func TestRepeatedOnce(t *testing.T) {
	for name, open := range openers() {
		var ended atomic.Bool
		s := loadtest.Serve(t, func(c net.Conn, n int, head string) bool {
			return !ended.Load() && loadtest.Says(loadtest.HelloReply)(c, n, head)
		})
		session := loadtest.MustOpen(t, open, loadtest.HelloConfig(s, 2))
		w := load.Window{Span: 50 * time.Millisecond}
		loadtest.Patient(w, func(w load.Window) *load.Result { r, _ := session.Slice(t.Context(), w); return r }, func(r *load.Result) bool { return r.Answered >= 10 })
		ended.Store(true)
		var err error
		r := loadtest.Patient(w, func(w load.Window) (r *load.Result) { r, err = session.Slice(t.Context(), w); return r }, func(r *load.Result) bool { return r.Sent > 0 })
		if err != nil || r.Repeated == 0 || r.Repeated > 2 || r.Errored() != r.Sent || r.Sent < r.Repeated {
			t.Errorf("%s: %d sent again: %v, %v", name, r.Repeated, loadtest.Summary(r), err)
		}
		session.Close()
		s.Close()
	}
}

// rest runs a slice, and another after a rest, each until it saw replies.
func rest(t *testing.T, open loadtest.Opener, c load.Config, s *tired) *load.Result {
	t.Helper()
	session := loadtest.MustOpen(t, open, c)
	defer session.Close()
	run := func(w load.Window) *load.Result {
		r, err := session.Slice(t.Context(), w)
		if err != nil {
			t.Fatal(err)
		}
		loadtest.Balanced(t, r)
		return r
	}
	w := load.Window{Span: 100 * time.Millisecond}
	loadtest.Patient(w, run, func(r *load.Result) bool { return r.Answered >= 16 })
	s.rested.Store(true)
	return loadtest.Patient(w, run, func(r *load.Result) bool { return r.Sent > 0 })
}
