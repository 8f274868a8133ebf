package load

import (
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// A connection carries as many replies as it is to, and its end is no error.
func TestRequests(t *testing.T) {
	t.Parallel()
	for _, name := range []string{Raw, "sync"} {
		for pace, pacer := range map[string]vegeta.Pacer{"closed": nil, "open": Constant(500)} {
			for _, k := range []int{1, 5} {
				var most atomic.Int64
				s := serve(t, func(c net.Conn, n int, _ string) bool {
					for m := most.Load(); int64(n) > m && !most.CompareAndSwap(m, int64(n)); m = most.Load() {
					}
					return says(helloReply)(c, n, "")
				})
				c := helloConfig(s, 4)
				c.Requests, c.Pacer = k, pacer
				r := sliceUntil(t, openers()[name], c, Window{Span: 100 * time.Millisecond}, func(r *Result) bool { return r.Answered >= uint64(5*k) })
				if want := r.Answered / uint64(k); r.Errored() > 0 || r.Reconnects > 0 || r.Reopened > want || r.Reopened+4 < want || want < 5 {
					t.Errorf("%s, %s, %d requests: reopened %d: %v", name, pace, k, r.Reopened, summary(r))
				}
				if n := most.Load(); n != int64(k) {
					t.Errorf("%s, %s: %d requests on a connection, want %d", name, pace, n, k)
				}
				s.close()
			}
		}
	}
}

func TestRequestsRefused(t *testing.T) {
	s := serve(t, says(helloReply))
	c := helloConfig(s, 1)
	c.Requests = 2
	if _, err := Open(t.Context(), by(Vegeta, c)); err == nil || !strings.Contains(err.Error(), "engine vegeta does not offer") {
		t.Errorf("error %v", err)
	}
	c.Requests = -1
	if _, err := Open(t.Context(), by(Raw, c)); err == nil {
		t.Error("-1 requests are taken")
	}
}

// With Close each request has a connection of its own and says so, whether or
// not the server closes it.
func TestClose(t *testing.T) {
	const last = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 13\r\n\r\n" + hello
	for name, bytes := range map[string]string{"server closes": last, "server keeps": helloReply} {
		t.Run(name, func(t *testing.T) {
			eachEngine(t, func(t *testing.T, open opener) {
				var bad atomic.Int64
				s := serve(t, func(c net.Conn, n int, head string) bool {
					if n > 1 || strings.Count(head, "\r\nConnection: close\r\n") != 1 {
						bad.Add(1)
					}
					return says(bytes)(c, n, "") && bytes != last
				})
				defer s.close()
				c := helloConfig(s, 4)
				c.Close = true
				r := sliceUntil(t, open, c, Window{Span: 100 * time.Millisecond}, func(r *Result) bool { return r.Answered >= 10 })
				if r.Errored() > 0 || r.Reconnects > 0 || r.Reopened > r.Answered || r.Reopened+8 < r.Answered || r.Answered < 10 {
					t.Errorf("reopened %d: %v", r.Reopened, summary(r))
				}
				if n := bad.Load(); n > 0 {
					t.Errorf("%d requests of %d on a used connection or without the option", n, r.Sent)
				}
			})
		})
	}
}
