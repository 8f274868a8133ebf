package layers_test

import (
	"cmp"
	"context"
	"io"
	"net/netip"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/appstest"
	"github.com/benchctl/benchctl/apps/stack"
	"github.com/benchctl/benchctl/apps/stack/layers"
)

// source makes one app.
type source struct{ app apps.App }

func (source) About() stack.About        { return stack.About{Name: "source"} }
func (s source) Make() (apps.App, error) { return s.app, nil }

// app is what an app of tests answers with.
type app struct {
	status int // 0 is 200
	fields []string
	body   string
	blocks []string // a stream, if it is not nil
	file   string
	err    error
}

func (a app) Serve(_ apps.Request, res apps.Response) error {
	for i := 0; i+1 < len(a.fields); i += 2 {
		res.SetHeader(a.fields[i], a.fields[i+1])
	}
	if a.status == 0 {
		a.status = 200
	}
	if f, ok := res.(apps.FileReplier); ok && a.file != "" {
		return f.File(a.status, a.file)
	}
	switch {
	case a.err != nil:
		return a.err
	case a.blocks != nil:
		return res.Stream(a.status, &appstest.Blocks{All: a.blocks})
	}
	return res.Reply(a.status, []byte(a.body))
}

// text is an app that answers with plain text.
func text(body string, fields ...string) app {
	return app{body: body, fields: append([]string{"Content-Type", "text/plain"}, fields...)}
}

// wrap is the app with layers around it, the outermost first.
func wrap(t testing.TB, a apps.App, around ...stack.Layer) apps.App {
	t.Helper()
	built, err := stack.Build(stack.Pipeline{Layers: around, Node: stack.App{Source: source{a}}})
	if err != nil {
		t.Fatal(err)
	}
	return built
}

// refused has stack.Build refuse a layer with an error that contains want.
func refused(t *testing.T, l stack.Layer, want string) {
	t.Helper()
	_, err := stack.Build(stack.Pipeline{Layers: []stack.Layer{l}, Node: stack.App{Source: source{app{}}}})
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%+v: %v, want %q", l, err, want)
	}
}

// expect compares the fields of a reply. A wanted value of "" means that there is none.
func expect(t *testing.T, r appstest.Reply, status int, fields ...string) {
	t.Helper()
	if r.Err != nil || r.Status != status {
		t.Errorf("%v, want status %d", r, status)
	}
	for i := 0; i+1 < len(fields); i += 2 {
		if got := r.Field(fields[i]); got != fields[i+1] {
			t.Errorf("%s: %q, want %q", fields[i], got, fields[i+1])
		}
	}
}

// course is the usual course of a layer: what it stands around, and a request.
type course struct {
	around []stack.Layer // outside it, which it requires
	layer  stack.Layer
	app    apps.App
	req    appstest.Request
}

// courses are those of every layer that has one, by its name.
var courses = map[string]func(t testing.TB) course{}

// TestAllocs holds the layers against the Allocs that they tell.
func TestAllocs(t *testing.T) {
	for _, l := range layers.All() {
		name := l.About().Name
		t.Run(name, func(t *testing.T) {
			usual, ok := courses[name]
			if !ok {
				t.Fatal("the layer has no usual course; add one to courses")
			}
			c := usual(t)
			with := allocs(t, wrap(t, c.app, append(c.around, c.layer)...), c.req)
			without := allocs(t, wrap(t, c.app, c.around...), c.req)
			if got, want := with-without, float64(l.About().Allocs); got != want {
				t.Errorf("%v allocations, About tells %v", got, want)
			}
		})
	}
}

func allocs(t testing.TB, a apps.App, r appstest.Request) float64 {
	if raceEnabled {
		t.Skip("the race detector has pools forget, and so allocate")
	}
	req := memory{r}
	return testing.AllocsPerRun(200, func() {
		if err := a.Serve(req, sink{}); err != nil {
			t.Fatal(err)
		}
	})
}

// BenchmarkLayer serves requests in memory through each layer.
func BenchmarkLayer(b *testing.B) {
	for _, l := range layers.All() {
		name := l.About().Name
		b.Run(name, func(b *testing.B) {
			c := courses[name](b)
			a, req := wrap(b, c.app, append(c.around, c.layer)...), memory{c.req}
			b.ReportAllocs()
			for b.Loop() {
				if err := a.Serve(req, sink{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// sink is a Response that keeps nothing.
type sink struct{}

func (sink) SetHeader(string, string)           { /* kept by a server */ }
func (sink) Reply(int, []byte) error            { return nil }
func (sink) Stream(_ int, body apps.Body) error { return body.Close() }

// memory is a request that is served again and again, and costs nothing.
type memory struct{ r appstest.Request }

func (m memory) Context() context.Context { return context.Background() }
func (m memory) Method() string           { return cmp.Or(m.r.Verb, "GET") }
func (m memory) Path() string             { return cmp.Or(m.r.Target, "/") }
func (m memory) Query() string            { return "" }
func (m memory) ContentLength() int64     { return int64(len(m.r.Body)) }
func (m memory) Peer() netip.AddrPort     { return m.r.Peer }
func (m memory) Body() io.Reader          { return strings.NewReader(m.r.Body) }

func (m memory) Header(name string) string {
	return appstest.Reply{Fields: m.r.Fields}.Field(name)
}
