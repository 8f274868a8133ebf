package engine

import (
	"context"
	"errors"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/load/loadtest"
)

func TestConnections(t *testing.T) {
	eachEngine(t, func(t *testing.T, open loadtest.Opener) {
		s := loadtest.Serve(t, loadtest.Says(loadtest.HelloReply))
		defer s.Close()
		for _, n := range []int{1, 16, 256, 1024} {
			session := loadtest.MustOpen(t, open, loadtest.HelloConfig(s, n))
			for range 2 {
				r := loadtest.SlicesUntil(t, session, load.Window{Lead: 20 * time.Millisecond, Span: 100 * time.Millisecond}, loadtest.AnyCounted)
				if r.Errored() > 0 || r.Counted == 0 || !kept(t, r, 0) || r.Compared != r.Answered {
					t.Errorf("%d connections: %+v", n, loadtest.Summary(r))
				}
			}
			session.Close()
		}
	})
}

// What an engine says that it sent is what the server got, and as many replies as that
// gave are all accounted for: no request is lost, and none is told twice.
func TestServerCountsAlike(t *testing.T) {
	eachEngine(t, func(t *testing.T, open loadtest.Opener) {
		var got atomic.Uint64
		s := loadtest.Serve(t, func(c net.Conn, n int, head string) bool {
			got.Add(1)
			return loadtest.Says(loadtest.HelloReply)(c, n, head)
		})
		defer s.Close()
		session := loadtest.MustOpen(t, open, loadtest.HelloConfig(s, 64))
		defer session.Close()
		for range 3 {
			before := got.Load()
			r, err := session.Slice(t.Context(), load.Window{Lead: 10 * time.Millisecond, Span: 50 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			if in := got.Load() - before; r.Sent != in || r.Answered != in {
				t.Errorf("the server got %d: %v", in, loadtest.Summary(r))
			}
		}
	})
}

func TestErrorKinds(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	tests := []struct {
		kind   string
		answer loadtest.Reply
	}{
		{load.ErrMalformed, loadtest.Says("HTTP/1.1 2OO OK\r\n\r\n")},
		{load.ErrMalformed, loadtest.Says(ok + "Content-Length: 13\r\nContent-Length: 14\r\n\r\n" + loadtest.Hello)},
		{load.ErrMalformed, loadtest.Says(ok + "Transfer-Encoding: chunked\r\n\r\nx\r\n")},
		{load.ErrMalformed, loadtest.Says("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")}, // after which anything goes, for ever
		{load.ErrStatus, loadtest.Says("HTTP/1.1 503 Busy\r\nContent-Length: 13\r\n\r\n" + loadtest.Hello)},
		{load.ErrStatus, loadtest.Says("HTTP/1.1 302 Found\r\nLocation: /hello\r\nContent-Length: 0\r\n\r\n")},
		{load.ErrLength, loadtest.Says(ok + "Content-Length: 5\r\n\r\nHello")},
		{load.ErrWrongBody, loadtest.Says(ok + "Content-Length: 13\r\n\r\nHello, Wurld!")},
		{load.ErrClosed, func(c net.Conn, _ int, _ string) bool {
			loadtest.Says(ok+"Content-Length: 13\r\n\r\nHello")(c, 0, "")
			return false
		}},
		{load.ErrClosed, func(net.Conn, int, string) bool { return false }},
		{load.ErrReset, func(c net.Conn, _ int, _ string) bool {
			c.(*net.TCPConn).SetLinger(0)
			return false
		}},
		{load.ErrTimeout, func(net.Conn, int, string) bool { return true }},
	}
	eachEngine(t, func(t *testing.T, open loadtest.Opener) {
		for _, test := range tests {
			s := loadtest.Serve(t, test.answer)
			c := loadtest.HelloConfig(s, 2)
			if test.kind == load.ErrTimeout {
				c.Timeout = loadtest.Soon
			}
			r := loadtest.SliceUntil(t, open, c, load.Window{Span: 50 * time.Millisecond}, loadtest.AnyErrored)
			if r.Errors[test.kind] == 0 || r.Errored() != r.Errors[test.kind] || r.Counted != 0 {
				t.Errorf("%s: %v", test.kind, loadtest.Summary(r))
			}
			if n := len(r.Causes); n != 1 || !slices.Contains(slices.Collect(maps.Values(r.Causes)), r.Errored()) || !strings.Contains(r.Examples[test.kind], "GET ") {
				t.Errorf("%s: causes %v, examples %q", test.kind, r.Causes, r.Examples)
			}
			if (r.Wrong > 0) != (test.kind == load.ErrWrongBody) || (r.WrongBody != "") != (r.Wrong > 0) {
				t.Errorf("%s: %v: %q", test.kind, loadtest.Summary(r), r.WrongBody)
			}
			s.Close()
		}
	})
}

func TestOpenRefused(t *testing.T) {
	eachEngine(t, func(t *testing.T, open loadtest.Opener) {
		s := loadtest.Serve(t, loadtest.Says(loadtest.HelloReply))
		s.Close()
		if _, err := open(t.Context(), loadtest.HelloConfig(s, 4)); err == nil || !strings.Contains(err.Error(), s.Address) {
			t.Errorf("error %v", err)
		}
	})
}

func TestOpenCancelled(t *testing.T) {
	eachEngine(t, func(t *testing.T, open loadtest.Opener) {
		s := loadtest.Serve(t, loadtest.Says(loadtest.HelloReply))
		defer s.Close()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := open(ctx, loadtest.HelloConfig(s, 4)); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	})
}

// A server may close a connection when it says so: no request is lost.
func TestServerCloses(t *testing.T) {
	const last = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 13\r\n\r\n" + loadtest.Hello
	const rest = "HTTP/1.0 200 OK\r\n\r\n" + loadtest.Hello
	for name, bye := range map[string]string{"option": last, "until close": rest} {
		t.Run(name, func(t *testing.T) {
			eachEngine(t, func(t *testing.T, open loadtest.Opener) {
				s := loadtest.Serve(t, func(c net.Conn, n int, _ string) bool {
					if n < 10 {
						return loadtest.Says(loadtest.HelloReply)(c, n, "")
					}
					loadtest.Says(bye)(c, n, "")
					return false
				})
				defer s.Close()
				r := loadtest.SliceUntil(t, open, loadtest.HelloConfig(s, 4), load.Window{Span: 200 * time.Millisecond}, func(r *load.Result) bool { return r.Reconnects > 0 })
				if r.Errored() > 0 || r.Reconnects == 0 || !kept(t, r, r.Answered/10+1) {
					t.Errorf("%v", loadtest.Summary(r))
				}
			})
		})
	}
}

// What a server closes between slices is opened again before the clock starts.
func TestClosedWhileIdle(t *testing.T) {
	eachEngine(t, func(t *testing.T, open loadtest.Opener) {
		var mu sync.Mutex
		used := make(map[net.Conn]bool)
		s := loadtest.Serve(t, func(c net.Conn, n int, _ string) bool {
			mu.Lock()
			used[c] = true
			mu.Unlock()
			return loadtest.Says(loadtest.HelloReply)(c, n, "")
		})
		defer s.Close()
		c := loadtest.HelloConfig(s, 4)
		c.Pacer = vegeta.Rate{Freq: 200, Per: time.Second}
		session := loadtest.MustOpen(t, open, c)
		defer session.Close()
		window := load.Window{Span: 100 * time.Millisecond}
		loadtest.SlicesUntil(t, session, window, loadtest.AnyAnswered)
		mu.Lock()
		for c := range used {
			c.Close()
		}
		mu.Unlock()
		r, err := session.Slice(t.Context(), window)
		if err != nil || r.Errored() > 0 || r.Reconnects == 0 || !kept(t, r, 4) {
			t.Errorf("%v %v", err, loadtest.Summary(r))
		}
	})
}

func TestServerDies(t *testing.T) {
	eachEngine(t, func(t *testing.T, open loadtest.Opener) {
		var replies atomic.Int64
		warm := make(chan struct{})
		s := loadtest.Serve(t, func(c net.Conn, n int, head string) bool {
			if replies.Add(1) == 100 {
				close(warm)
			}
			return loadtest.Says(loadtest.HelloReply)(c, n, head)
		})
		go func() {
			<-warm
			s.Close()
		}()
		session := loadtest.MustOpen(t, open, loadtest.HelloConfig(s, 16))
		defer session.Close()
		counted := uint64(0)
		for refused := uint64(0); refused == 0; {
			r, err := session.Slice(t.Context(), load.Window{Span: 300 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			loadtest.Balanced(t, r)
			counted, refused = counted+r.Counted, r.Errors[load.ErrConnect]
			if refused > 16*40 { // 16 connections try every 10 ms
				t.Errorf("%v", loadtest.Summary(r))
			}
		}
		if counted == 0 {
			t.Error("nothing was counted before the server died")
		}
		if r, err := session.Slice(t.Context(), load.Window{Span: 50 * time.Millisecond}); err != nil || r.Sent > 0 || r.Errors[load.ErrConnect] == 0 {
			t.Errorf("dead: %v %v", err, loadtest.Summary(r))
		}
	})
}

func TestCancel(t *testing.T) {
	eachEngine(t, func(t *testing.T, open loadtest.Opener) {
		for name, pacer := range map[string]vegeta.Pacer{"closed": nil, "open": vegeta.Rate{Freq: 5, Per: time.Second}} {
			ctx, cancel := context.WithCancel(t.Context())
			s := loadtest.Serve(t, func(c net.Conn, n int, request string) bool {
				cancel() // once load is on
				return loadtest.Says(loadtest.HelloReply)(c, n, request)
			})
			c := loadtest.HelloConfig(s, 4)
			c.Pacer = pacer
			session := loadtest.MustOpen(t, open, c)
			window := load.Window{Span: 24 * time.Hour} // no test lasts as long
			r, err := session.Slice(ctx, window)
			cancel()
			if !errors.Is(err, context.Canceled) || r == nil {
				t.Errorf("%s: error %v", name, err)
			} else if r.Errored() > 0 || r.Elapsed >= window.Span {
				t.Errorf("%s: %v", name, loadtest.Summary(r))
			}
			session.Close()
			s.Close()
		}
	})
}

// A server that never answers holds up a cancelled slice for a second, and that
// is no error of the server.
func TestCancelStuck(t *testing.T) {
	eachEngine(t, func(t *testing.T, open loadtest.Opener) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var got atomic.Int32
		s := loadtest.Serve(t, func(net.Conn, int, string) bool {
			if got.Add(1) == 4 {
				cancel() // once every connection has one in flight
			}
			return true
		})
		defer s.Close()
		session := loadtest.MustOpen(t, open, loadtest.HelloConfig(s, 4))
		defer session.Close()
		began := time.Now()
		r, err := session.Slice(ctx, load.Window{Span: 24 * time.Hour}) // no test lasts as long
		if took := time.Since(began); err == nil || took < load.Grace {
			t.Errorf("took %v, error %v", took, err)
		}
		if r.Sent != 4 || r.Answered != 0 || r.Errored() != 0 {
			t.Errorf("%v", loadtest.Summary(r))
		}
	})
}
