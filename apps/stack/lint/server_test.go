package lint_test

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/benchctl/benchctl/apps"
)

// server is a request and its response, of a server that breaks duties.
type server struct {
	path, field string
	peer        netip.AddrPort
	length      int64
	reader      io.Reader
	body        apps.Body
	again       error // that a second answer gets
	answers     int
}

func (s *server) Context() context.Context { return context.Background() }
func (s *server) Method() string           { return "GET" }
func (s *server) Path() string             { return cmp.Or(s.path, "/") }
func (s *server) Query() string            { return "" }
func (s *server) Header(string) string     { return s.field }
func (s *server) ContentLength() int64     { return s.length }
func (s *server) Peer() netip.AddrPort     { return s.peer }
func (s *server) Body() io.Reader          { return s.reader }
func (s *server) SetHeader(string, string) { /* not sent */ }
func (s *server) Reply(int, []byte) error  { return s.answer() }

func (s *server) Stream(_ int, b apps.Body) error {
	if s.body == nil {
		s.body = b
	}
	return s.answer()
}

func (s *server) answer() error {
	if s.answers++; s.answers > 1 {
		return s.again
	}
	return nil
}

// readAll is an app that reads the body, past its end.
var readAll = apps.Func(func(req apps.Request, res apps.Response) error {
	for range 20 {
		_, _ = req.Body().Read(make([]byte, 4))
	}
	return res.Reply(200, nil)
})

func TestServerReads(t *testing.T) {
	for _, test := range []struct {
		name   string
		length int64
		reader io.Reader
		want   string
	}{
		{"as it should", 5, strings.NewReader("hello"), ""},
		{"the end with the last bytes", 5, iotest.DataErrReader(strings.NewReader("hello")), ""},
		{"chunked", -1, strings.NewReader("hello"), ""},
		{"a failure", 5, iotest.ErrReader(io.ErrUnexpectedEOF), ""},
		{"S3 too long", 4, strings.NewReader("hello"), "S3 server"},
		{"S3 too short", 6, strings.NewReader("hello"), "S3 server"},
		{"S3 goes on", -1, &goesOn{"ab", io.EOF, "cd"}, "S3 server"},
		{"S3 goes on after a failure", -1, &goesOn{"ab", io.ErrUnexpectedEOF, "cd"}, "S3 server,S3 server"},
		{"S3 more than there is room for", -1, overfull{}, "S3 server"},
		{"S3 no body", 0, nil, "S3 server"},
	} {
		t.Run(test.name, func(t *testing.T) {
			a, f := linted(t, readAll)
			s := &server{length: test.length, reader: test.reader}
			if err := a.Serve(s, s); err != nil {
				t.Error(err)
			}
			if got := strings.Join(slices.Compact(f.rules()), ","); got != strings.Join(slices.Compact(strings.Split(test.want, ",")), ",") {
				t.Errorf("%v, want %s", f.all, test.want)
			}
		})
	}
}

// goesOn is a body that has ended, and goes on.
type goesOn struct {
	before string
	err    error
	after  string
}

func (g *goesOn) Read(p []byte) (int, error) {
	if g.before != "" {
		n := copy(p, g.before)
		g.before = g.before[n:]
		return n, nil
	}
	if g.err != nil {
		err := g.err
		g.err = nil
		return 0, err
	}
	n := copy(p, g.after)
	if g.after = g.after[n:]; n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

type overfull struct{}

func (overfull) Read(p []byte) (int, error) { return len(p) + 1, io.EOF }

func TestServerAnswers(t *testing.T) {
	twice := apps.Func(func(_ apps.Request, res apps.Response) error {
		_ = res.Stream(200, &body{})
		_ = res.Stream(200, &body{})
		return nil
	})
	a, f := linted(t, twice)
	s := &server{}
	_ = a.Serve(s, s)
	f.hold(t, "A2 app,S6 server,A2 server")

	a, f = linted(t, apps.Func(func(_ apps.Request, res apps.Response) error { _ = res.Reply(200, nil); return nil }))
	s = &server{answers: 1, again: apps.ErrAnswered}
	_ = a.Serve(s, s)
	f.hold(t, "A2 server")
}

func TestServerHandsOut(t *testing.T) {
	path, field := []byte("/path"), []byte("value")
	app := apps.Func(func(req apps.Request, res apps.Response) error {
		_, _ = req.Header("A"), req.Header("A")
		if req.Path() == "/path" {
			path[1]++
			field[0]++
		}
		return res.Stream(200, &body{})
	})
	a, f := linted(t, app)
	s := &server{path: view(path), field: view(field)}
	_ = a.Serve(s, s)
	s.body.Close()
	f.hold(t, "S2 server,S2 server")
	if text := fmt.Sprint(f.all); !strings.Contains(text, `changed Path from "/path" to "/qath", before Serve returned`) || !strings.Contains(text, `changed field A from "value"`) {
		t.Error(text)
	}
	a, f = linted(t, app)
	s = &server{field: view(field)}
	_ = a.Serve(s, s)
	field[0]++
	s.body.Close()
	field[0]++ // which it may now
	f.hold(t, "S2 server")

	a, f = linted(t, hello)
	s = &server{peer: netip.MustParseAddrPort("[::ffff:192.0.2.1]:80")}
	_ = a.Serve(s, s)
	f.hold(t, "S16 server")

	a, f = linted(t, app)
	s = &server{field: "a\r\nb"}
	_ = a.Serve(s, s)
	s.body.Close()
	f.hold(t, "S1 server,S1 server")
}

func TestServerPulls(t *testing.T) {
	closed := 0
	app := func(nexts ...func() ([]byte, error)) (apps.App, *found, *server) {
		closed = 0
		a, f := linted(t, apps.Func(func(_ apps.Request, res apps.Response) error {
			return res.Stream(200, &body{nexts: nexts, close: func() error { closed++; return nil }})
		}))
		s := &server{}
		if err := a.Serve(s, s); err != nil {
			t.Fatal(err)
		}
		return a, f, s
	}
	_, f, s := app()
	s.body.Close()
	s.body.Close()
	if f.hold(t, "S6 server"); closed != 1 {
		t.Errorf("the app's body was closed %d times", closed)
	}
	_, f, s = app(block("a"))
	s.body.Close()
	_, _ = s.body.Next()
	f.hold(t, "S6 server")

	a, f, s := app()
	if err := a.(apps.Stopper).Stop(t.Context()); err != nil {
		t.Error(err)
	}
	f.hold(t, "S6 server")
	s.body.Close()

	in, out := make(chan struct{}), make(chan struct{})
	wait := func() ([]byte, error) {
		in <- struct{}{}
		<-out
		return nil, nil
	}
	for want, call := range map[string]func(){"S5 server": func() { _, _ = s.body.Next() }, "S6 server": func() { s.body.Close() }} {
		_, f, s = app(wait, block("a"))
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = s.body.Next()
		}()
		<-in
		call()
		out <- struct{}{}
		<-done
		f.hold(t, want)
	}
}
