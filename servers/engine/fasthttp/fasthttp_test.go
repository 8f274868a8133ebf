package fasthttp

import (
	"context"
	"net"
	"testing"

	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttputil"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/servers/servertest"
)

func TestServe(t *testing.T) {
	servertest.TestServe(t, Serve,
		servertest.Deviation{
			Case:   "S3 a truncated chunked body is an error",
			Reason: "the engine's reader of chunked request bodies ends with io.EOF wherever the connection ends",
		},
		servertest.Deviation{
			Case:   "S7 a stream to an HTTP/1.0 client is not chunked",
			Reason: "the engine sends chunks whatever the version of the request",
		},
	)
}

func hello(_ apps.Request, res apps.Response) error {
	res.SetHeader("Content-Type", apps.ContentTypeText)
	return res.Reply(200, body)
}

// inquisitive looks at all of the request.
func inquisitive(req apps.Request, res apps.Response) error {
	if req.Method() == "" || req.Path() == "" || req.Query() == "-" || req.Header("X-Absent") != "" ||
		req.Header("host") == "" || req.ContentLength() != 0 || req.Body() == nil {
		return apps.ErrAnswered
	}
	return hello(req, res)
}

func nativeHello(ctx *fasthttp.RequestCtx) {
	ctx.Response.Header.Set("Content-Type", apps.ContentTypeText)
	ctx.SetStatusCode(200)
	ctx.Response.SetBodyRaw(body)
}

var body = []byte("Hello, world!\n")

// dial serves with srv in memory and connects to it.
func dial(t testing.TB, srv *fasthttp.Server) net.Conn {
	ln := fasthttputil.NewInmemoryListener()
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ln) }()
	conn, err := ln.Dial()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		ln.Close()
		<-done
	})
	return conn
}

func native() *fasthttp.Server {
	srv := newServer(context.Background(), nil, nil)
	srv.Handler = nativeHello
	return srv
}

func contract(app apps.App) *fasthttp.Server { return newServer(context.Background(), nil, app) }

func TestNoAllocationAdded(t *testing.T) {
	if raceEnabled {
		t.Skip("with the race detector pools forget at random")
	}
	want := allocs(t, native())
	for name, app := range map[string]apps.App{
		"hello":       apps.Func(hello),
		"inquisitive": apps.Func(inquisitive),
		"routed":      apps.NewMux(apps.Route{Path: "/hello", Methods: []string{"GET"}, App: apps.Func(hello)}),
	} {
		if got := allocs(t, contract(app)); got > want {
			t.Errorf("%s: %v allocations per request, native %v", name, got, want)
		}
	}
}

// allocs counts the allocations of a request, those of the connection in memory
// included.
func allocs(t *testing.T, srv *fasthttp.Server) float64 {
	roundTrip := servertest.RoundTrip(t, dial(t, srv))
	return testing.AllocsPerRun(2000, roundTrip)
}

func BenchmarkHello(b *testing.B) {
	for _, c := range []struct {
		name string
		srv  *fasthttp.Server
	}{
		{"native", native()},
		{"contract", contract(apps.Func(hello))},
		{"routed", contract(apps.NewMux(apps.Route{Path: "/hello", Methods: []string{"GET"}, App: apps.Func(hello)}))},
	} {
		b.Run(c.name, func(b *testing.B) {
			roundTrip := servertest.RoundTrip(b, dial(b, c.srv))
			b.ReportAllocs()
			for b.Loop() {
				roundTrip()
			}
		})
	}
}

// BenchmarkHandler leaves out the connection and the parser.
func BenchmarkHandler(b *testing.B) {
	for _, c := range []struct {
		name    string
		handler fasthttp.RequestHandler
	}{
		{"native", nativeHello},
		{"contract", contract(apps.Func(hello)).Handler},
	} {
		b.Run(c.name, func(b *testing.B) {
			var ctx fasthttp.RequestCtx
			var req fasthttp.Request
			req.Header.SetMethod("GET")
			req.SetRequestURI("http://test/hello")
			ctx.Init(&req, nil, nil)
			b.ReportAllocs()
			for b.Loop() {
				c.handler(&ctx)
				ctx.Response.Reset()
			}
		})
	}
}
