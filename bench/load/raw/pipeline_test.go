//go:build linux

package raw

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/load/loadtest"
	"github.com/benchctl/benchctl/scenarios"
)

// Every sort of request and reply goes through a pipeline, each reply to its own
// request: targets differ in status, length and content.
func TestPipelineTargets(t *testing.T) {
	t.Parallel()
	all := slices.DeleteFunc(loadtest.Targets(), func(t load.Target) bool { return t.URL == "/echo" }) // answers early, which net/http ends with the connection
	back := loadtest.Get("/back")
	back.Method, back.Body, back.Length = "POST", bytes.Repeat([]byte("x"), 400_000), 400_000
	back.Match = func(_ int64, b []byte) bool { return len(bytes.Trim(b, "x")) == 0 }
	chunked := back
	chunked.Chunked = true
	all = append(all, back, chunked)
	for _, depth := range []int{2, 3, 16, 100} {
		s := loadtest.Site(t)
		c := load.Config{Address: s.Address, Targets: all, Load: scenarios.Load{Connections: 3, Pipeline: depth, Timeout: time.Minute}} // a busy machine takes long for 100 bodies
		r := loadtest.SliceUntil(t, openers()[load.Raw], c, load.Window{Span: 100 * time.Millisecond}, func(r *load.Result) bool { return r.Answered >= uint64(depth) })
		if r.Errored() > 0 || r.Answered != r.Sent || r.Answered < uint64(depth) || r.Wrong > 0 || r.Compared == 0 {
			t.Errorf("depth %d: %v", depth, loadtest.Summary(r))
		}
		s.Close()
	}
}

// What can be sent together is one write, and targets are taken in turn.
func TestPipelineIsOneWrite(t *testing.T) {
	const depth = 12
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	first := make(chan string, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		b := make([]byte, 64<<10)
		n, _ := c.Read(b)
		first <- string(b[:n])
		loadtest.Says(strings.Repeat(loadtest.HelloReply, depth))(c, 0, "")
		for n := 0; err == nil; n, err = c.Read(b) {
			loadtest.Says(strings.Repeat(loadtest.HelloReply, bytes.Count(b[:n], []byte("\r\n\r\n"))))(c, 0, "")
		}
	}()
	c := loadtest.HelloConfig(&loadtest.Server{Address: l.Addr().String()}, 1)
	c.Targets, c.Pipeline = loadtest.Weighted(5, 1, 1), depth
	session := loadtest.MustOpen(t, openers()[load.Raw], c)
	defer session.Close()
	if r := loadtest.SlicesUntil(t, session, load.Window{Span: 30 * time.Millisecond}, loadtest.AnyAnswered); r.Errored() > 0 {
		t.Errorf("%v", loadtest.Summary(r))
	}
	var order strings.Builder
	for _, line := range strings.Split(<-first, "\r\n") {
		if path, ok := strings.CutPrefix(line, "GET /"); ok {
			order.WriteByte(path[0])
		}
	}
	if got := order.String(); got != "aabacaaaabac" {
		t.Errorf("first read has requests %q", got)
	}
}

// Replies that are read together are each counted with their own bytes.
func TestPipelineWireBytes(t *testing.T) {
	t.Parallel()
	s := loadtest.Serve(t, loadtest.Says(loadtest.HelloReply))
	defer s.Close()
	c := loadtest.HelloConfig(s, 2)
	c.Pipeline = 5
	r := loadtest.SliceUntil(t, openers()[load.Raw], c, load.Window{Span: 20 * time.Millisecond}, loadtest.AnyCounted)
	if want := r.Counted * uint64(len(loadtest.HelloReply)); r.Counted == 0 || r.WireIn != want {
		t.Errorf("%d bytes of %d replies, want %d", r.WireIn, r.Counted, want)
	}
}

// A request waits from its own send time on for those before it as well. Replies
// that take 20 ms each come 80 ms after requests of which 4 are in flight, but for
// the first three.
func TestPipelineLatency(t *testing.T) {
	t.Parallel()
	const each, depth = 20 * time.Millisecond, 4
	s := loadtest.Serve(t, func(c net.Conn, n int, _ string) bool {
		time.Sleep(each)
		return loadtest.Says(loadtest.HelloReply)(c, n, "")
	})
	defer s.Close()
	c := loadtest.HelloConfig(s, 1)
	c.Pipeline = depth
	r := loadtest.SliceUntil(t, openers()[load.Raw], c, load.Window{Span: 20 * each}, func(r *load.Result) bool { return r.Counted >= 4*depth })
	shortest, middle := time.Duration(r.Response.Min()), time.Duration(r.Response.ValueAtPercentile(50))
	if r.Errored() > 0 || shortest < each*9/10 || shortest >= middle || middle < each*depth*9/10 {
		t.Errorf("shortest %v, median %v: %v", shortest, middle, loadtest.Summary(r))
	}
}

// A connection that ends takes down all requests in flight, and each of them is
// an error.
func TestPipelineEnds(t *testing.T) {
	t.Parallel()
	const depth, answered = 8, 3
	for name, test := range map[string]struct {
		last string
		kind string
		stay bool
	}{
		"closes":            {loadtest.HelloReply, load.ErrClosed, false},
		"says so":           {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 13\r\n\r\n" + loadtest.Hello, load.ErrClosed, true},
		"ends with a reply": {"HTTP/1.0 200 OK\r\n\r\n" + loadtest.Hello, load.ErrClosed, false},
		"talks nonsense":    {loadtest.HelloReply + "HTTP/2 200\r\n\r\n", load.ErrMalformed, true},
		"goes silent":       {loadtest.HelloReply, load.ErrTimeout, true},
	} {
		s := loadtest.Serve(t, func(c net.Conn, n int, _ string) bool {
			if n != depth {
				return true
			}
			return loadtest.Says(strings.Repeat(loadtest.HelloReply, answered-1)+test.last)(c, n, "") && test.stay
		})
		c := loadtest.HelloConfig(s, 2)
		c.Pipeline = depth
		if test.kind == load.ErrTimeout {
			c.Timeout = loadtest.Soon
		}
		// A connection that is filled up again before it is closed is reset.
		r := loadtest.SliceUntil(t, openers()[load.Raw], c, load.Window{Span: 150 * time.Millisecond}, func(r *load.Result) bool {
			return r.Answered >= 2*answered && r.Errors[test.kind] > 0
		})
		lives := r.Answered / answered
		// A connection may be filled up again before its end is known, and one that times
		// out may do so before the first reply.
		if r.Answered%answered != 0 || lives < 2 || r.Errored() < lives*(depth-answered) || test.kind != load.ErrTimeout && r.Errored() > lives*depth {
			t.Errorf("%s: %v", name, loadtest.Summary(r))
		}
		if n := r.Errors[test.kind] + r.Errors[load.ErrReset]; n != r.Errored() || r.Errors[test.kind] == 0 {
			t.Errorf("%s: errors %v, want %s", name, r.Errors, test.kind)
		}
		s.Close()
	}
}

// Nobody asked for what follows the last reply.
func TestPipelineTrailing(t *testing.T) {
	t.Parallel()
	s := loadtest.Serve(t, func(c net.Conn, n int, _ string) bool {
		return n%4 != 0 || loadtest.Says(strings.Repeat(loadtest.HelloReply, 5))(c, n, "")
	})
	defer s.Close()
	c := loadtest.HelloConfig(s, 1)
	c.Pipeline = 4
	r := loadtest.SliceUntil(t, openers()[load.Raw], c, load.Window{Span: 50 * time.Millisecond}, loadtest.AnyErrored)
	if r.Errors[load.ErrMalformed] == 0 || r.Errored() != r.Errors[load.ErrMalformed] {
		t.Errorf("%v", loadtest.Summary(r))
	}
}

// What is in flight at the end of a slice is waited for and counted.
func TestPipelineDrain(t *testing.T) {
	t.Parallel()
	s := loadtest.Serve(t, func(c net.Conn, n int, _ string) bool {
		time.Sleep(60 * time.Millisecond) // longer than a slice
		return loadtest.Says(loadtest.HelloReply)(c, n, "")
	})
	defer s.Close()
	c := loadtest.HelloConfig(s, 2)
	c.Pipeline = 5
	session := loadtest.MustOpen(t, openers()[load.Raw], c)
	defer session.Close()
	for range 2 {
		r := loadtest.SlicesUntil(t, session, load.Window{Span: 50 * time.Millisecond}, loadtest.AnyAnswered)
		if r.Errored() > 0 || r.Answered != r.Sent || r.Sent == 0 || r.Counted != r.Sent || r.Reconnects > 0 {
			t.Errorf("%v", loadtest.Summary(r))
		}
	}
}

// A connection carries as many replies as it is to, however deep its pipeline.
func TestPipelineRequests(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ requests, depth int }{{1, 4}, {4, 4}, {5, 3}, {50, 8}} {
		var most atomic.Int64
		s := loadtest.Serve(t, func(c net.Conn, n int, _ string) bool {
			for m := most.Load(); int64(n) > m && !most.CompareAndSwap(m, int64(n)); m = most.Load() {
			}
			return loadtest.Says(loadtest.HelloReply)(c, n, "")
		})
		c := loadtest.HelloConfig(s, 2)
		c.Requests, c.Pipeline = test.requests, test.depth
		enough := uint64(3 * test.requests)
		r := loadtest.SliceUntil(t, openers()[load.Raw], c, load.Window{Span: 100 * time.Millisecond}, func(r *load.Result) bool { return r.Answered >= enough })
		want := r.Answered / uint64(test.requests)
		if r.Errored() > 0 || r.Reconnects > 0 || r.Reopened > want || r.Reopened+2 < want || want < 3 || most.Load() != int64(test.requests) {
			t.Errorf("%+v: %d on a connection, reopened %d: %v", test, most.Load(), r.Reopened, loadtest.Summary(r))
		}
		s.Close()
	}
}

// A server that answers before it reads the body, and reads no more before its
// reply is taken, does not block a loader that reads while it writes.
func TestPipelineEarlyReplies(t *testing.T) {
	t.Parallel()
	body := make([]byte, 2<<20)
	reply := slices.Concat([]byte("HTTP/1.1 200 OK\r\nContent-Length: 2097152\r\n\r\n"), body)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer c.Close()
				for in := bufio.NewReader(c); ; {
					r, err := http.ReadRequest(in)
					if err != nil {
						return
					}
					if _, err := c.Write(reply); err != nil {
						return
					}
					if _, err := io.Copy(io.Discard, r.Body); err != nil {
						return
					}
				}
			})
		}
	})
	for _, chunked := range []bool{false, true} {
		post := loadtest.Get("/")
		post.Method, post.Body, post.Chunked, post.Length = "POST", body, chunked, int64(len(body))
		c := load.Config{Address: l.Addr().String(), Targets: []load.Target{post}, Load: scenarios.Load{Connections: 2, Pipeline: 4}}
		r := loadtest.SliceUntil(t, openers()[load.Raw], c, load.Window{Span: 100 * time.Millisecond}, func(r *load.Result) bool { return r.Answered >= 8 })
		if r.Errored() > 0 || r.Answered < 8 {
			t.Errorf("chunked %v: %v", chunked, loadtest.Summary(r))
		}
	}
	l.Close()
	all.Wait()
}

// The loop of systems without epoll would wait for ever in such a case.
func TestPipelineRefused(t *testing.T) {
	c := loadtest.HelloConfig(loadtest.Serve(t, loadtest.Says(loadtest.HelloReply)), 1)
	c.Pipeline = 2
	if _, err := openers()["sync"](t.Context(), c); err == nil || !strings.Contains(err.Error(), "not offered on this system") {
		t.Errorf("error %v", err)
	}
}
