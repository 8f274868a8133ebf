package bridge_test

import (
	"context"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/stack/bridge"
)

// memory is a request that costs nothing.
type memory struct{}

func (memory) Context() context.Context { return context.Background() }
func (memory) Method() string           { return "GET" }
func (memory) Path() string             { return "/hello" }
func (memory) Query() string            { return "" }
func (memory) ContentLength() int64     { return 0 }
func (memory) Peer() netip.AddrPort     { return netip.AddrPort{} }
func (memory) Body() io.Reader          { return http.NoBody }

func (memory) Header(name string) string {
	if strings.EqualFold(name, "Host") {
		return "localhost"
	}
	return ""
}

// kept is a Response that keeps the body.
type kept struct {
	whole []byte
	body  apps.Body
}

func (k *kept) SetHeader(string, string)        { /* not looked at */ }
func (k *kept) Reply(_ int, body []byte) error  { k.whole = body; return nil }
func (k *kept) Stream(_ int, b apps.Body) error { k.body = b; return nil }

var greeting = []byte("Hello, World!")

var greet = apps.Func(func(_ apps.Request, res apps.Response) error { return res.Reply(200, greeting) })

// passing is middleware that costs nothing.
func passing(next http.Handler) http.Handler { return next }

// TestAllocs holds the layer against the Allocs that it tells.
func TestAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	got := &kept{}
	measure := func(a apps.App) float64 {
		return testing.AllocsPerRun(200, func() {
			if err := a.Serve(memory{}, got); err != nil {
				t.Fatal(err)
			}
		})
	}
	if got, want := measure(behind(t, greet, passing))-measure(greet), float64(bridge.Middleware{}.About().Allocs); got != want {
		t.Errorf("%v allocations, About tells %v", got, want)
	}
}

func BenchmarkMiddleware(b *testing.B) {
	for _, c := range []struct {
		name string
		app  apps.App
	}{
		{"none", greet},
		{"whole", behind(b, greet, passing)},
		{"stream", behind(b, apps.Func(func(_ apps.Request, res apps.Response) error { return res.Stream(200, &once{}) }), passing)},
	} {
		b.Run(c.name, func(b *testing.B) {
			got := &kept{}
			b.ReportAllocs()
			for b.Loop() {
				if err := c.app.Serve(memory{}, got); err != nil {
					b.Fatal(err)
				}
				for got.body != nil {
					if _, err := got.body.Next(); err != nil {
						got.body.Close()
						got.body = nil
					}
				}
			}
		})
	}
}

// once is a stream of one block.
type once struct{ done bool }

func (o *once) Next() ([]byte, error) {
	if o.done {
		return nil, io.EOF
	}
	o.done = true
	return greeting, nil
}

func (*once) Close() error { return nil }
