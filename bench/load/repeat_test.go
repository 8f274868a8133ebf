package load

import (
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// tired serves hello, but ends each connection that was there before the rest as soon as
// it gets a request after that.
type tired struct {
	*server
	rested atomic.Bool
	ends   atomic.Int64 // connections ended so
	mu     sync.Mutex
	old    map[net.Conn]bool
}

func serveTired(t *testing.T, reset bool) *tired {
	s := &tired{old: map[net.Conn]bool{}}
	s.server = serve(t, func(c net.Conn, n int, head string) bool {
		s.mu.Lock()
		old := s.old[c]
		if !s.rested.Load() {
			s.old[c] = true
		}
		s.mu.Unlock()
		if !old || !s.rested.Load() {
			return says(helloReply)(c, n, head)
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
	pacers := map[string]vegeta.Pacer{"closed loop": nil, "open loop": Constant(500)}
	for pace, pacer := range pacers {
		for end, reset := range map[string]bool{"closed": false, "reset": true} {
			t.Run(pace+", "+end, func(t *testing.T) {
				eachEngine(t, func(t *testing.T, open opener) {
					s := serveTired(t, reset)
					defer s.close()
					c := helloConfig(s.server, 4)
					c.Pacer = pacer
					r := rest(t, open, c, s)
					if r.Errored() > 0 || r.Answered == 0 {
						t.Errorf("%v", summary(r))
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
	defer s.close()
	c := helloConfig(s.server, 4)
	c.Pipeline = 8
	if r := rest(t, openers()[Raw], c, s); r.Errored() > 0 || r.Repeated != uint64(8*s.ends.Load()) || r.Answered == 0 {
		t.Errorf("%d connections ended, %d sent again: %v", s.ends.Load(), r.Repeated, summary(r))
	}
}

// What changes something at the server is not sent twice.
func TestNotRepeated(t *testing.T) {
	for name, open := range openers() {
		s := serveTired(t, true)
		c := helloConfig(s.server, 4)
		c.Targets[0].Method, c.Targets[0].Match = http.MethodPost, nil
		r := rest(t, open, c, s)
		if n := r.Errors[ErrClosed] + r.Errors[ErrReset]; r.Repeated > 0 || n != r.Errored() || int64(n) != s.ends.Load() {
			t.Errorf("%s: %d connections ended, %d sent again: %v", name, s.ends.Load(), r.Repeated, summary(r))
		}
		s.close()
	}
}

// A request is sent again once, and the one whose new connection ends as well is lost.
func TestRepeatedOnce(t *testing.T) {
	for name, open := range openers() {
		var ended atomic.Bool
		s := serve(t, func(c net.Conn, n int, head string) bool {
			return !ended.Load() && says(helloReply)(c, n, head)
		})
		load := mustOpen(t, open, helloConfig(s, 2))
		w := Window{Span: 50 * time.Millisecond}
		patient(w, func(w Window) *Result { r, _ := load.Slice(t.Context(), w); return r }, func(r *Result) bool { return r.Answered >= 10 })
		ended.Store(true)
		var err error
		r := patient(w, func(w Window) (r *Result) { r, err = load.Slice(t.Context(), w); return r }, func(r *Result) bool { return r.Sent > 0 })
		if err != nil || r.Repeated == 0 || r.Repeated > 2 || r.Errored() != r.Sent || r.Sent < r.Repeated {
			t.Errorf("%s: %d sent again: %v, %v", name, r.Repeated, summary(r), err)
		}
		load.Close()
		s.close()
	}
}

// rest runs a slice, and another after a rest, each until it saw replies.
func rest(t *testing.T, open opener, c Config, s *tired) *Result {
	t.Helper()
	load := mustOpen(t, open, c)
	defer load.Close()
	run := func(w Window) *Result {
		r, err := load.Slice(t.Context(), w)
		if err != nil {
			t.Fatal(err)
		}
		balanced(t, r)
		return r
	}
	w := Window{Span: 100 * time.Millisecond}
	patient(w, run, func(r *Result) bool { return r.Answered >= 16 })
	s.rested.Store(true)
	return patient(w, run, func(r *Result) bool { return r.Sent > 0 })
}
