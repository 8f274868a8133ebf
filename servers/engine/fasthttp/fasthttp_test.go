package fasthttp

import (
	"context"
	"net"
	"testing"

	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttputil"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/suite"
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

// inquisitive looks at all of the request.
func inquisitive(req apps.Request, res apps.Response) error {
	if req.Method() == "" || req.Path() == "" || req.Query() == "-" || req.Header("X-Absent") != "" ||
		req.Header("host") == "" || req.ContentLength() != 0 || req.Body() == nil {
		return apps.ErrAnswered
	}
	res.SetHeader("Content-Type", apps.ContentTypeText)
	return res.Reply(200, suite.Hello())
}

// dial serves with h in memory and connects to it.
func dial(t testing.TB, h Handler) net.Conn {
	ln := fasthttputil.NewInmemoryListener()
	srv := newServer(h)
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

func contract(app apps.App) Handler { return NewHandler(context.Background(), nil, app) }

func TestNoAllocationAdded(t *testing.T) {
	if raceEnabled {
		t.Skip("with the race detector pools forget at random")
	}
	want := allocs(t, native)
	for name, app := range map[string]apps.App{"inquisitive": apps.Func(inquisitive), "routed": suite.Mux()} {
		if got := allocs(t, contract(app)); got > want {
			t.Errorf("%s: %v allocations per request, native %v", name, got, want)
		}
	}
}

// allocs counts the allocations of a request, those of the connection in memory
// included.
func allocs(t *testing.T, h Handler) float64 {
	roundTrip := servertest.RoundTrip(t, dial(t, h), servertest.Get("/hello"))
	return testing.AllocsPerRun(2000, roundTrip)
}

// BenchmarkHandler leaves out the connection and the parser.
func BenchmarkHandler(b *testing.B) {
	for name, h := range map[string]Handler{"native": native, "contract": contract(suite.Mux())} {
		for _, target := range []string{"/hello", "/size?bytes=10000"} {
			b.Run(name+target, func(b *testing.B) {
				var ctx fasthttp.RequestCtx
				var req fasthttp.Request
				req.Header.SetMethod("GET")
				req.SetRequestURI("http://test" + target)
				ctx.Init(&req, nil, nil)
				b.ReportAllocs()
				for b.Loop() {
					h(&ctx)
					ctx.Response.Reset()
				}
			})
		}
	}
}
