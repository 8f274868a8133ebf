package load

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

func TestConnections(t *testing.T) {
	eachEngine(t, func(t *testing.T, open opener) {
		s := serve(t, says(helloReply))
		defer s.close()
		for _, n := range []int{1, 16, 256, 1024} {
			load := mustOpen(t, open, helloConfig(s, n))
			for range 2 {
				r := slicesUntil(t, load, Window{Lead: 20 * time.Millisecond, Span: 100 * time.Millisecond}, anyCounted)
				if r.Errored() > 0 || r.Counted == 0 || !kept(t, r, 0) || r.Compared != r.Answered {
					t.Errorf("%d connections: %+v", n, summary(r))
				}
			}
			load.Close()
		}
	})
}

// What an engine says that it sent is what the server got, and as many replies as that
// gave are all accounted for: no request is lost, and none is told twice.
func TestServerCountsAlike(t *testing.T) {
	eachEngine(t, func(t *testing.T, open opener) {
		var got atomic.Uint64
		s := serve(t, func(c net.Conn, n int, head string) bool {
			got.Add(1)
			return says(helloReply)(c, n, head)
		})
		defer s.close()
		load := mustOpen(t, open, helloConfig(s, 64))
		defer load.Close()
		for range 3 {
			before := got.Load()
			r, err := load.Slice(t.Context(), Window{Lead: 10 * time.Millisecond, Span: 50 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			if in := got.Load() - before; r.Sent != in || r.Answered != in {
				t.Errorf("the server got %d: %v", in, summary(r))
			}
		}
	})
}

// summary leaves out what is long.
func summary(r *Result) any {
	return map[string]any{
		"sent": r.Sent, "answered": r.Answered, "counted": r.Counted, "missed": r.Missed, "errors": r.Errors,
		"compared": r.Compared, "wrong": r.Wrong, "reconnects": r.Reconnects, "causes": r.Metrics.Errors,
	}
}

func TestErrorKinds(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	tests := []struct {
		kind   string
		answer reply
	}{
		{ErrMalformed, says("HTTP/1.1 2OO OK\r\n\r\n")},
		{ErrMalformed, says(ok + "Content-Length: 13\r\nContent-Length: 14\r\n\r\n" + hello)},
		{ErrMalformed, says(ok + "Transfer-Encoding: chunked\r\n\r\nx\r\n")},
		{ErrMalformed, says("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")}, // after which anything goes, for ever
		{ErrStatus, says("HTTP/1.1 503 Busy\r\nContent-Length: 13\r\n\r\n" + hello)},
		{ErrStatus, says("HTTP/1.1 302 Found\r\nLocation: /hello\r\nContent-Length: 0\r\n\r\n")},
		{ErrLength, says(ok + "Content-Length: 5\r\n\r\nHello")},
		{ErrWrongBody, says(ok + "Content-Length: 13\r\n\r\nHello, Wurld!")},
		{ErrClosed, func(c net.Conn, _ int, _ string) bool {
			says(ok+"Content-Length: 13\r\n\r\nHello")(c, 0, "")
			return false
		}},
		{ErrClosed, func(net.Conn, int, string) bool { return false }},
		{ErrReset, func(c net.Conn, _ int, _ string) bool {
			c.(*net.TCPConn).SetLinger(0)
			return false
		}},
		{ErrTimeout, func(net.Conn, int, string) bool { return true }},
	}
	eachEngine(t, func(t *testing.T, open opener) {
		for _, test := range tests {
			s := serve(t, test.answer)
			c := helloConfig(s, 2)
			if test.kind == ErrTimeout {
				c.Timeout = soon
			}
			r := sliceUntil(t, open, c, Window{Span: 50 * time.Millisecond}, anyErrored)
			if r.Errors[test.kind] == 0 || r.Errored() != r.Errors[test.kind] || r.Counted != 0 {
				t.Errorf("%s: %v", test.kind, summary(r))
			}
			if n := len(r.Causes); n != 1 || r.Causes[r.Metrics.Errors[0]] != r.Errored() || !strings.Contains(r.Examples[test.kind], "GET ") {
				t.Errorf("%s: causes %v, examples %q", test.kind, r.Causes, r.Examples)
			}
			if (r.Wrong > 0) != (test.kind == ErrWrongBody) || (r.WrongBody != "") != (r.Wrong > 0) {
				t.Errorf("%s: %v: %q", test.kind, summary(r), r.WrongBody)
			}
			s.close()
		}
	})
}

// Raw finds what follows a reply, which net/http does not.
func TestTrailingBytes(t *testing.T) {
	t.Parallel()
	for _, name := range []string{Raw, "sync"} {
		s := serve(t, says(helloReply+"!"))
		r := sliceUntil(t, openers()[name], helloConfig(s, 2), Window{Span: 50 * time.Millisecond}, anyErrored)
		if r.Errors[ErrMalformed] == 0 || r.Counted != 0 {
			t.Errorf("%s: %v", name, summary(r))
		}
	}
}

func TestOpenRefused(t *testing.T) {
	eachEngine(t, func(t *testing.T, open opener) {
		s := serve(t, says(helloReply))
		s.close()
		if _, err := open(t.Context(), helloConfig(s, 4)); err == nil || !strings.Contains(err.Error(), s.address) {
			t.Errorf("error %v", err)
		}
	})
}

func TestOpenCancelled(t *testing.T) {
	eachEngine(t, func(t *testing.T, open opener) {
		s := serve(t, says(helloReply))
		defer s.close()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := open(ctx, helloConfig(s, 4)); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	})
}

// A server may close a connection when it says so: no request is lost.
func TestServerCloses(t *testing.T) {
	const last = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 13\r\n\r\n" + hello
	const rest = "HTTP/1.0 200 OK\r\n\r\n" + hello
	for name, bye := range map[string]string{"option": last, "until close": rest} {
		t.Run(name, func(t *testing.T) {
			eachEngine(t, func(t *testing.T, open opener) {
				s := serve(t, func(c net.Conn, n int, _ string) bool {
					if n < 10 {
						return says(helloReply)(c, n, "")
					}
					says(bye)(c, n, "")
					return false
				})
				defer s.close()
				r := sliceUntil(t, open, helloConfig(s, 4), Window{Span: 200 * time.Millisecond}, func(r *Result) bool { return r.Reconnects > 0 })
				if r.Errored() > 0 || r.Reconnects == 0 || !kept(t, r, r.Answered/10+1) {
					t.Errorf("%v", summary(r))
				}
			})
		})
	}
}

// What a server closes between slices is opened again before the clock starts.
func TestClosedWhileIdle(t *testing.T) {
	eachEngine(t, func(t *testing.T, open opener) {
		var mu sync.Mutex
		used := make(map[net.Conn]bool)
		s := serve(t, func(c net.Conn, n int, _ string) bool {
			mu.Lock()
			used[c] = true
			mu.Unlock()
			return says(helloReply)(c, n, "")
		})
		defer s.close()
		c := helloConfig(s, 4)
		c.Pacer = vegeta.Rate{Freq: 200, Per: time.Second}
		load := mustOpen(t, open, c)
		defer load.Close()
		window := Window{Span: 100 * time.Millisecond}
		slicesUntil(t, load, window, anyAnswered)
		mu.Lock()
		for c := range used {
			c.Close()
		}
		mu.Unlock()
		r, err := load.Slice(t.Context(), window)
		if err != nil || r.Errored() > 0 || r.Reconnects == 0 || !kept(t, r, 4) {
			t.Errorf("%v %v", err, summary(r))
		}
	})
}

func TestServerDies(t *testing.T) {
	eachEngine(t, func(t *testing.T, open opener) {
		var replies atomic.Int64
		warm := make(chan struct{})
		s := serve(t, func(c net.Conn, n int, head string) bool {
			if replies.Add(1) == 100 {
				close(warm)
			}
			return says(helloReply)(c, n, head)
		})
		go func() {
			<-warm
			s.close()
		}()
		load := mustOpen(t, open, helloConfig(s, 16))
		defer load.Close()
		counted := uint64(0)
		for refused := uint64(0); refused == 0; {
			r, err := load.Slice(t.Context(), Window{Span: 300 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			balanced(t, r)
			counted, refused = counted+r.Counted, r.Errors[ErrConnect]
			if refused > 16*40 { // 16 connections try every 10 ms
				t.Errorf("%v", summary(r))
			}
		}
		if counted == 0 {
			t.Error("nothing was counted before the server died")
		}
		if r, err := load.Slice(t.Context(), Window{Span: 50 * time.Millisecond}); err != nil || r.Sent > 0 || r.Errors[ErrConnect] == 0 {
			t.Errorf("dead: %v %v", err, summary(r))
		}
	})
}

func TestCancel(t *testing.T) {
	eachEngine(t, func(t *testing.T, open opener) {
		for name, pacer := range map[string]vegeta.Pacer{"closed": nil, "open": vegeta.Rate{Freq: 5, Per: time.Second}} {
			ctx, cancel := context.WithCancel(t.Context())
			s := serve(t, func(c net.Conn, n int, request string) bool {
				cancel() // once load is on
				return says(helloReply)(c, n, request)
			})
			c := helloConfig(s, 4)
			c.Pacer = pacer
			load := mustOpen(t, open, c)
			window := Window{Span: 24 * time.Hour} // no test lasts as long
			r, err := load.Slice(ctx, window)
			cancel()
			if !errors.Is(err, context.Canceled) || r == nil {
				t.Errorf("%s: error %v", name, err)
			} else if r.Errored() > 0 || r.Elapsed >= window.Span {
				t.Errorf("%s: %v", name, summary(r))
			}
			load.Close()
			s.close()
		}
	})
}

// A server that never answers holds up a cancelled slice for a second, and that
// is no error of the server.
func TestCancelStuck(t *testing.T) {
	eachEngine(t, func(t *testing.T, open opener) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var got atomic.Int32
		s := serve(t, func(net.Conn, int, string) bool {
			if got.Add(1) == 4 {
				cancel() // once every connection has one in flight
			}
			return true
		})
		defer s.close()
		load := mustOpen(t, open, helloConfig(s, 4))
		defer load.Close()
		began := time.Now()
		r, err := load.Slice(ctx, Window{Span: 24 * time.Hour}) // no test lasts as long
		if took := time.Since(began); err == nil || took < grace {
			t.Errorf("took %v, error %v", took, err)
		}
		if r.Sent != 4 || r.Answered != 0 || r.Errored() != 0 {
			t.Errorf("%v", summary(r))
		}
	})
}
