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
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/conform"
	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/servers/engine/nethttp"
	"github.com/benchctl/benchctl/servers/process/drain"
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
	mux := suite.Mux()
	if err := mux.(apps.Starter).Start(ctx); err != nil {
		t.Fatal(err)
	}
	go func() { served <- nethttp.Serve(ctx, drain.New(ln), mux) }()
	t.Cleanup(func() {
		_ = mux.(apps.Stopper).Stop(context.Background())
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return ln.Addr().String()
}

// loadable is every app that makes load.
func loadable(t *testing.T) []string {
	var names []string
	for _, name := range suite.Names() {
		if parse(t, name).Loadable() == nil {
			names = append(names, name)
		}
	}
	return names
}

// eachApp is how many checks over HTTP/1.1 are made with every app.
func eachApp() int {
	n := 0
	for _, c := range conform.Checks() {
		if c.Each && !c.HTTP2 {
			n++
		}
	}
	return n
}

func TestARightServerPasses(t *testing.T) {
	address := right(t)
	for _, name := range append(loadable(t), "size?bytes=1", "size?bytes=200000", "echo?bytes=300000", "stream?chunks=3&ms=2", "headers?count=0", "sleep?ms=0") {
		findings := conform.App(t.Context(), conform.Target{Address: address}, parse(t, name))
		if len(findings) < eachApp() {
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

// hello serves the app hello correctly, except for what broken does, which returns
// whether it has answered. n counts the requests of a connection, from 1.
func hello(broken func(w http.ResponseWriter, r *http.Request, n int) bool) http.HandlerFunc {
	var mu sync.Mutex
	requests := make(map[string]int) // by connection
	return func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		requests[r.RemoteAddr]++
		n := requests[r.RemoteAddr]
		mu.Unlock()
		switch {
		case broken(w, r, n):
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

// answers gives each GET of hello a reply of other bytes, and ends the connection.
func answers(reply string) func(http.ResponseWriter, *http.Request, int) bool {
	return func(w http.ResponseWriter, r *http.Request, _ int) bool {
		ours := r.URL.Path == "/hello" && r.Method == http.MethodGet
		if ours {
			raw(w, "Connection: close\r\n"+reply, true)
		}
		return ours
	}
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
	t.Parallel()
	var first atomic.Bool
	covered := make(map[string]bool)
	for _, c := range []struct {
		name, check, want string
		broken            func(w http.ResponseWriter, r *http.Request, n int) bool
	}{
		{"a body after HEAD", "head", `bytes after the reply, in "Hello, World!"`, func(w http.ResponseWriter, r *http.Request, n int) bool {
			if r.Method == "HEAD" {
				raw(w, wholeHello, true)
			}
			return r.Method == "HEAD"
		}},
		{"a body after HEAD, and the end", "head", `bytes after the reply, in "Hello, World!"`, func(w http.ResponseWriter, r *http.Request, n int) bool {
			if r.Method == "HEAD" {
				raw(w, "Connection: close\r\n"+wholeHello, true)
			}
			return r.Method == "HEAD"
		}},
		{"no HEAD", "head", "HEAD /hello: status is 501, not 200", func(w http.ResponseWriter, r *http.Request, n int) bool {
			if r.Method == "HEAD" {
				w.WriteHeader(http.StatusNotImplemented)
			}
			return r.Method == "HEAD"
		}},
		{"the connection stays open", "close", "the connection stays open", func(w http.ResponseWriter, r *http.Request, n int) bool {
			if r.Close {
				raw(w, wholeHello, false)
			}
			return r.Close
		}},
		{"bytes after the last reply", "close", `bytes after the reply, in "more"`, func(w http.ResponseWriter, r *http.Request, n int) bool {
			if r.Close {
				raw(w, "Connection: close\r\n"+wholeHello+"more", true)
			}
			return r.Close
		}},
		{"any path is hello", "not-found", "GET /no-such-app: status is 200, not 404", func(w http.ResponseWriter, r *http.Request, n int) bool {
			return r.URL.Path != "/hello" && r.Method == "GET"
		}},
		{"any method is GET", "method", "DELETE /hello: status is 200", func(w http.ResponseWriter, r *http.Request, n int) bool {
			if r.Method == "DELETE" {
				io.WriteString(w, "Hello, World!")
			}
			return r.Method == "DELETE"
		}},
		{"405 without Allow", "method", `status is 405 with Allow ""`, func(w http.ResponseWriter, r *http.Request, n int) bool {
			if r.Method == "DELETE" {
				w.WriteHeader(http.StatusMethodNotAllowed)
			}
			return r.Method == "DELETE"
		}},
		{"an old Date", "fresh", "Date is off by 1h0m", func(w http.ResponseWriter, r *http.Request, n int) bool {
			w.Header().Set("Date", time.Now().Add(-time.Hour-5*time.Second).UTC().Format(http.TimeFormat))
			return false
		}},
		{"a Date to come", "fresh", "Date is off by -1h0m", func(w http.ResponseWriter, r *http.Request, n int) bool {
			w.Header().Set("Date", time.Now().Add(time.Hour+5*time.Second).UTC().Format(http.TimeFormat))
			return false
		}},
		{"a field over two lines", "folded-reply", "GET /hello: a field of the reply goes over several lines", answers("A: b\r\n c\r\n" + wholeHello)},
		{"a field of a trailer over three lines", "folded-reply", "goes over several lines", answers("Transfer-Encoding: chunked\r\n\r\nd\r\nHello, World!\r\n0\r\nA: b\r\n\tc\r\n d\r\n\r\n")},
		{"the first reply of all is wrong", "reply", "wrong body: it begins \"Hello, w", func(w http.ResponseWriter, r *http.Request, n int) bool {
			wrong := first.CompareAndSwap(false, true)
			if wrong {
				w.Header().Set("Content-Type", "text/plain")
				io.WriteString(w, "Hello, world!")
			}
			return wrong
		}},
		{"the third reply of a connection is missing", "keep-alive", "request 3 of a connection: GET /hello: the connection ended without a reply", func(w http.ResponseWriter, r *http.Request, n int) bool {
			if n == 3 {
				panic(http.ErrAbortHandler)
			}
			return false
		}},
		{"the third reply of a connection is wrong", "keep-alive", "request 3 of a connection: GET /hello: status is 503", func(w http.ResponseWriter, r *http.Request, n int) bool {
			if n == 3 {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			return n == 3
		}},
		{"it closes as it says, and does not", "keep-alive", "the connection stays open", func(w http.ResponseWriter, r *http.Request, n int) bool {
			if n == 3 {
				raw(w, "Connection: close\r\n"+wholeHello, false)
			}
			return n == 3
		}},
	} {
		covered[c.check] = true
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			findings := checked(t, serve(t, hello(c.broken)))
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
	for _, c := range conform.Checks() {
		if !c.HTTP2 && (c.Each || c.ID == "close" || c.ID == "method") && !covered[c.ID] {
			t.Errorf("no server fails the check %s", c.ID)
		}
	}
}

// checked makes the checks that concern a load of hello, and that of methods.
func checked(t *testing.T, address string) []conform.Finding {
	target := conform.Target{Address: address}
	return append(conform.App(t.Context(), target, parse(t, "hello"), conform.UsesClose), conform.One(t.Context(), target, "method"))
}

// A server that gives the reply it gave to a request like this, by path and length of
// the body, has correct replies for who always sends the same.
func TestAServerThatRemembersFails(t *testing.T) {
	origin := right(t)
	type kept struct {
		status int
		header http.Header
		body   []byte
	}
	for _, name := range []string{"upload?bytes=1000", "upload", "echo", "session", "headers", "ident"} {
		var mu sync.Mutex
		known := make(map[string]kept)
		address := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				panic(http.ErrAbortHandler)
			}
			mu.Lock()
			defer mu.Unlock()
			like := fmt.Sprint(r.Method, r.URL, len(body))
			k, ok := known[like]
			if !ok {
				req, err := http.NewRequestWithContext(r.Context(), r.Method, "http://"+origin+r.URL.String(), strings.NewReader(string(body)))
				if err != nil {
					panic(err)
				}
				req.Header = r.Header.Clone()
				res, err := http.DefaultTransport.RoundTrip(req)
				if err != nil {
					panic(http.ErrAbortHandler)
				}
				defer res.Body.Close()
				k.status, k.header = res.StatusCode, res.Header
				if k.body, err = io.ReadAll(res.Body); err != nil {
					panic(http.ErrAbortHandler)
				}
				known[like] = k
			}
			for name, values := range k.header {
				w.Header()[name] = values
			}
			w.Header().Del("Date") // its own
			w.WriteHeader(k.status)
			_, _ = w.Write(k.body)
		}))
		for _, f := range conform.App(t.Context(), conform.Target{Address: address}, parse(t, name)) {
			switch {
			case f.ID == "reply" && !errors.Is(f.Err, conform.ErrMismatch):
				t.Errorf("%s: reply: %v, want %v", name, f.Err, conform.ErrMismatch)
			case f.ID != "reply" && f.ID != name && f.Err != nil: // a check of the app alone may find it too
				t.Errorf("%s: %s fails too: %v", name, f.ID, f.Err)
			}
		}
		if err := conform.Probe(t.Context(), address, parse(t, name)); err != nil {
			t.Errorf("%s: probe: %v", name, err)
		}
	}
}

// A server may close each connection if it says so.
func TestAServerThatClosesPasses(t *testing.T) {
	address := serve(t, hello(func(w http.ResponseWriter, r *http.Request, n int) bool {
		w.Header().Set("Connection", "close")
		return false
	}))
	for _, f := range conform.App(t.Context(), conform.Target{Address: address}, parse(t, "hello")) {
		if f.Err != nil {
			t.Errorf("%s: %v", f.ID, f.Err)
		}
	}
}

// Interim replies are valid before any other (RFC 9110 section 15.2).
func TestInterimRepliesPass(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusProcessing)
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, "Hello, World!")
	}))
	defer s.Close()
	if err := conform.Probe(t.Context(), s.Listener.Addr().String(), parse(t, "hello")); err != nil {
		t.Error(err)
	}
}

// The reply is compared in everything that the app says about it.
func TestWrongReplies(t *testing.T) {
	body := func(kind, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", kind)
			io.WriteString(w, text)
		}
	}
	bytes := func(reply string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { raw(w, reply, true) }
	}
	for _, c := range []struct {
		name, app, want string
		mismatch        bool // no waiting mends it
		handler         http.HandlerFunc
	}{
		{"status", "hello", "status is 404, not 200", false, http.NotFound},
		{"type", "hello", `Content-Type is "text/html", not "text/plain"`, true, body("text/html", "Hello, World!")},
		{"content", "hello", `wrong body: it begins "Hello, world!"`, true, body("text/plain", "Hello, world!")},
		{"too short", "hello", `wrong body: 12 bytes long, not 13; it begins "Hello, World"`, true, body("text/plain", "Hello, World")},
		{"too long", "hello", "wrong body: 14 bytes long, not 13", true, body("text/plain", "Hello, World!!")},
		{"empty", "size?bytes=100", "wrong body: 0 bytes long, not 100", true, body("text/plain", "")},
		{"field missing", "headers?count=2", `X-Reply-0 is "", not "value-of-field-0"`, true, body("text/plain", "2\n")},
		{"cut off", "hello", "read body after 5 bytes: connection ended before the whole reply", false, bytes("Content-Length: 13\r\n\r\nHello")},
		{"a false chunk", "hello", `read body after 0 bytes: bad chunk, in "x\r\n"`, true, bytes("Transfer-Encoding: chunked\r\n\r\nx\r\n")},
		{"no last chunk", "hello", "read body after 13 bytes: connection ended before the whole reply", false, bytes("Transfer-Encoding: chunked\r\n\r\nd\r\nHello, World!\r\n")},
		{"two lengths", "hello", `GET /hello: bad Content-Length, in "Content-Length: 12\r\n"`, true, bytes("Content-Length: 13\r\nContent-Length: 12\r\n\r\nHello, World!")},
		{"half a header", "hello", `GET /hello: connection ended before the whole reply, in "Content-Le"`, false, bytes("Content-Le")},
		{"too much", "hello", `GET /hello: bytes after the reply, in "!"`, true, bytes(wholeHello + "!")},
	} {
		err := conform.Probe(t.Context(), serve(t, c.handler), parse(t, c.app))
		if err == nil || !strings.Contains(err.Error(), c.want) || errors.Is(err, conform.ErrMismatch) != c.mismatch {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
}

func TestGatedNamesEveryFailedCheck(t *testing.T) {
	broken := errors.New("broken")
	gate, report := conform.Check{ID: "one", Level: conform.Gate}, conform.Check{ID: "two", Level: conform.Report}
	for _, c := range []struct {
		findings []conform.Finding
		want     string
	}{
		{nil, "<nil>"},
		{[]conform.Finding{{Check: gate}, {Check: report}}, "<nil>"},
		{[]conform.Finding{{Check: gate}, {Check: report, Err: broken}}, "<nil>"},
		{[]conform.Finding{{Check: gate, Err: broken}, {Check: report, Err: broken}}, "one: broken"},
		{[]conform.Finding{{Check: gate, Err: broken}, {Check: gate, Err: broken}}, "one: broken\none: broken"},
	} {
		if got := fmt.Sprint(conform.Gated(c.findings)); got != c.want {
			t.Errorf("%v: %q, want %q", c.findings, got, c.want)
		}
	}
}

// A server that takes connections and is silent holds nobody up for longer than
// the context lasts.
func TestAHangingServerEndsWithTheContext(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0") // the kernel takes the connections
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	timeout := func() (context.Context, context.CancelFunc) {
		return context.WithTimeout(t.Context(), 50*time.Millisecond)
	}
	why := errors.New("that is enough")
	cancelled := func() (context.Context, context.CancelFunc) {
		ctx, cancelFor := context.WithCancelCause(t.Context())
		cancel := func() { cancelFor(why) }
		go func() { // once the first connection is there
			if conn, err := ln.Accept(); err == nil {
				defer conn.Close()
				cancel()
				_, _ = io.Copy(io.Discard, conn) // until it is closed
			}
		}()
		return ctx, cancel
	}
	for name, within := range map[string]func() (context.Context, context.CancelFunc){"deadline": timeout, "cancelled": cancelled} {
		for _, app := range []string{"hello", "echo?bytes=4000000"} { // the latter fills the socket
			ctx, cancel := within()
			findings := conform.App(ctx, conform.Target{Address: ln.Addr().String()}, parse(t, app))
			ownTime := 0 // checks that took what one may take by itself
			for _, f := range findings {
				switch {
				case f.Skipped != "":
				case f.Err == nil:
					t.Errorf("%s, %s: %s passed", name, app, f.ID)
				case name == "cancelled" && !errors.Is(f.Err, why):
					t.Errorf("%s, %s: %s: %v, want %v", name, app, f.ID, f.Err, why)
				case name == "deadline" && !errors.Is(f.Err, context.DeadlineExceeded):
					ownTime++
				}
			}
			if ownTime > 1 { // the deadline of a connection may be a moment before that of the context
				t.Errorf("%s, %s: %d checks of %d did not end with the context", name, app, ownTime, len(findings))
			}
			cancel()
		}
	}
}
