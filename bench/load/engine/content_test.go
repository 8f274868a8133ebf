package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/load/loadtest"
	"github.com/benchctl/benchctl/scenarios"
)

// untilCancelled runs a slice that lasts until cancel is called.
func untilCancelled(t *testing.T, open loadtest.Opener, c load.Config, ctx context.Context) *load.Result {
	t.Helper()
	session := loadtest.MustOpen(t, open, c)
	defer session.Close()
	r, err := session.Slice(ctx, load.Window{Span: time.Hour})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	return r
}

// A server that is wrong once in 10,000 replies is caught, right after a reply that
// was the same for long.
func TestWrongOnce(t *testing.T) {
	const wrong = 10_000
	eachEngine(t, func(t *testing.T, open loadtest.Opener) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		s := loadtest.Serve(t, func(c net.Conn, n int, _ string) bool {
			switch n {
			case wrong:
				return loadtest.Says(strings.Replace(loadtest.HelloReply, "World", "Wurld", 1))(c, n, "")
			case wrong + 1: // the client has the one before
				cancel()
			}
			return loadtest.Says(loadtest.HelloReply)(c, n, "")
		})
		defer s.Close()
		r := untilCancelled(t, open, loadtest.HelloConfig(s, 1), ctx)
		if r.Wrong != 1 || r.Errors[load.ErrWrongBody] != 1 || r.Errored() != 1 || r.Compared != r.Answered || r.Counted != r.Answered-1 || r.Answered < wrong {
			t.Errorf("%v", loadtest.Summary(r))
		}
		if want := `GET /hello: other content at offset 8, in "Hello, Wurld!", of 13 bytes`; r.WrongBody != want {
			t.Errorf("described as %s, want %s", r.WrongBody, want)
		}
	})
}

// knows reports whether the engine that eachEngine tests remembers replies.
func knows(t *testing.T) bool {
	return runtime.GOOS == "linux" && strings.Contains(t.Name(), "/"+load.Raw)
}

// Whole is asked again only about a body that is not the last right one.
func TestWhole(t *testing.T) {
	bodies := []string{"", loadtest.Hello, loadtest.Hello, "Hello", loadtest.Hello, "Hello, World!!", "Hallo", loadtest.Hello, loadtest.Hello}
	for _, framing := range []string{"sized", "chunked"} {
		eachEngine(t, func(t *testing.T, open loadtest.Opener) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			s := loadtest.Serve(t, func(c net.Conn, n int, _ string) bool {
				if n > len(bodies) {
					cancel()
				}
				body := bodies[min(n, len(bodies))-1]
				reply := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
				if framing == "chunked" {
					reply = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
					for _, b := range []byte(body) {
						reply += "1\r\n" + string(b) + "\r\n"
					}
					reply += "0\r\n\r\n"
				}
				return loadtest.Says(reply)(c, n, "")
			})
			defer s.Close()
			c := loadtest.HelloConfig(s, 1)
			var judged []string // in one goroutine, or under a lock
			c.Targets[0].Length = -1
			c.Targets[0].Whole = func(b []byte) bool {
				judged = append(judged, string(b))
				return len(b) != len("Hallo") || b[1] != 'a'
			}
			r := untilCancelled(t, open, c, ctx)
			want := []string{"", loadtest.Hello, "Hello", loadtest.Hello, "Hello, World!!", "Hallo", loadtest.Hello}
			if knows(t) { // the reply with hello since its second time
				want = []string{"", loadtest.Hello, "Hello", "Hello, World!!", "Hallo"}
			}
			if !slices.Equal(judged, want) {
				t.Errorf("%s: judged %q, want %q", framing, judged, want)
			}
			if r.Wrong != 1 || r.Errored() != 1 || r.WrongBody != `GET /hello: other content, which begins with "Hallo", of 5 bytes` {
				t.Errorf("%s: %v %s", framing, loadtest.Summary(r), r.WrongBody)
			}
		})
	}
}

// A body whose blocks tell nothing is judged as a whole.
func TestWholeBodies(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("0123456789", 50_000) // more than is read at once
	right := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) }))
	defer right.Close()
	for _, engine := range []string{load.Raw, load.Vegeta} {
		for want, wrong := range map[string]bool{text: false, text[1:]: true} {
			c := load.Config{
				Address: right.Listener.Addr().String(), Load: scenarios.Load{Connections: 2},
				Targets: []load.Target{{Target: vegeta.Target{Method: "GET", URL: "/"}, Length: -1, Whole: func(b []byte) bool { return string(b) == want }}},
			}
			s, err := Open(t.Context(), by(engine, c))
			if err != nil {
				t.Fatal(err)
			}
			r := loadtest.SlicesUntil(t, s, load.Window{Span: 50 * time.Millisecond}, func(r *load.Result) bool { return r.Compared > 0 })
			if r.Compared == 0 || (r.Wrong > 0) != wrong || wrong && r.Wrong != r.Compared {
				t.Errorf("%s: %d of %d are wrong", engine, r.Wrong, r.Compared)
			}
			s.Close()
		}
	}
}

// The wrong replies of all connections are counted, and the first is described.
func TestWrongEverywhere(t *testing.T) {
	eachEngine(t, func(t *testing.T, open loadtest.Opener) {
		var wrong atomic.Uint64
		s := loadtest.Serve(t, func(c net.Conn, n int, _ string) bool {
			if n%7 != 0 {
				return loadtest.Says(loadtest.HelloReply)(c, n, "")
			}
			wrong.Add(1)
			return loadtest.Says(strings.Replace(loadtest.HelloReply, "Hello", "Hullo", 1))(c, n, "")
		})
		defer s.Close()
		session := loadtest.MustOpen(t, open, loadtest.HelloConfig(s, 5))
		defer session.Close()
		r := loadtest.Patient(load.Window{Span: 20 * time.Millisecond}, func(w load.Window) *load.Result {
			wrong.Store(0)
			r, err := session.Slice(t.Context(), w)
			if err != nil {
				t.Fatal(err)
			}
			return r
		}, func(r *load.Result) bool { return r.Wrong >= 5 })
		if r.Wrong != wrong.Load() || r.Errored() != r.Wrong || !strings.Contains(r.WrongBody, `offset 1, in "Hullo, World!"`) {
			t.Errorf("%d wrong, told %d, %s", wrong.Load(), r.Wrong, r.WrongBody)
		}
	})
}
