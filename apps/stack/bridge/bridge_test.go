package bridge_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/appstest"
	"github.com/benchctl/benchctl/apps/stack"
	"github.com/benchctl/benchctl/apps/stack/bridge"
)

type use = func(next http.Handler) http.Handler

// around makes middleware of a function that gets the next handler.
func around(f func(next http.Handler, w http.ResponseWriter, r *http.Request)) use {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { f(next, w, r) })
	}
}

// behind is app behind middleware that reads some fields.
func behind(t testing.TB, app apps.App, u use, fields ...string) apps.App {
	t.Helper()
	a, err := bridge.Middleware{Use: u, Fields: fields}.Wrap(app)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// hello answers with a whole body, and says what it sees of the request.
var hello = apps.Func(func(req apps.Request, res apps.Response) error {
	body, err := io.ReadAll(req.Body())
	if err != nil {
		return err
	}
	res.SetHeader("X-App", req.Header("X-Ask")+","+req.Header("X-Other")+","+req.Header("host"))
	return res.Reply(200, fmt.Appendf(nil, "%s %s %s %d %s", req.Method(), req.Path(), req.Query(), req.ContentLength(), body))
})

func streaming(body apps.Body) apps.Func {
	return func(_ apps.Request, res apps.Response) error { return res.Stream(200, body) }
}

// The app sees what the middleware leaves of the request, and the client what it leaves of the reply.
func TestMiddlewareChanges(t *testing.T) {
	app := behind(t, hello, around(func(next http.Handler, w http.ResponseWriter, r *http.Request) {
		if r.Method != "POST" || r.RequestURI != "/a/b?x=1" || r.Host != "example.org" || r.Header.Get("X-Ask") != "ask" || r.Header.Get("X-Other") != "" {
			t.Errorf("%+v", r)
		}
		r.Header.Del("X-Ask")
		r.Method, r.URL.Path, r.URL.RawQuery, r.Host = "PUT", "/c", "y=2", "example.com"
		w.Header().Set("X-Before", "1")
		next.ServeHTTP(w, r)
		w.Header().Set("X-After", "too late")
	}), "x-ask", "host")
	r := appstest.Serve(t, app, appstest.Of("POST", "/a/b?x=1", "hello", "Host", "example.org", "X-Ask", "ask", "X-Other", "other"))
	if r.Status != 200 || r.Body() != "PUT /c y=2 5 hello" || r.Stream || r.Field("X-Before") != "1" || r.Field("X-After") != "" || r.Field("X-App") != ",other,example.com" {
		t.Error(r)
	}
}

// The middleware of the standard library works as it does there.
func TestStandardMiddleware(t *testing.T) {
	strip := behind(t, hello, func(next http.Handler) http.Handler { return http.StripPrefix("/api", next) })
	if r := appstest.Serve(t, strip, appstest.Get("/api/x")); r.Body() != "GET /x  0 " {
		t.Error(r)
	}
	if r := appstest.Serve(t, strip, appstest.Get("/x")); r.Status != 404 {
		t.Error(r)
	}
	cross := behind(t, hello, http.NewCrossOriginProtection().Handler, "Sec-Fetch-Site", "Origin")
	for site, status := range map[string]int{"same-origin": 200, "cross-site": 403} {
		if r := appstest.Serve(t, cross, appstest.Of("POST", "/", "", "Sec-Fetch-Site", site)); r.Status != status {
			t.Errorf("%s: %v", site, r)
		}
	}
	limit := behind(t, hello, func(next http.Handler) http.Handler { return http.MaxBytesHandler(next, 4) })
	var tooLarge *http.MaxBytesError
	if r := appstest.Ask(limit, appstest.Of("POST", "/", "hello")); !errors.As(r.Err, &tooLarge) {
		t.Error(r)
	}
}

// A whole body of the app passes without a copy; one that the middleware adds to is another.
func TestWholeBodies(t *testing.T) {
	body := []byte(strings.Repeat("x", 100_000))
	app := apps.Func(func(_ apps.Request, res apps.Response) error { return res.Reply(200, body) })
	got := &kept{}
	if err := behind(t, app, around(http.Handler.ServeHTTP)).Serve(memory{}, got); err != nil || len(got.whole) != len(body) || &got.whole[0] != &body[0] {
		t.Errorf("%d bytes, %v", len(got.whole), err)
	}
	more := around(func(next http.Handler, w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r)
		io.WriteString(w, "more")
	})
	if r := appstest.Serve(t, behind(t, hello, more), appstest.Get("/")); r.Body() != "GET /  0 more" || r.Stream {
		t.Error(r)
	}
	if r := appstest.Serve(t, behind(t, app, more), appstest.Get("/")); r.Body() != string(body)+"more" || !r.Stream {
		t.Errorf("%d bytes, streamed %v", len(r.Body()), r.Stream)
	}
	if string(body[len(body)-4:]) != "xxxx" {
		t.Error("the app's body was changed (A4)")
	}
}

// What a handler writes is a whole body up to a bound, and streamed beyond, or once it is flushed.
func TestHandlerWrites(t *testing.T) {
	for _, c := range []struct {
		name   string
		write  func(w http.ResponseWriter)
		blocks string
		stream bool
	}{
		{"nothing", func(http.ResponseWriter) {}, "", false},
		{"parts", func(w http.ResponseWriter) { io.WriteString(w, "a"); io.WriteString(w, "b") }, "ab", false},
		{"flushed first", func(w http.ResponseWriter) { w.(http.Flusher).Flush(); io.WriteString(w, "a") }, "a", true},
		{"flushed", func(w http.ResponseWriter) {
			io.WriteString(w, "a")
			io.WriteString(w, "b")
			w.(http.Flusher).Flush()
			io.WriteString(w, "c")
			w.(http.Flusher).Flush()
			io.WriteString(w, "d")
		}, "ab|c|d", true},
		{"much", func(w http.ResponseWriter) {
			io.WriteString(w, "a")
			io.WriteString(w, strings.Repeat("b", 40_000))
			io.WriteString(w, "c")
		}, "a|" + strings.Repeat("b", 40_000) + "|c", true},
		{"none where there is none", func(w http.ResponseWriter) {
			w.WriteHeader(204)
			if _, err := io.WriteString(w, "a"); !errors.Is(err, http.ErrBodyNotAllowed) {
				t.Error(err)
			}
		}, "", false},
	} {
		h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { c.write(w) })
		r := appstest.Serve(t, leaf(t, h), appstest.Get("/"))
		r.Blocks = slices.DeleteFunc(r.Blocks, func(b string) bool { return b == "" })
		if got := strings.Join(r.Blocks, "|"); got != c.blocks || r.Stream != c.stream {
			t.Errorf("%s: %.40q, streamed %v", c.name, got, r.Stream)
		}
	}
}

// leaf is the app of a handler.
func leaf(t testing.TB, h http.Handler, fields ...string) apps.App {
	t.Helper()
	a, err := stack.Build(stack.App{Source: bridge.Handler{Handler: h, Fields: fields}})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// Fields go as net/http sends them: once the header is written, in the order of their names, without those of
// the server, trailers and line breaks.
func TestReplyFields(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		w.Header()["x-small"] = []string{"1"}
		w.Header()["connection"] = []string{"close"}
		w.Header().Set("Upgrade", "h2c")
		w.Header().Set(http.TrailerPrefix+"X", "1")
		w.Header().Add("Vary", "Origin")
		w.Header().Add("Vary", "Cookie")
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "1"})
		http.SetCookie(w, &http.Cookie{Name: "b", Value: "2"})
		w.Header().Set("Location", "/a\r\nX-Evil: 1")
		w.Header()["X-None"] = nil
		w.WriteHeader(201)
		w.WriteHeader(500)
		w.Header().Set("X-Late", "1")
	})
	r := appstest.Serve(t, leaf(t, h), appstest.Get("/"))
	if got := fmt.Sprint(r.Status, r.Fields); got != "201 [[Location /a  X-Evil: 1] [Set-Cookie a=1] [Set-Cookie b=2] [Vary Origin, Cookie] [x-small 1]]" {
		t.Error(got)
	}
}

// Each block of the app goes through middleware that compresses before the next one is made.
func TestStreamsThroughCompression(t *testing.T) {
	compress := around(func(next http.Handler, w http.ResponseWriter, r *http.Request) {
		z := gzip.NewWriter(w)
		defer z.Close()
		next.ServeHTTP(&zipped{ResponseWriter: w, z: z}, r)
	})
	got := &kept{}
	made := 0
	body := &appstest.Blocks{All: []string{"one", "two"}}
	if err := behind(t, streaming(&counted{body, &made}), compress).Serve(memory{}, got); err != nil || made != 0 {
		t.Fatalf("%v, %d blocks are made", err, made)
	}
	var sent bytes.Buffer
	for i, want := range []string{"one", "onetwo"} {
		block, err := got.body.Next()
		if err != nil {
			t.Fatal(err)
		}
		sent.Write(block)
		unzip, err := gzip.NewReader(bytes.NewReader(sent.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		if text, _ := io.ReadAll(unzip); string(text) != want || made != i+1 {
			t.Errorf("%q with %d blocks made", text, made)
		}
	}
	got.body.Close()
	if body.Closed != 1 {
		t.Errorf("closed %d times", body.Closed)
	}
}

type zipped struct {
	http.ResponseWriter
	z *gzip.Writer
}

func (w *zipped) Write(p []byte) (int, error) { return w.z.Write(p) }

func (w *zipped) Flush() {
	_ = w.z.Flush()
	w.ResponseWriter.(http.Flusher).Flush()
}

// counted counts the blocks that were made.
type counted struct {
	*appstest.Blocks
	made *int
}

func (c *counted) Next() ([]byte, error) {
	block, err := c.Blocks.Next()
	if err == nil {
		*c.made++
	}
	return block, err
}

// A client that leaves ends the handler: its writes fail, and the app's body is closed once.
func TestClientLeaves(t *testing.T) {
	for pulled := range 3 {
		ended, ctx := false, context.Context(nil)
		body := &appstest.Blocks{All: []string{"one", "two", "three"}}
		app := behind(t, streaming(body), around(func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			ctx = r.Context()
			next.ServeHTTP(hidden{w}, r)
			if _, err := io.WriteString(w, "more"); err == nil {
				t.Error("a write after the end is no error")
			}
			ended = true
		}))
		got := &kept{}
		if err := app.Serve(memory{}, got); err != nil {
			t.Fatal(err)
		}
		for range pulled {
			if _, err := got.body.Next(); err != nil {
				t.Error(err)
			}
		}
		got.body.Close()
		if !ended || body.Closed != 1 || ctx.Err() == nil {
			t.Errorf("after %d blocks: ended %v, closed %d times, context %v", pulled, ended, body.Closed, ctx.Err())
		}
	}
}

// hidden is a writer that does not tell that it flushes.
type hidden struct{ http.ResponseWriter }

// failing is a stream that fails after a block.
type failing struct{ appstest.Blocks }

var errApp = errors.New("the app fails")

func (f *failing) Next() ([]byte, error) {
	block, err := f.Blocks.Next()
	if err != nil {
		err = errApp
	}
	return block, err
}

// What fails in the app fails outside, unless the middleware answers in its place.
func TestFailures(t *testing.T) {
	fails := apps.Func(func(_ apps.Request, res apps.Response) error {
		res.SetHeader("X-App", "1")
		return errApp
	})
	late := apps.Func(func(_ apps.Request, res apps.Response) error { return errors.Join(res.Reply(200, nil), errApp) })
	body := &failing{appstest.Blocks{All: []string{"one"}}}
	replace := around(func(next http.Handler, w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(discarded{w, w.Header()}, r)
		w.WriteHeader(503)
		io.WriteString(w, "sorry")
	})
	plain := around(http.Handler.ServeHTTP)
	for _, c := range []struct {
		name   string
		app    apps.App
		use    use
		want   error
		status int
	}{
		{"an error", fails, plain, errApp, 0},
		{"an error after the answer", late, plain, errApp, 0},
		{"no answer", apps.Func(func(apps.Request, apps.Response) error { return nil }), plain, errAny, 0},
		{"an error that the middleware answers", fails, replace, nil, 503},
		{"a stream", streaming(body), plain, errApp, 200},
		{"a stream at once", streaming(&failing{}), plain, errApp, 200},
		{"aborted", hello, around(func(http.Handler, http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), http.ErrAbortHandler, 0},
		{"aborted late", hello, around(func(_ http.Handler, w http.ResponseWriter, _ *http.Request) {
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}), http.ErrAbortHandler, 200},
	} {
		r := appstest.Ask(behind(t, c.app, c.use), appstest.Get("/"))
		if !errors.Is(r.Err, c.want) && (!errors.Is(c.want, errAny) || r.Err == nil) || r.Status != c.status || r.Field("X-App") != "" {
			t.Errorf("%s: %v", c.name, r)
		}
	}
	if body.Closed != 1 {
		t.Errorf("closed %d times", body.Closed)
	}
}

var errAny = errors.New("any error")

// discarded is a writer whose reply nobody sees.
type discarded struct {
	http.ResponseWriter
	header http.Header
}

func (discarded) WriteHeader(int)             {}
func (discarded) Write(p []byte) (int, error) { return len(p), nil }

// A panic of the app passes through the middleware, which may recover from it.
func TestPanics(t *testing.T) {
	panics := apps.Func(func(apps.Request, apps.Response) error { panic("loud") })
	recovers := around(func(next http.Handler, w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p != nil {
				http.Error(w, fmt.Sprint(p), 500)
			}
		}()
		next.ServeHTTP(w, r)
	})
	if r := appstest.Serve(t, behind(t, panics, recovers), appstest.Get("/")); r.Status != 500 || r.Body() != "loud\n" {
		t.Error(r)
	}
	defer func() {
		if p := recover(); p != "loud" {
			t.Errorf("the panic became %v", p)
		}
	}()
	appstest.Ask(behind(t, panics, around(http.Handler.ServeHTTP)), appstest.Get("/"))
}

// Middleware may have another goroutine call the app and write, as long as it waits.
func TestOtherGoroutines(t *testing.T) {
	elsewhere := around(func(next http.Handler, w http.ResponseWriter, r *http.Request) {
		var wait sync.WaitGroup
		wait.Go(func() { next.ServeHTTP(w, r) })
		wait.Wait()
	})
	body := &appstest.Blocks{All: []string{"one", "two", "three"}}
	if r := appstest.Serve(t, behind(t, streaming(body), elsewhere), appstest.Get("/")); strings.Join(r.Blocks, "") != "onetwothree" || body.Closed != 1 {
		t.Errorf("%v, closed %d times", r, body.Closed)
	}
	if r := appstest.Serve(t, behind(t, hello, elsewhere), appstest.Get("/")); r.Body() != "GET /  0 " {
		t.Error(r)
	}
}

// What is not set is a fault of the stack.
func TestNothingToBridge(t *testing.T) {
	for _, n := range []stack.Node{
		stack.Pipeline{Layers: []stack.Layer{bridge.Middleware{}}, Node: stack.App{Source: bridge.Handler{Handler: http.NotFoundHandler()}}},
		stack.App{Source: bridge.Handler{}},
		stack.Pipeline{Layers: []stack.Layer{bridge.Middleware{Use: func(http.Handler) http.Handler { return nil }}}, Node: stack.App{Source: bridge.Handler{Handler: http.NotFoundHandler()}}},
	} {
		var fault *stack.Error
		if _, err := stack.Build(n); !errors.As(err, &fault) {
			t.Errorf("%+v: %v", n, err)
		}
	}
}
