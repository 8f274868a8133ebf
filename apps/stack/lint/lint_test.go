package lint_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/appstest"
	"github.com/benchctl/benchctl/apps/stack/lint"
)

// found collects breaches.
type found struct {
	mu  sync.Mutex
	all []lint.Breach
	got chan struct{}
}

func (f *found) report(b lint.Breach) {
	f.mu.Lock()
	f.all = append(f.all, b)
	f.mu.Unlock()
	if f.got != nil {
		f.got <- struct{}{}
	}
}

// rules are what was broken, as "A2 app", in the order of the breaches.
func (f *found) rules() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []string
	for _, b := range f.all {
		all = append(all, b.Rule+" "+string(b.By))
	}
	return all
}

// hold compares what was broken with want, separated by commas.
func (f *found) hold(t *testing.T, want string) {
	t.Helper()
	if got := strings.Join(f.rules(), ","); got != want {
		t.Errorf("%q, want %q: %v", got, want, f.all)
	}
}

func linted(t testing.TB, a apps.App) (apps.App, *found) {
	t.Helper()
	f := &found{}
	w, err := lint.Lint{Report: f.report}.Wrap(a)
	if err != nil {
		t.Fatal(err)
	}
	return w, f
}

// body is a stream of functions, one for each call of Next.
type body struct {
	nexts []func() ([]byte, error)
	close func() error
}

func (b *body) Next() ([]byte, error) {
	if len(b.nexts) == 0 {
		return nil, io.EOF
	}
	next := b.nexts[0]
	b.nexts = b.nexts[1:]
	return next()
}

func (b *body) Close() error {
	if b.close != nil {
		return b.close()
	}
	return nil
}

func block(text string) func() ([]byte, error) {
	return func() ([]byte, error) { return []byte(text), nil }
}

// TestApp has apps break their duties, and keep them.
func TestApp(t *testing.T) {
	var keptReq apps.Request
	var keptRes apps.Response
	var keptBody io.Reader
	room := []byte("hello")
	length := func(res apps.Response, n string) { res.SetHeader("content-length", n) }
	stream := func(res apps.Response, nexts ...func() ([]byte, error)) error {
		return res.Stream(200, &body{nexts: nexts})
	}
	for _, test := range []struct {
		name string
		app  apps.Func
		req  appstest.Request
		want string
	}{
		{"whole", func(_ apps.Request, res apps.Response) error {
			length(res, "5")
			return res.Reply(200, []byte("hello"))
		}, appstest.Get("/"), ""},
		{"a stream", func(_ apps.Request, res apps.Response) error {
			length(res, "4")
			return stream(res, block("ab"), block(""), block("cd"))
		}, appstest.Get("/"), ""},
		{"an error", func(apps.Request, apps.Response) error { return io.ErrNoProgress }, appstest.Get("/"), ""},
		{"a failing stream", func(_ apps.Request, res apps.Response) error {
			return stream(res, func() ([]byte, error) { return nil, io.ErrNoProgress })
		}, appstest.Get("/"), ""},
		{"HEAD with the length of GET", func(_ apps.Request, res apps.Response) error { length(res, "5"); return res.Reply(200, nil) }, appstest.Of("HEAD", "/", ""), ""},
		{"304 with the length of 200", func(_ apps.Request, res apps.Response) error { length(res, "5"); return res.Reply(304, nil) }, appstest.Get("/"), ""},
		{"reads in Serve and Next", func(req apps.Request, res apps.Response) error {
			_, err := req.Body().Read(make([]byte, 2))
			if err != nil {
				return err
			}
			return stream(res, func() ([]byte, error) { return io.ReadAll(req.Body()) })
		}, appstest.Of("POST", "/", "hello"), ""},

		{"A2 twice", func(_ apps.Request, res apps.Response) error {
			_ = res.Reply(200, nil)
			_ = res.Reply(200, nil)
			return nil
		}, appstest.Get("/"), "A2 app"},
		{"A2 a stream after a body", func(_ apps.Request, res apps.Response) error { _ = res.Reply(200, nil); _ = stream(res); return nil }, appstest.Get("/"), "A2 app"},
		{"A2 never", func(apps.Request, apps.Response) error { return nil }, appstest.Get("/"), "A2 app"},
		{"A2 and an error", func(_ apps.Request, res apps.Response) error { _ = res.Reply(200, nil); return io.ErrNoProgress }, appstest.Get("/"), "A2 app"},
		{"A3 a field of the server", func(_ apps.Request, res apps.Response) error {
			res.SetHeader("connection", "close")
			return res.Reply(200, nil)
		}, appstest.Get("/"), "A3 app"},
		{"A3 too late", func(_ apps.Request, res apps.Response) error {
			defer res.SetHeader("X-Late", "1")
			return res.Reply(200, nil)
		}, appstest.Get("/"), "A3 app"},
		{"A4 a body", func(_ apps.Request, res apps.Response) error {
			err := res.Reply(200, room)
			room[0]++
			return err
		}, appstest.Get("/"), "A4 app"},
		{"A4 a block, in Next, as it may", func(_ apps.Request, res apps.Response) error {
			b := []byte("ab")
			change := func() ([]byte, error) { b[0]++; return b, nil }
			return stream(res, change, change)
		}, appstest.Get("/"), ""},
		{"A5 a request", func(req apps.Request, res apps.Response) error {
			defer func() { keptReq, keptRes = req, res }()
			if keptReq != nil {
				_, _, _, _ = keptReq.Method(), keptReq.Path(), keptReq.Header("X"), keptReq.ContentLength()
				if keptReq.Context().Err() == nil || keptRes.Reply(200, nil) == nil {
					t.Error("what was kept goes on")
				}
				keptRes.SetHeader("X", "y")
			}
			return res.Reply(200, nil)
		}, appstest.Get("/"), ""},
		{"A6 no number", func(_ apps.Request, res apps.Response) error { length(res, "+-5"); return res.Reply(200, room) }, appstest.Get("/"), "A6 app"},
		{"A6 another length", func(_ apps.Request, res apps.Response) error { length(res, "6"); return res.Reply(200, room) }, appstest.Get("/"), "A6 app"},
		{"A6 too short", func(_ apps.Request, res apps.Response) error { length(res, "6"); return stream(res, block("ab")) }, appstest.Get("/"), "A6 app"},
		{"A6 too long", func(_ apps.Request, res apps.Response) error {
			length(res, "1")
			return stream(res, block("ab"), block("c"))
		}, appstest.Get("/"), "A6 app"},
		{"A7 in Close", func(req apps.Request, res apps.Response) error {
			reader := req.Body()
			return res.Stream(200, &body{close: func() error { _, _ = reader.Read(make([]byte, 1)); return nil }})
		}, appstest.Of("POST", "/", "hello"), "A7 app"},
		{"A7 after the request", func(req apps.Request, res apps.Response) error {
			if keptBody != nil {
				if n, err := keptBody.Read(make([]byte, 1)); n != 0 || err == nil || errors.Is(err, io.EOF) {
					t.Error(n, err)
				}
			}
			keptBody = req.Body()
			return res.Reply(200, nil)
		}, appstest.Of("POST", "/", "hello"), ""},
		{"A8 a block with the end", func(_ apps.Request, res apps.Response) error {
			return stream(res, func() ([]byte, error) { return []byte("ab"), io.EOF })
		}, appstest.Get("/"), "A8 app"},
	} {
		t.Run(test.name, func(t *testing.T) {
			a, f := linted(t, test.app)
			appstest.Ask(a, test.req)
			f.hold(t, test.want)
			for _, b := range f.all {
				if b.Method != cmp.Or(test.req.Verb, "GET") || b.Path != "/" || !strings.HasPrefix(b.String(), b.Rule+" by the app, "+b.Method+` "/": `) {
					t.Error(b)
				}
			}
			f.all = nil
			switch test.name { // the second request of those that keep something
			case "A5 a request":
				appstest.Ask(a, test.req)
				f.hold(t, strings.Repeat("A5 app,", 6)+"A5 app")
			case "A7 after the request":
				appstest.Ask(a, test.req)
				f.hold(t, "A7 app")
			}
		})
	}
}

func TestAppPanics(t *testing.T) {
	a, f := linted(t, apps.Func(func(apps.Request, apps.Response) error { panic("loud") }))
	func() {
		defer func() {
			if p := recover(); p != "loud" {
				t.Errorf("the panic became %v", p)
			}
		}()
		appstest.Ask(a, appstest.Get("/"))
	}()
	f.hold(t, "A2 app")
}

// TestAppChangesLater has an app change what it gave, once the call is over that may still use it.
func TestAppChangesLater(t *testing.T) {
	room := []byte("hello")
	a, f := linted(t, apps.Func(func(_ apps.Request, res apps.Response) error { return res.Reply(200, room) }))
	f.got = make(chan struct{}, 1)
	ctx, end := context.WithCancel(t.Context())
	req := appstest.Get("/")
	req.Ctx = ctx
	appstest.Ask(a, req)
	f.hold(t, "")
	room[0]++
	end()
	<-f.got
	f.hold(t, "A4 app")

	b := []byte("ab")
	a, f = linted(t, apps.Func(func(_ apps.Request, res apps.Response) error {
		return res.Stream(200, &body{nexts: []func() ([]byte, error){func() ([]byte, error) { return b, nil }}})
	}))
	for _, last := range []bool{false, true} {
		s := &server{}
		if err := a.Serve(s, s); err != nil {
			t.Fatal(err)
		}
		_, _ = s.body.Next()
		b[0]++
		if !last {
			_, _ = s.body.Next()
		}
		s.body.Close()
	}
	f.hold(t, "A4 app,A4 app")
}

func TestLog(t *testing.T) {
	var log bytes.Buffer
	before := slog.Default()
	t.Cleanup(func() { slog.SetDefault(before) })
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	a, err := lint.Lint{}.Wrap(apps.Func(func(apps.Request, apps.Response) error { return nil }))
	if err != nil {
		t.Fatal(err)
	}
	appstest.Ask(a, appstest.Get("/way"))
	for _, part := range []string{"level=WARN", "rule=A2", "by=app", "method=GET", "path=/way", "returned without an answer"} {
		if !strings.Contains(log.String(), part) {
			t.Errorf("%q, want %q", log.String(), part)
		}
	}
}

func TestFiles(t *testing.T) {
	a, f := linted(t, apps.Func(func(_ apps.Request, res apps.Response) error {
		r, ok := res.(apps.FileReplier)
		if !ok {
			return res.Reply(200, nil)
		}
		return r.File(200, "/file")
	}))
	if r := appstest.ServeFiles(t, a, appstest.Get("/")); r.File != "/file" {
		t.Error(r)
	}
	if r := appstest.Serve(t, a, appstest.Get("/")); r.File != "" || r.Status != 200 {
		t.Error(r)
	}
	f.hold(t, "")
}

// hang bounds waits that end by an event, unless something is broken.
const hang = time.Minute
