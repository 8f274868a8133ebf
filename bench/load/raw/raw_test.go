package raw

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/load/loadtest"
	"github.com/benchctl/benchctl/bench/load/pace"
	"github.com/benchctl/benchctl/scenarios"
)

// openers are those of both loops, which on some systems are one.
func openers() map[string]loadtest.Opener {
	return map[string]loadtest.Opener{
		load.Raw: func(ctx context.Context, c load.Config) (load.Session, error) { return Open(ctx, c.Complete()) },
		"sync":   func(ctx context.Context, c load.Config) (load.Session, error) { return OpenSync(ctx, c.Complete()) },
	}
}

// Raw finds what follows a reply, which net/http does not.
func TestTrailingBytes(t *testing.T) {
	t.Parallel()
	for _, name := range []string{load.Raw, "sync"} {
		s := loadtest.Serve(t, loadtest.Says(loadtest.HelloReply+"!"))
		r := loadtest.SliceUntil(t, openers()[name], loadtest.HelloConfig(s, 2), load.Window{Span: 50 * time.Millisecond}, loadtest.AnyErrored)
		if r.Errors[load.ErrMalformed] == 0 || r.Counted != 0 {
			t.Errorf("%s: %v", name, loadtest.Summary(r))
		}
	}
}

// A connection carries as many replies as it is to, and its end is no error.
func TestRequests(t *testing.T) {
	t.Parallel()
	for _, name := range []string{load.Raw, "sync"} {
		for pace, pacer := range map[string]vegeta.Pacer{"closed": nil, "open": pace.Constant(500)} {
			for _, k := range []int{1, 5} {
				var most atomic.Int64
				s := loadtest.Serve(t, func(c net.Conn, n int, _ string) bool {
					for m := most.Load(); int64(n) > m && !most.CompareAndSwap(m, int64(n)); m = most.Load() {
					}
					return loadtest.Says(loadtest.HelloReply)(c, n, "")
				})
				c := loadtest.HelloConfig(s, 4)
				c.Requests, c.Pacer = k, pacer
				r := loadtest.SliceUntil(t, openers()[name], c, load.Window{Span: 100 * time.Millisecond}, func(r *load.Result) bool { return r.Answered >= uint64(5*k) })
				if want := r.Answered / uint64(k); r.Errored() > 0 || r.Reconnects > 0 || r.Reopened > want || r.Reopened+4 < want || want < 5 {
					t.Errorf("%s, %s, %d requests: reopened %d: %v", name, pace, k, r.Reopened, loadtest.Summary(r))
				}
				if n := most.Load(); n != int64(k) {
					t.Errorf("%s, %s: %d requests on a connection, want %d", name, pace, n, k)
				}
				s.Close()
			}
		}
	}
}

// The first byte of a body comes when the server sends it, not when the last does: that
// it sends when the client has the first.
func TestFirstByte(t *testing.T) {
	t.Parallel()
	const pause = 50 * time.Millisecond
	begun := make(chan struct{}, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "first")
		w.(http.Flusher).Flush()
		select {
		case <-begun:
		case <-r.Context().Done(): // the client did not wait for it
		}
		time.Sleep(pause)
		fmt.Fprint(w, "second")
	}))
	defer srv.Close()
	for name, pacer := range map[string]vegeta.Pacer{"closed loop": nil, "open loop": pace.Constant(10)} {
		c := load.Config{
			Address: srv.Listener.Addr().String(), Load: scenarios.Load{Connections: 1, FirstByte: true}, Pacer: pacer,
			Targets: []load.Target{{Target: vegeta.Target{Method: "GET", URL: "/"}, Length: -1, Match: func(off int64, _ []byte) bool {
				if off == 0 {
					begun <- struct{}{}
				}
				return true
			}}},
		}
		s, err := openers()[load.Raw](t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // what one slice saw is forgotten in the next
			r := loadtest.SlicesUntil(t, s, load.Window{Span: 200 * time.Millisecond}, loadtest.AnyCounted)
			if r.Errored() > 0 || r.Counted == 0 {
				t.Fatalf("%s: %v", name, loadtest.Summary(r))
			}
			if r.First.TotalCount() != int64(r.Counted) {
				t.Errorf("%s: %d first bytes of %d replies", name, r.First.TotalCount(), r.Counted)
			}
			first, whole := time.Duration(r.First.ValueAtQuantile(50)), time.Duration(r.Response.ValueAtQuantile(50))
			if whole-first < pause*9/10 {
				t.Errorf("%s: the first byte came after %v, the last after %v", name, first, whole)
			}
		}
		s.Close()
	}
}

// The time from the first byte of a body to its end is seen. The server goes on with
// the body when the client has its first byte.
func TestSpread(t *testing.T) {
	t.Parallel()
	const wait = 20 * time.Millisecond
	for _, name := range []string{load.Raw, "sync"} {
		begun := make(chan struct{}, 1)
		s := loadtest.Serve(t, func(c net.Conn, n int, _ string) bool {
			loadtest.Says(loadtest.HelloReply[:len(loadtest.HelloReply)-len(loadtest.Hello)+1])(c, n, "")
			<-begun
			time.Sleep(wait)
			return loadtest.Says(loadtest.Hello[1:])(c, n, "")
		})
		c := loadtest.HelloConfig(s, 1)
		match := c.Targets[0].Match
		c.Targets[0].Spread = time.Nanosecond
		c.Targets[0].Match = func(off int64, b []byte) bool {
			if off == 0 {
				begun <- struct{}{}
			}
			return match(off, b)
		}
		r := loadtest.SliceUntil(t, openers()[name], c, load.Window{Lead: time.Millisecond, Span: 50 * time.Millisecond}, loadtest.AnyCounted)
		if r.Spreads != r.Counted || r.SpreadSeen < wait*time.Duration(r.Spreads) || r.SpreadSeen > r.Busy || r.Counted == 0 || r.Errored() > 0 || r.First != nil {
			t.Errorf("%s: %v in %d spreads, busy %v: %v", name, r.SpreadSeen, r.Spreads, r.Busy, loadtest.Summary(r))
		}
		s.Close()
	}
}

// A reply that stays the same while time goes on comes from a cache. The time to the
// first byte of a known reply is told as of any other.
func TestKnownGetsStale(t *testing.T) {
	t.Parallel()
	for _, name := range []string{load.Raw, "sync"} {
		date := time.Now().Add(time.Hour)
		s := loadtest.Serve(t, loadtest.Says(strings.Replace(loadtest.HelloReply, "\r\n", "\r\nDate: "+date.UTC().Format(http.TimeFormat)+"\r\n", 1)))
		c := loadtest.HelloConfig(s, 2)
		c.FirstByte = true
		opened := loadtest.MustOpen(t, openers()[name], c)
		for _, stale := range []bool{false, true} {
			if stale {
				opened.(*session).setup.wall = func() time.Time { return date.Add(time.Hour) }
			}
			r := loadtest.SlicesUntil(t, opened, load.Window{Span: 20 * time.Millisecond}, func(r *load.Result) bool { return r.Answered > 10 })
			if r.Answered < 10 || stale && (r.Stale != r.Answered || r.StaleAge < time.Hour) || !stale && r.Errored() > 0 {
				t.Errorf("%s, stale %v: %d by %v: %v", name, stale, r.Stale, r.StaleAge, loadtest.Summary(r))
			}
			if n := r.First.TotalCount(); n != int64(r.Counted) {
				t.Errorf("%s: %d first bytes of %d replies", name, n, r.Counted)
			}
		}
		opened.Close()
		s.Close()
	}
}
