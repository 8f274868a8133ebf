package engine

import (
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/load/loadtest"
)

// Both engines take the targets in the same order.
func TestWeights(t *testing.T) {
	eachEngine(t, func(t *testing.T, open loadtest.Opener) {
		var mu sync.Mutex
		var seen strings.Builder
		s := loadtest.Serve(t, func(c net.Conn, n int, head string) bool {
			mu.Lock()
			seen.WriteByte(head[len("GET /")])
			mu.Unlock()
			return loadtest.Says(loadtest.HelloReply)(c, n, "")
		})
		defer s.Close()
		c := loadtest.HelloConfig(s, 1)
		c.Targets = loadtest.Weighted(5, 1, 1)
		r := loadtest.SliceUntil(t, open, c, load.Window{Span: 50 * time.Millisecond}, func(r *load.Result) bool {
			mu.Lock()
			defer mu.Unlock()
			if r.Answered < 7 {
				seen.Reset() // the next slice starts over
			}
			return r.Answered >= 7
		})
		mu.Lock()
		defer mu.Unlock()
		if all := strings.Repeat("aabacaa", seen.Len()/7+1); r.Errored() > 0 || seen.Len() < 7 || seen.String() != all[:seen.Len()] {
			t.Errorf("%v: order %.40s...", loadtest.Summary(r), seen.String())
		}
	})
}
