package raw

import (
	"bytes"
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/load/loadtest"
)

// headCounter is a server for one connection at a time that answers each request
// head with helloReply and allocates nothing while it does.
func headCounter(t testing.TB) *loadtest.Server {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				b, answers, end := make([]byte, 64<<10), []byte(strings.Repeat(loadtest.HelloReply, 1000)), []byte("\r\n\r\n")
				for {
					n, err := c.Read(b)
					if err != nil {
						return
					}
					if _, err := c.Write(answers[:bytes.Count(b[:n], end)*len(loadtest.HelloReply)]); err != nil {
						return
					}
				}
			}()
		}
	}()
	return &loadtest.Server{Address: l.Addr().String(), Close: func() { l.Close() }}
}

// The raw engine allocates per slice, not per request.
func TestAllocations(t *testing.T) {
	s := headCounter(t)
	for _, depth := range loadtest.Depths() {
		c := loadtest.HelloConfig(s, 1)
		c.Pipeline = depth
		// Converting a block to a string would allocate.
		c.Targets[0].Match = func(off int64, b []byte) bool { return len(b) == len(loadtest.Hello) }
		session := loadtest.MustOpen(t, openers()[load.Raw], c)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r, err := session.Slice(t.Context(), load.Window{Span: 200 * time.Millisecond})
		runtime.ReadMemStats(&after)
		if err != nil || r.Errored() > 0 {
			t.Fatal(err, loadtest.Summary(r))
		}
		if n := after.Mallocs - before.Mallocs; n > 100 && n > r.Answered/100 {
			t.Errorf("depth %d: %d allocations for %d requests", depth, n, r.Answered)
		}
		session.Close()
	}
}

// BenchmarkRaw shares the processors with the server that it loads, so its times
// tell little; its allocations, which include those of the test, do.
func BenchmarkRaw(b *testing.B) {
	s := headCounter(b)
	for _, depth := range loadtest.Depths() {
		b.Run(fmt.Sprintf("depth=%d", depth), func(b *testing.B) {
			c := loadtest.HelloConfig(s, 64)
			c.Pipeline = depth
			session := loadtest.MustOpen(b, openers()[load.Raw], c)
			defer session.Close()
			b.ReportAllocs()
			var answered uint64
			for b.Loop() {
				r, err := session.Slice(b.Context(), load.Window{Span: 100 * time.Millisecond})
				if err != nil || r.Errored() > 0 {
					b.Fatal(err, loadtest.Summary(r))
				}
				answered += r.Answered
			}
			b.ReportMetric(float64(answered)/b.Elapsed().Seconds(), "requests/s")
		})
	}
}
