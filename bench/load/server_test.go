package load

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/benchctl/benchctl/scenarios"
)

const hello = "Hello, World!"

// soon is a timeout that is waited for. It is that of connecting too, which a busy
// machine is to do in time.
const soon = 500 * time.Millisecond

// helloReply is a whole right reply.
const helloReply = "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n" + hello

// by is c for an engine.
func by(engine string, c Config) Config {
	c.Engine = engine
	return c
}

// opener opens a session; the sync loop is opened where raw would take epoll.
type opener func(context.Context, Config) (Session, error)

func openers() map[string]opener {
	return map[string]opener{
		Raw:    func(ctx context.Context, c Config) (Session, error) { return Open(ctx, by(Raw, c)) },
		Vegeta: func(ctx context.Context, c Config) (Session, error) { return Open(ctx, by(Vegeta, c)) },
		"sync": func(ctx context.Context, c Config) (Session, error) {
			if err := by(Raw, c).Check(); err != nil {
				return nil, err
			}
			return openLoop(ctx, c.complete(), newSyncLoop)
		},
	}
}

// eachEngine runs f for every opener, all at once as they mostly wait, and finds what
// goroutines are left.
func eachEngine(t *testing.T, f func(t *testing.T, open opener)) {
	before := runtime.NumGoroutine()
	t.Run("engine", func(t *testing.T) {
		for name, open := range openers() {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				f(t, open)
			})
		}
	})
	waitFor(t, "goroutines to end", func() bool { return runtime.NumGoroutine() <= before })
}

func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<20)
			t.Fatalf("waited too long for %s\n%s", what, buf[:runtime.Stack(buf, true)])
		}
	}
}

// server is an HTTP server made of a function that answers one request.
type server struct {
	address string
	close   func()
}

// reply answers the n-th request of a connection, from 1 on; false closes it.
type reply func(c net.Conn, n int, head string) bool

// serve listens until close is called, which closes all connections.
func serve(t testing.TB, answer reply) *server {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	open := map[net.Conn]bool{}
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open[c] = true
			mu.Unlock()
			all.Go(func() {
				conversation(c, answer)
				c.Close()
				mu.Lock()
				delete(open, c)
				mu.Unlock()
			})
		}
	})
	s := &server{address: l.Addr().String()}
	s.close = sync.OnceFunc(func() {
		l.Close()
		mu.Lock()
		for c := range open {
			c.Close()
		}
		mu.Unlock()
		all.Wait()
	})
	t.Cleanup(s.close)
	return s
}

func conversation(c net.Conn, answer reply) {
	in := bufio.NewReaderSize(c, 4096)
	for n := 1; ; n++ {
		var head strings.Builder
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			if line == "\r\n" {
				break
			}
			head.WriteString(line)
		}
		if !answer(c, n, head.String()) {
			return
		}
	}
}

// says is a reply of the same bytes each time.
func says(s string) reply {
	return func(c net.Conn, _ int, _ string) bool {
		_, err := c.Write([]byte(s))
		return err == nil
	}
}

func get(path string) Target {
	return Target{Target: vegeta.Target{Method: http.MethodGet, URL: path}, Status: 200, Length: -1}
}

func getHello() Target {
	t := get("/hello")
	t.Length = int64(len(hello))
	t.Match = func(off int64, b []byte) bool { return strings.HasPrefix(hello[off:], string(b)) }
	return t
}

func helloConfig(s *server, connections int) Config {
	return Config{Address: s.address, Targets: []Target{getHello()}, Load: scenarios.Load{Connections: connections}}
}

func mustOpen(t testing.TB, open opener, c Config) Session {
	t.Helper()
	s, err := open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// slice runs one slice and closes the session.
func slice(t testing.TB, open opener, c Config, w Window) *Result {
	t.Helper()
	s := mustOpen(t, open, c)
	defer s.Close()
	return slicesUntil(t, s, w, func(*Result) bool { return true })
}

// patient runs slices, each with a window twice as long, until one saw enough: a
// machine that is busy with something else may leave a short one empty.
func patient(w Window, run func(Window) *Result, enough func(*Result) bool) *Result {
	for {
		if r := run(w); enough(r) || w.Span > 20*time.Second {
			return r
		}
		w.Lead, w.Span = 2*w.Lead, 2*w.Span
	}
}

// sliceUntil is slice with a window of at least w, so long that it sees enough.
func sliceUntil(t testing.TB, open opener, c Config, w Window, enough func(*Result) bool) *Result {
	t.Helper()
	return patient(w, func(w Window) *Result { return slice(t, open, c, w) }, enough)
}

// slicesUntil runs slices of a session, with a window of at least w, until one saw enough.
func slicesUntil(t testing.TB, s Session, w Window, enough func(*Result) bool) *Result {
	t.Helper()
	return patient(w, func(w Window) *Result {
		r, err := s.Slice(t.Context(), w)
		if err != nil {
			t.Fatal(err)
		}
		balanced(t, r)
		return r
	}, enough)
}

func anyAnswered(r *Result) bool { return r.Answered > 0 }

func anyErrored(r *Result) bool { return r.Errored() > 0 }

func anyCounted(r *Result) bool { return r.Counted > 0 }

// kept tells whether no more connections than most had to be replaced. Of vegeta nothing is
// asked: net/http gives up connections by itself on a machine that is busy (see attack).
func kept(t testing.TB, r *Result, most uint64) bool {
	return r.Reconnects <= most || strings.HasSuffix(t.Name(), "/"+Vegeta)
}

// balanced checks what holds of every slice that was not cancelled.
func balanced(t testing.TB, r *Result) {
	t.Helper()
	bad := r.Errors[ErrStatus] + r.Errors[ErrLength] + r.Errors[ErrWrongBody]
	lost := r.Errors[ErrClosed] + r.Errors[ErrReset] + r.Errors[ErrTimeout] + r.Errors[ErrMalformed]
	if r.Sent != r.Answered+lost {
		t.Errorf("sent %d, but answered %d and lost %d: %v", r.Sent, r.Answered, lost, r.Errors)
	}
	if r.Counted+bad > r.Answered {
		t.Errorf("answered %d, but counted %d and bad %d", r.Answered, r.Counted, bad)
	}
	if n := uint64(r.Response.TotalCount()); n < r.Counted || n > r.Counted+r.Errors[ErrTimeout] {
		t.Errorf("counted %d and %v, but %d in the histogram", r.Counted, r.Errors, n)
	}
	// Histograms keep three digits, and ns by 512.
	if most := time.Duration(r.Service.Max()) / 1000 * 998; r.Busy < most-1024 || r.Longest < most-1024 {
		t.Errorf("busy for %v, longest %v, but one took %v", r.Busy, r.Longest, most)
	}
}
