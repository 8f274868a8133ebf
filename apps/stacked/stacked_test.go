package stacked_test

import (
	"context"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/conform"
	"github.com/benchctl/benchctl/apps/direct"
	"github.com/benchctl/benchctl/apps/stack/layers"
	"github.com/benchctl/benchctl/apps/stacked"
	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/process/drain"
)

func TestParse(t *testing.T) {
	for name, want := range map[string]string{
		"hello":                            "hello",
		"size?bytes=007":                   "size?bytes=7",
		"compress+etag+template":           "compress+etag+template",
		"headers*5+hello":                  "headers*5+hello",
		"headers+headers*2+etag*1+headers": "headers*3+etag+headers",
		"headers+headers+size?bytes=007":   "headers*2+size?bytes=7",
		"compress+compress?bytes=2000":     "compress+compress?bytes=2000",
	} {
		a, err := stacked.Parse(name)
		if err != nil || a.Name != want {
			t.Errorf("%s: %q, %v", name, a.Name, err)
			continue
		}
		i, err := a.Instance()
		if err != nil || i.String() != want || i.Exchange().Target != "/"+want {
			t.Errorf("%s: %s at %s, %v", name, i, i.Exchange().Target, err)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for name, want := range map[string]string{
		"compres+hello":          `app "compres+hello": unknown layer "compres": did you mean "compress"?`,
		"compress+helo":          `app "compress+helo": unknown app "helo": did you mean "hello"?`,
		"compress+etag":          `app "compress+etag": etag is a layer, and the last name is that of an app`,
		"+hello":                 `app "+hello": unknown layer ""`,
		"etag+":                  `app "etag+": unknown app ""`,
		"etag+size?":             `app "etag+size?": app size: no parameters after "?"`,
		"headers*0+hello":        `app "headers*0+hello": layer headers: "0" is no number of times from 1 to 100`,
		"headers*+hello":         `app "headers*+hello": layer headers: "" is no number of times from 1 to 100`,
		"headers*99+etag*2+json": `app "headers*99+etag*2+json": more than 100 layers`,
		"etag+mixed":             `app "etag+mixed": mixed is a mix, whose apps have paths of their own`,
		"basic-auth+hello":       `app "basic-auth+hello": layer basic-auth can't be measured: no request of a load has a password`,
		"cookies+session+hello":  `app "cookies+session+hello": layer session can't be measured: it takes a secret key, and test apps keep nothing in sessions`,
	} {
		if _, err := stacked.Parse(name); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
}

// What a load could not judge is refused before it is measured.
func TestCheck(t *testing.T) {
	for name, want := range map[string]string{
		"hello":                           "",
		"body-limit+upload?bytes=1048576": "",
		"body-limit+upload?bytes=2000000": "app body-limit+upload?bytes=2000000 can't be measured: it answers 413, where the app alone answers 200",
		"etag+watch":                      "app watch is there for the conformance gate and makes no load",
		"compress+error?at=1":             "",
		"timeout+sleep?ms=60000":          "", // at once
	} {
		a, err := stacked.Parse(name)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if err := a.Check(); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func exchange(t *testing.T, name string) suite.Exchange {
	t.Helper()
	a, err := stacked.Parse(name)
	if err != nil {
		t.Fatal(err)
	}
	i, err := a.Instance()
	if err != nil {
		t.Fatal(err)
	}
	return i.Exchange()
}

// A request asks for what the layers do, and the right reply has it and no other body.
func TestExchange(t *testing.T) {
	e := exchange(t, "compress+etag+size?bytes=5000")
	if !slices.Contains(e.Header, [2]string{"Accept-Encoding", "gzip, deflate, br, zstd"}) || !slices.Contains(e.Replied, [2]string{"Content-Encoding", "zstd"}) || e.Length != -1 {
		t.Errorf("%v, %v, %d bytes", e.Header, e.Replied, e.Length)
	}
	for name, right := range map[string]bool{"compress+etag+size?bytes=5000": true, "compress+size?bytes=5000": true, "compress+etag+size?bytes=5001": false} {
		a, err := stacked.Parse(name)
		if err != nil {
			t.Fatal(err)
		}
		app, err := stacked.Only(a)
		if err != nil {
			t.Fatal(err)
		}
		x := exchange(t, name)
		body := direct.Ask(app, direct.Request{Target: x.Target, Fields: x.Header}).Body()
		if e.Whole([]byte(body)) != right {
			t.Errorf("the body of %s is right: %v", name, !right)
		}
	}
	plain := direct.Ask(suite.Mux(), direct.Request{Target: "/size?bytes=5000"}).Body()
	if e.Whole([]byte(plain)) {
		t.Error("a body without its coding is right")
	}
	if e := exchange(t, "headers*2+request-id+json"); e.Match == nil || e.Length < 1 || !slices.Equal(e.Replied, [][2]string{{"X-Content-Type-Options", "nosniff"}}) {
		t.Errorf("%+v", e)
	}
	if e := exchange(t, "cookies+session"); len(e.Header) != 1 || !strings.Contains(e.Header[0][1], "session=") {
		t.Errorf("the app's own field gave way: %v", e.Header)
	}
}

// loads are apps of every kind of exchange.
var loads = []string{
	"hello", "size?bytes=5000", "template", "echo", "upload?bytes=5000", "stream?chunks=3", "headers", "session", "compress?bytes=5000", "static-1k", "status", "ident",
	"sleep?ms=1",
}

// measured are the layers that can be measured.
func measured(t *testing.T) (names []string) {
	for _, l := range layers.All() {
		name := l.About().Name
		_, err := stacked.ParseLayers(name)
		if refused := name == "basic-auth" || name == "session"; refused != (err != nil) {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			names = append(names, name)
		}
	}
	return names
}

// On the wire each layer around each app answers as its exchange tells, and passes the gate.
func TestOnTheWire(t *testing.T) {
	all, err := servers.All()
	if err != nil {
		t.Fatal(err)
	}
	var mounted []stacked.App
	for _, layer := range append(measured(t), "headers*20", "request-id+access-log+recover+timeout+cors+compress+range+etag") {
		for _, app := range loads {
			a, err := stacked.Parse(layer + "+" + app)
			if err != nil {
				t.Fatal(err)
			}
			mounted = append(mounted, a)
		}
	}
	for _, engine := range []string{"nethttp", "fasthttp", "hertz-std", "gnet"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			app, err := stacked.Mount(mounted)
			if err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(all, func(s servers.Server) bool { return s.Name == engine })
			target := conform.Target{Address: serve(t, all[i].Engine, app)}
			for _, a := range mounted {
				if err := a.Check(); err != nil {
					t.Error(err)
					continue
				}
				i, err := a.Instance()
				if err != nil {
					t.Fatal(err)
				}
				for _, f := range conform.App(t.Context(), target, i) {
					if f.Err != nil && f.Level == conform.Gate && f.Each {
						t.Errorf("%s: %s: %v", a.Name, f.ID, f.Err)
					}
				}
			}
		})
	}
}

// serve serves app until the test ends, and returns the address.
func serve(t *testing.T, with servers.Serve, app apps.App) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := app.(apps.Starter).Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- with(ctx, drain.New(ln), app) }()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
		if err := app.(apps.Stopper).Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return ln.Addr().String()
}
