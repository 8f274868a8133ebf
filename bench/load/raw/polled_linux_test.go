package raw

import (
	"net"
	"testing"
	"time"

	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/load/loadtest"
	"github.com/benchctl/benchctl/bench/load/pace"
)

// A worker that polls tells for how long it did so for nothing, and one that sleeps
// does not.
func TestPolled(t *testing.T) {
	const each = 2 * time.Millisecond // what the server takes for a reply
	s := loadtest.Serve(t, func(c net.Conn, n int, _ string) bool {
		time.Sleep(each)
		return loadtest.Says(loadtest.HelloReply)(c, n, "")
	})
	defer s.Close()
	for _, pacer := range []struct {
		name string
		rate float64
	}{{"closed loop", 0}, {"100 req/s", 100}} {
		for _, poll := range []time.Duration{0, each / 4} {
			c := loadtest.HelloConfig(s, 1)
			if c.Poll = poll; pacer.rate > 0 {
				c.Pacer = pace.Constant(pacer.rate)
			}
			r := loadtest.SliceUntil(t, openers()[load.Raw], c, load.Window{Span: 100 * time.Millisecond}, loadtest.AnyAnswered)
			most := time.Duration(r.Answered+1) * 2 * poll // after what it sent, and after the reply
			if r.Errored() > 0 || r.Answered == 0 || r.Polled > most || (r.Polled > 0) != (poll > 0) {
				t.Errorf("%s, polling for %v: polled %v of %v, %v", pacer.name, poll, r.Polled, r.Elapsed, loadtest.Summary(r))
			}
		}
	}
}
