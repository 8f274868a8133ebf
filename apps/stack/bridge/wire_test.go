package bridge_test

import (
	"context"
	"testing"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/appstest"
	"github.com/benchctl/benchctl/apps/stack"
	"github.com/benchctl/benchctl/apps/stack/bridge"
	"github.com/benchctl/benchctl/apps/stack/lint"
	"github.com/benchctl/benchctl/servers/engine/fasthttp"
	"github.com/benchctl/benchctl/servers/engine/nethttp"
	"github.com/benchctl/benchctl/servers/process/drain"
	"github.com/benchctl/benchctl/servers/servertest"
)

// through serves apps behind middleware that passes all on.
func through(serve servertest.ServeFunc) servertest.ServeFunc {
	return func(ctx context.Context, ln *drain.Listener, app apps.App) error {
		bridged, err := bridge.Middleware{Use: passing, Fields: []string{"X-Test"}}.Wrap(app)
		if err != nil {
			return err
		}
		return serve(ctx, ln, bridged)
	}
}

// TestLint holds the layer to its duties to both sides: those of a server to the app, and those of an app to
// the server.
func TestLint(t *testing.T) {
	watch := lint.Lint{Report: func(b lint.Breach) { t.Error(b) }}
	around := []stack.Layer{watch, bridge.Middleware{Use: passing}, watch}
	for _, c := range []struct {
		app  apps.App
		req  appstest.Request
		body string
	}{
		{hello, appstest.Of("POST", "/a?b", "hello"), "POST /a b 5 hello"},
		{streaming(&appstest.Blocks{All: []string{"one", "", "two"}}), appstest.Get("/"), "onetwo"},
		{streaming(&appstest.Blocks{}), appstest.Get("/"), ""},
	} {
		app, err := stack.Build(stack.Pipeline{Layers: around, Node: stack.App{Source: source{c.app}}})
		if err != nil {
			t.Fatal(err)
		}
		if r := appstest.Serve(t, app, c.req); r.Body() != c.body || r.Status != 200 {
			t.Error(r)
		}
		if err := app.(apps.Stopper).Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// source makes one app.
type source struct{ app apps.App }

func (source) About() stack.About        { return stack.About{Name: "source"} }
func (s source) Make() (apps.App, error) { return s.app, nil }

// TestServe holds engines with apps behind middleware to the duties that they have to apps.
func TestServe(t *testing.T) {
	if raceEnabled {
		t.Skip("each request is a goroutine and a pipe, which the race detector makes many times as slow")
	}
	t.Run("nethttp", func(t *testing.T) { servertest.TestServe(t, through(nethttp.Serve)) })
	t.Run("fasthttp", func(t *testing.T) {
		servertest.TestServe(t, through(fasthttp.Serve),
			servertest.Deviation{
				Case:   "S3 a truncated chunked body is an error",
				Reason: "the engine's reader of chunked request bodies ends with io.EOF wherever the connection ends",
			},
			servertest.Deviation{
				Case:   "S7 a stream to an HTTP/1.0 client is not chunked",
				Reason: "the engine sends chunks whatever the version of the request",
			},
		)
	})
}
