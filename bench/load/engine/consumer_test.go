package engine

import (
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/load/loadtest"
)

// Who takes the results too slowly holds up what is to be sent: it shows as lag, or
// as requests that were never sent, and is not lost from the latencies.
func TestSlowConsumer(t *testing.T) {
	t.Parallel()
	const rate, take = 500, 5 * time.Millisecond // 2.5 times what it can take
	for _, engine := range []string{load.Raw, load.Vegeta} {
		t.Run(engine, func(t *testing.T) {
			var n atomic.Uint64
			s := loadtest.Serve(t, func(c net.Conn, _ int, _ string) bool {
				// Each reply is another, so that each is compared.
				return loadtest.Says(fmt.Sprintf("HTTP/1.1 200 OK\r\nX-Number: %d\r\nContent-Length: 13\r\n\r\n%s", n.Add(1), loadtest.Hello))(c, 0, "")
			})
			defer s.Close()
			c := loadtest.HelloConfig(s, 4)
			c.Pacer = vegeta.Rate{Freq: rate, Per: time.Second}
			c.Targets[0].Match = func(off int64, b []byte) bool {
				time.Sleep(take)
				return strings.HasPrefix(loadtest.Hello[off:], string(b))
			}
			r := loadtest.Slice(t, openers()[engine], c, load.Window{Span: 300 * time.Millisecond})
			if lag := time.Duration(r.SendLag.ValueAtQuantile(99)); lag < 10*take && r.Missed < r.Sent/10 {
				t.Errorf("lag %v, %d missed of %v", lag, r.Missed, loadtest.Summary(r))
			}
			if late := time.Duration(r.Late.ValueAtQuantile(99)); late < take {
				t.Errorf("the load generator was late by %v, by its own account", late)
			}
			if worst := time.Duration(r.Response.Max()); worst < 10*take {
				t.Errorf("the slowest response took %v", worst)
			}
		})
	}
}
