package engine

import (
	"context"
	"net"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/benchctl/benchctl/bench/load/loadtest"
)

// The raw engine compares a reply that is always the same with the known one, the
// others read each. A reply with which the connection ends is read as well.
func TestKnownIsNotRead(t *testing.T) {
	const last = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 13\r\n\r\n" + loadtest.Hello
	const n = 100
	for _, in := range []string{loadtest.HelloReply, last} {
		eachEngine(t, func(t *testing.T, open loadtest.Opener) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var replies, asked atomic.Int64
			s := loadtest.Serve(t, func(c net.Conn, _ int, _ string) bool {
				if replies.Add(1) == n {
					cancel()
				}
				return loadtest.Says(in)(c, 0, "") && in != last
			})
			defer s.Close()
			c := loadtest.HelloConfig(s, 4)
			match := c.Targets[0].Match
			c.Targets[0].Match = func(off int64, b []byte) bool { asked.Add(1); return match(off, b) }
			r := untilCancelled(t, open, c, ctx)
			got := uint64(asked.Load())
			if few := uint64(runtime.GOMAXPROCS(0)); knows(t) && in != last && got > few {
				t.Errorf("asked %d times, want once for each of %d workers", got, few)
			} else if (!knows(t) || in == last) && got < r.Answered {
				t.Errorf("asked %d times about %d replies", got, r.Answered)
			}
			if r.Errored() > 0 || r.Compared != r.Answered || r.Answered == 0 {
				t.Errorf("%v", loadtest.Summary(r))
			}
		})
	}
}
