package load

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/benchctl/benchctl/scenarios"
)

// site is a net/http server with a page for each sort of framing.
func site(t testing.TB) *server {
	mux := http.NewServeMux()
	mux.HandleFunc("/hello", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, hello) })
	mux.HandleFunc("/none", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("/chunks", func(w http.ResponseWriter, r *http.Request) {
		for range 3 {
			io.WriteString(w, hello)
			w.(http.Flusher).Flush()
		}
	})
	mux.HandleFunc("/large", func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, 300_000)) })
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Agent", r.UserAgent())
		w.Header().Set("Content-Length", strconv.FormatInt(r.ContentLength, 10))
		io.Copy(w, r.Body)
	})
	mux.HandleFunc("/back", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Write(body)
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return &server{s.Listener.Addr().String(), s.Close}
}

// targets are one for each page of site.
func targets() []Target {
	none, chunks, large, echo, head := get("/none"), get("/chunks"), get("/large"), get("/echo"), get("/hello")
	none.Status, none.Length = 204, 0
	chunks.Length = int64(3 * len(hello))
	chunks.Match = func(off int64, b []byte) bool {
		return strings.HasPrefix(strings.Repeat(hello, 3)[off:], string(b))
	}
	large.Length = 300_000
	large.Match = func(_ int64, b []byte) bool { return len(bytes.Trim(b, "\x00")) == 0 }
	echo.Method, echo.Body, echo.Length = "POST", bytes.Repeat([]byte("x"), 400_000), 400_000
	echo.Match = func(_ int64, b []byte) bool { return len(bytes.Trim(b, "x")) == 0 }
	head.Method, head.Length = "HEAD", 0
	return []Target{getHello(), none, chunks, large, echo, head}
}

func TestTargets(t *testing.T) {
	eachEngine(t, func(t *testing.T, open opener) {
		s := site(t)
		defer s.close()
		c := Config{Address: s.address, Targets: targets(), Load: scenarios.Load{Connections: 4}}
		r := sliceUntil(t, open, c, Window{Span: 100 * time.Millisecond}, func(r *Result) bool { return r.Answered >= 2*uint64(len(c.Targets)) })
		if r.Errored() > 0 || r.Answered < uint64(len(c.Targets)) || r.Metrics.StatusCodes["204"] == 0 {
			t.Errorf("%v %v", summary(r), r.Metrics.StatusCodes)
		}
		// HEAD and 204 have no Match.
		if r.Compared < r.Answered/2 || r.Compared == r.Answered {
			t.Errorf("compared %d of %d", r.Compared, r.Answered)
		}
	})
}

// The engines agree where none of them is at its limits.
func TestEnginesAgree(t *testing.T) {
	eachEngine(t, func(t *testing.T, open opener) {
		s := site(t)
		defer s.close()
		c := helloConfig(s, 32)
		c.Pacer = vegeta.Rate{Freq: 500, Per: time.Second}
		r := slice(t, open, c, Window{Lead: 100 * time.Millisecond, Span: time.Second})
		// A machine that is busy with something else may miss some, and says so.
		if r.Errored() > 0 || r.Sent+r.Missed != 550 || r.Counted > 500 || r.Counted+r.Missed < 500 || r.Counted == 0 {
			t.Errorf("%v", summary(r))
		}
		m := r.Metrics
		if m.Requests != r.Counted || m.StatusCodes["200"] != int(r.Counted) || m.Success != 1 || m.Throughput != float64(r.Counted)/r.Elapsed.Seconds() {
			t.Errorf("metrics %+v", m)
		}
		if m.BytesIn.Total != r.Counted*uint64(len(hello)) || m.BytesIn.Total != r.BytesIn {
			t.Errorf("bytes in %d, %d", m.BytesIn.Total, r.BytesIn)
		}
		if n := r.SendLag.TotalCount(); n != int64(r.Counted) || n != r.Service.TotalCount() {
			t.Errorf("counted %d, %d lags, %d service times", r.Counted, n, r.Service.TotalCount())
		}
		if m.Latencies.Max <= 0 || m.Latencies.P50 > m.Latencies.P99 || m.Latencies.P99 > m.Latencies.Max {
			t.Errorf("latencies %+v", m.Latencies)
		}
	})
}

// A server that stalls once is charged for all the requests it kept waiting,
// also for those that found no free connection.
func TestStall(t *testing.T) {
	const stall = 300 * time.Millisecond
	eachEngine(t, func(t *testing.T, open opener) {
		var first, once sync.Once
		var door sync.RWMutex
		var began time.Time
		s := serve(t, func(c net.Conn, n int, _ string) bool {
			first.Do(func() { began = time.Now() })
			if time.Since(began) > 300*time.Millisecond {
				once.Do(func() {
					door.Lock()
					defer door.Unlock()
					time.Sleep(stall)
				})
			}
			door.RLock()
			defer door.RUnlock()
			return says(helloReply)(c, n, "")
		})
		defer s.close()
		c := helloConfig(s, 16)
		c.Pacer = vegeta.Rate{Freq: 200, Per: time.Second}
		r := slice(t, open, c, Window{Span: time.Second})
		if r.Counted+r.Missed < 200 || r.Errored() > 0 {
			t.Errorf("%v", summary(r))
		}
		if longest := time.Duration(r.Response.Max()); !within(stall, int64(longest)) {
			t.Errorf("longest response took %v, want at least %v", longest, stall)
		}
		// Those intended in the first 200 ms of the stall wait for 100 ms or more, unless
		// they are missed. With 16 connections only 16 would be seen to.
		late := r.Missed
		for _, b := range r.Response.Distribution() {
			if b.From >= int64(stall/3)/1000*999 {
				late += uint64(b.Count)
			}
		}
		if late < 39 {
			t.Errorf("%d of the responses took 100 ms or more, want 39 at least", late)
		}
	})
}

// What the pacer asks for and connections cannot do is missed, not sent late.
func TestMissed(t *testing.T) {
	eachEngine(t, func(t *testing.T, open opener) {
		s := serve(t, func(c net.Conn, n int, _ string) bool {
			time.Sleep(20 * time.Millisecond)
			return says(helloReply)(c, n, "")
		})
		defer s.close()
		c := helloConfig(s, 2)
		c.Pacer = vegeta.Rate{Freq: 1000, Per: time.Second}
		r := slice(t, open, c, Window{Span: 200 * time.Millisecond})
		if r.Missed < 150 || r.Sent+r.Missed < 198 || r.Sent+r.Missed > 200 {
			t.Errorf("%v", summary(r))
		}
	})
}

func TestSchedule(t *testing.T) {
	pacers := map[string]vegeta.Pacer{
		"constant": vegeta.Rate{Freq: 1000, Per: time.Second},
		"linear":   vegeta.LinearPacer{StartAt: vegeta.Rate{Freq: 500, Per: time.Second}, Slope: 1000},
		"sine": vegeta.SinePacer{
			Period: 100 * time.Millisecond, Mean: vegeta.Rate{Freq: 1000, Per: time.Second}, Amp: vegeta.Rate{Freq: 500, Per: time.Second},
		},
	}
	for name, p := range pacers {
		var all, shared []time.Duration
		s := newSchedule(p, time.Second, 0, 1)
		for at, ok := s.peek(); ok; at, ok = s.peek() {
			all = append(all, at)
			s.advance()
		}
		if n := len(all); n < 985 || n > 1015 {
			t.Errorf("%s: %d requests in a second", name, n)
		}
		// Three workers have the same schedule between them.
		var workers [3]schedule
		for i := range workers {
			workers[i] = newSchedule(p, time.Second, i, len(workers))
		}
		for i := 0; ; i++ {
			at, ok := workers[i%3].peek()
			if !ok {
				break
			}
			shared = append(shared, at)
			workers[i%3].advance()
		}
		if len(shared) != len(all) {
			t.Fatalf("%s: %d requests alone, %d shared", name, len(all), len(shared))
		}
		for i := range all {
			if all[i] != shared[i] {
				t.Fatalf("%s: request %d at %v alone, %v shared", name, i, all[i], shared[i])
			}
			if name == "constant" && all[i] != time.Duration(i+1)*time.Millisecond {
				t.Fatalf("request %d at %v", i, all[i])
			}
		}
	}
}

// Both engines send the same bytes.
func TestSameRequests(t *testing.T) {
	seen := map[string]bool{}
	var mu sync.Mutex
	s := serve(t, func(c net.Conn, n int, head string) bool {
		mu.Lock()
		seen[head] = true
		mu.Unlock()
		return says(helloReply)(c, n, "")
	})
	c := helloConfig(s, 1)
	c.Targets[0].Header = http.Header{"X-Test": {"1"}, "Host": {"example.org"}}
	for _, c.Close = range []bool{false, true} {
		for _, open := range openers() {
			sliceUntil(t, open, c, Window{Span: 20 * time.Millisecond}, anyAnswered)
		}
	}
	s.close()
	if len(seen) != 2 {
		t.Errorf("different requests: %v", seen)
	}
}

// headCounter is a server for one connection at a time that answers each request
// head with helloReply and allocates nothing while it does.
func headCounter(t testing.TB) *server {
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
				b, answers, end := make([]byte, 64<<10), []byte(strings.Repeat(helloReply, 1000)), []byte("\r\n\r\n")
				for {
					n, err := c.Read(b)
					if err != nil {
						return
					}
					if _, err := c.Write(answers[:bytes.Count(b[:n], end)*len(helloReply)]); err != nil {
						return
					}
				}
			}()
		}
	}()
	return &server{address: l.Addr().String(), close: func() { l.Close() }}
}

// The raw engine allocates per slice, not per request.
func TestAllocations(t *testing.T) {
	s := headCounter(t)
	for _, depth := range depths() {
		c := helloConfig(s, 1)
		c.Pipeline = depth
		// Converting a block to a string would allocate.
		c.Targets[0].Match = func(off int64, b []byte) bool { return len(b) == len(hello) }
		load := mustOpen(t, openers()[Raw], c)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r, err := load.Slice(t.Context(), Window{Span: 200 * time.Millisecond})
		runtime.ReadMemStats(&after)
		if err != nil || r.Errored() > 0 {
			t.Fatal(err, summary(r))
		}
		if n := after.Mallocs - before.Mallocs; n > 100 && n > r.Answered/100 {
			t.Errorf("depth %d: %d allocations for %d requests", depth, n, r.Answered)
		}
		load.Close()
	}
}

// depths are what the raw engine offers on this system.
func depths() []int {
	if runtime.GOOS != "linux" {
		return []int{1}
	}
	return []int{1, 16}
}

// BenchmarkRaw shares the processors with the server that it loads, so its times
// tell little; its allocations, which include those of the test, do.
func BenchmarkRaw(b *testing.B) {
	s := headCounter(b)
	for _, depth := range depths() {
		b.Run(fmt.Sprintf("depth=%d", depth), func(b *testing.B) {
			c := helloConfig(s, 64)
			c.Pipeline = depth
			load := mustOpen(b, openers()[Raw], c)
			defer load.Close()
			b.ReportAllocs()
			var answered uint64
			for b.Loop() {
				r, err := load.Slice(b.Context(), Window{Span: 100 * time.Millisecond})
				if err != nil || r.Errored() > 0 {
					b.Fatal(err, summary(r))
				}
				answered += r.Answered
			}
			b.ReportMetric(float64(answered)/b.Elapsed().Seconds(), "requests/s")
		})
	}
}

// A slice that was cancelled ends then, even if it is asked before the context has
// called back.
func TestCancelledNow(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := watch(tardy{ctx}, func() time.Duration { return time.Second })
	cancel()
	if at := ended(time.Minute); at != time.Second {
		t.Errorf("ended at %v", at)
	}
}

// tardy is a context that never gets to call back.
type tardy struct{ context.Context }

func (tardy) AfterFunc(func()) (stop func() bool) { return func() bool { return true } }

// Value hides the context within, which would call back.
func (tardy) Value(any) any { return nil }
