package conform_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/benchctl/benchctl/apps/conform"
	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/servers/nethttp"
)

func parse(t *testing.T, name string) suite.Instance {
	t.Helper()
	app, err := suite.Parse(name)
	if err != nil {
		t.Fatal(err)
	}
	return app
}

// right serves the suite as it should be served.
func right(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- nethttp.Serve(ctx, ln, suite.Mux()) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return ln.Addr().String()
}

func TestARightServerPasses(t *testing.T) {
	address := right(t)
	for _, name := range append(suite.Names(), "size?bytes=1", "size?bytes=200000", "echo?bytes=300000", "stream?chunks=3&ms=2", "headers?count=0", "sleep?ms=0") {
		findings := conform.Run(t.Context(), address, parse(t, name))
		if len(findings) != len(conform.Checks()) {
			t.Errorf("%s: %d findings", name, len(findings))
		}
		for _, f := range findings {
			if f.Err != nil {
				t.Errorf("%s: %s: %v", name, f.ID, f.Err)
			}
		}
		if err := conform.Gated(findings); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := conform.Probe(t.Context(), address, parse(t, name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// hello serves the app hello rightly, except for what broken does; it returns
// whether it has answered.
func hello(broken func(w http.ResponseWriter, r *http.Request) bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch {
		case broken(w, r):
		case r.URL.Path != "/hello":
			http.NotFound(w, r)
		case r.Method != "GET" && r.Method != "HEAD":
			w.Header().Set("Allow", "GET, HEAD")
			w.WriteHeader(http.StatusMethodNotAllowed)
		default:
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			io.WriteString(w, "Hello, World!")
		}
	}
}

// raw answers with bytes of its own and leaves the connection open, except if end
// is set.
func raw(w http.ResponseWriter, reply string, end bool) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nDate: %s\r\n%s", time.Now().UTC().Format(http.TimeFormat), reply)
	if end {
		conn.Close()
		return
	}
	go func() { // what the client does not ask is not served, and its end is awaited
		io.Copy(io.Discard, conn)
		conn.Close()
	}()
}

func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	srv := httptest.NewUnstartedServer(h)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.Start()
	t.Cleanup(srv.Close)
	return srv.Listener.Addr().String()
}

const wholeHello = "Content-Length: 13\r\n\r\nHello, World!"

// Each server is wrong in one way, which exactly one check finds.
func TestABrokenServerFails(t *testing.T) {
	get := func(r *http.Request) bool { return r.Method == "GET" && r.URL.Path == "/hello" }
	// nth counts the requests of a connection, in the handler of one.
	covered := make(map[string]bool)
	for _, c := range []struct {
		name, check, want string
		broken            func(w http.ResponseWriter, r *http.Request) bool
	}{
		{"a body after HEAD", "head", "after HEAD: ", func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method == "HEAD" {
				raw(w, wholeHello, false)
			}
			return r.Method == "HEAD"
		}},
		{"a body after HEAD, and the end", "head", "came after the reply", func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method == "HEAD" {
				raw(w, "Connection: close\r\n"+wholeHello, true)
			}
			return r.Method == "HEAD"
		}},
		{"no HEAD", "head", "HEAD /hello: status is 501, not 200", func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method == "HEAD" {
				w.WriteHeader(http.StatusNotImplemented)
			}
			return r.Method == "HEAD"
		}},
		{"the connection stays open", "close", "the connection stays open", func(w http.ResponseWriter, r *http.Request) bool {
			if r.Close {
				raw(w, wholeHello, false)
			}
			return r.Close
		}},
		{"bytes after the last reply", "close", `"more" came after the reply`, func(w http.ResponseWriter, r *http.Request) bool {
			if r.Close {
				raw(w, "Connection: close\r\n"+wholeHello+"more", true)
			}
			return r.Close
		}},
		{"any path is hello", "not-found", "GET /no-such-app: status is 200, not 404", func(w http.ResponseWriter, r *http.Request) bool {
			return r.URL.Path != "/hello" && r.Method == "GET"
		}},
		{"any method is GET", "method", "DELETE /hello: status is 200", func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method == "DELETE" {
				io.WriteString(w, "Hello, World!")
			}
			return r.Method == "DELETE"
		}},
		{"405 without Allow", "method", `status is 405 with Allow ""`, func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method == "DELETE" {
				w.WriteHeader(http.StatusMethodNotAllowed)
			}
			return r.Method == "DELETE"
		}},
		{"no Date", "date", `Date is ""`, func(w http.ResponseWriter, r *http.Request) bool {
			w.Header()["Date"] = nil
			return false
		}},
		{"an old Date", "date", "Date is off by ", func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
			return false
		}},
		{"the second reply is missing", "keep-alive", "request 3 of a connection: ", secondMissing(get)},
	} {
		covered[c.check] = true
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			findings := conform.Run(t.Context(), serve(t, hello(c.broken)), parse(t, "hello"))
			for _, f := range findings {
				switch {
				case f.ID != c.check && f.Err != nil:
					t.Errorf("%s fails too: %v", f.ID, f.Err)
				case f.ID == c.check && (f.Err == nil || !strings.Contains(f.Err.Error(), c.want)):
					t.Errorf("%s: %v, want %s", f.ID, f.Err, c.want)
				case f.ID == c.check:
					gated := conform.Gated(findings)
					if f.Level == conform.Gate && (gated == nil || !strings.HasPrefix(gated.Error(), c.check+": ")) || f.Level == conform.Report && gated != nil {
						t.Errorf("gate: %v", gated)
					}
				}
			}
		})
	}
}
