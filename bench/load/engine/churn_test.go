package engine

import (
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/load/loadtest"
)

func TestRequestsRefused(t *testing.T) {
	s := loadtest.Serve(t, loadtest.Says(loadtest.HelloReply))
	c := loadtest.HelloConfig(s, 1)
	c.Requests = 2
	if _, err := Open(t.Context(), by(load.Vegeta, c)); err == nil || !strings.Contains(err.Error(), "engine vegeta does not offer") {
		t.Errorf("error %v", err)
	}
	c.Requests = -1
	if _, err := Open(t.Context(), by(load.Raw, c)); err == nil {
		t.Error("-1 requests are taken")
	}
}

// With Close each request has a connection of its own and says so, whether or
// not the server closes it.
func TestClose(t *testing.T) {
	const last = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 13\r\n\r\n" + loadtest.Hello
	for name, bytes := range map[string]string{"server closes": last, "server keeps": loadtest.HelloReply} {
		t.Run(name, func(t *testing.T) {
			eachEngine(t, func(t *testing.T, open loadtest.Opener) {
				var bad atomic.Int64
				s := loadtest.Serve(t, func(c net.Conn, n int, head string) bool {
					if n > 1 || strings.Count(head, "\r\nConnection: close\r\n") != 1 {
						bad.Add(1)
					}
					return loadtest.Says(bytes)(c, n, "") && bytes != last
				})
				defer s.Close()
				c := loadtest.HelloConfig(s, 4)
				c.Close = true
				r := loadtest.SliceUntil(t, open, c, load.Window{Span: 100 * time.Millisecond}, func(r *load.Result) bool { return r.Answered >= 10 })
				if r.Errored() > 0 || r.Reconnects > 0 || r.Reopened > r.Answered || r.Reopened+8 < r.Answered || r.Answered < 10 {
					t.Errorf("reopened %d: %v", r.Reopened, loadtest.Summary(r))
				}
				if n := bad.Load(); n > 0 {
					t.Errorf("%d requests of %d on a used connection or without the option", n, r.Sent)
				}
			})
		})
	}
}
