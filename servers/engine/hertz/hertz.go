// Package hertz serves apps with github.com/cloudwego/hertz, on its netpoll
// transport (linux and darwin) or on its standard one, which is that of package net.
//
// The engine runs with the vendor's defaults except for
//
//   - WithStreamBody and no limit of the body's size: the contract streams
//     request bodies (S3). The engine still reads up to 8 KiB of a sized body
//     before it calls the app.
//   - WithDisablePreParseMultipartForm: the app gets the body as it was sent.
//   - WithExitWaitTime: the grace of all servers here.
//   - its signal handling is not used (Run, not Spin), and its log, which is
//     global to the process, says errors only.
//
// The app has a route for each of its paths. Replies are written by the
// engine's hook for own writers, because the engine's body streams end cleanly
// when the app fails, which S9 forbids, and because a graceful stop has to know
// when a reply has left: the engine itself waits for idle connections until its
// exit time is over.
package hertz

import (
	"context"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"
	"unsafe"

	"github.com/cloudwego/hertz/pkg/app"
	"github.com/cloudwego/hertz/pkg/app/server"
	"github.com/cloudwego/hertz/pkg/common/config"
	"github.com/cloudwego/hertz/pkg/common/errors"
	"github.com/cloudwego/hertz/pkg/common/hlog"
	"github.com/cloudwego/hertz/pkg/network"
	hertznetpoll "github.com/cloudwego/hertz/pkg/network/netpoll"
	"github.com/cloudwego/hertz/pkg/network/standard"
	"github.com/cloudwego/hertz/pkg/protocol/consts"
	"github.com/cloudwego/hertz/pkg/protocol/http1/ext"
	"github.com/cloudwego/hertz/pkg/protocol/http1/resp"
	"github.com/cloudwego/netpoll"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/adapter"
	"github.com/benchctl/benchctl/servers/process/drain"
)

// Serve serves app with netpoll on ln, made of a *net.TCPListener or *net.UnixListener,
// until ctx ends, then stops gracefully: ln is closed, requests in flight are finished,
// idle connections are closed. After adapter.Grace what remains is cut, and an
// error says how much that was.
func Serve(ctx context.Context, ln *drain.Listener, app apps.App) error {
	return servePolled(ctx, ln, contract(ln, app))
}

// ServeStandard is Serve with the standard transport, on any listener.
func ServeStandard(ctx context.Context, ln *drain.Listener, app apps.App) error {
	return serveStandard(ctx, ln, contract(ln, app))
}

// routes gives the engine its handlers, which count their requests. base ends when
// connections are cut.
type routes func(h *server.Hertz, base context.Context, flights *adapter.Flights)

// contract routes everything to app.
func contract(ln *drain.Listener, app apps.App) routes {
	return func(h *server.Hertz, base context.Context, flights *adapter.Flights) {
		mount(h, &handler{app: app, ln: ln, base: base, flights: flights})
	}
}

func servePolled(ctx context.Context, ln *drain.Listener, to routes) error {
	polled, err := poll(ln)
	if err != nil {
		return fmt.Errorf("hertz serve %s: %w", ln.Addr(), err)
	}
	var conns adapter.Conns
	return serve(ctx, ln, polled, to, &conns, server.WithTransport(hertznetpoll.NewTransporter), track(ln, &conns))
}

func serveStandard(ctx context.Context, ln *drain.Listener, to routes) error {
	var conns adapter.Conns
	return serve(ctx, ln, adapter.Track(ln, &conns, ln.Closed), to, &conns, server.WithTransport(standard.NewTransporter))
}

// serve serves with the options of a transport, which accepts ln's connections from its
// own kind of listener and keeps conns up to date.
func serve(ctx context.Context, ln *drain.Listener, own net.Listener, to routes, conns *adapter.Conns, transport ...config.Option) error {
	base, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	quiet()
	flights := adapter.NewFlights()
	h := newServer(own, transport...)
	to(h, base, flights)

	done := make(chan error, 1)
	go func() { done <- run(h) }()
	select {
	case err := <-done:
		if !ln.Draining() { // else netpoll's event loop has seen that nothing more is accepted
			return fmt.Errorf("hertz serve %s: %w", ln.Addr(), err)
		}
		<-ctx.Done()
	case <-ctx.Done():
		awaitRunning(h)
	}

	_ = ln.Stop()
	grace, cancel := context.WithTimeout(base, adapter.Grace)
	defer cancel()
	stopped := make(chan error, 1)
	go func() { stopped <- h.Shutdown(grace) }()
	cutOff := flights.Drain(grace)
	conns.Close()
	<-stopped
	own.Close()
	if cutOff > 0 {
		return adapter.CutError("hertz", cutOff)
	}
	return nil
}

// run runs h until it is shut down. netpoll's transport panics where the listener is closed
// before it is served, as when all is to stop at once; that must not end the process.
func run(h *server.Hertz) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	return h.Run()
}

// quiet silences all but errors in the engine's log, which belongs to the whole
// process and may not be set twice at the same time.
var quiet = sync.OnceFunc(func() { hlog.SetLevel(hlog.LevelError) })

func newServer(ln net.Listener, transport ...config.Option) *server.Hertz {
	return server.New(append(transport,
		server.WithListener(ln),
		server.WithNetwork("tcp"), // whatever ln is: of a "unix" one it removes the file, which is its owner's
		server.WithStreamBody(true),
		server.WithMaxRequestBodySize(math.MaxInt),
		server.WithDisablePreParseMultipartForm(true),
		server.WithExitWaitTime(adapter.Grace),
		server.WithDisablePrintRoute(true),
		server.WithRedirectTrailingSlash(false), // a path that nobody serves gets 404
	)...)
}

// track keeps conns and the count of ln up to date.
func track(ln *drain.Listener, conns *adapter.Conns) config.Option {
	return server.WithOnAccept(func(conn net.Conn) context.Context {
		if c, ok := conn.(*hertznetpoll.Conn); ok {
			if nc, ok := c.Conn.(netpoll.Connection); ok {
				conns.Add(nc)
				_ = nc.AddCloseCallback(func(nc netpoll.Connection) error {
					conns.Remove(nc)
					ln.Closed()
					return nil
				})
			}
		}
		return context.Background()
	})
}

// mount routes everything to h: Any takes the standard methods at the app's paths, NoRoute
// the rest.
func mount(h *server.Hertz, to *handler) {
	for _, path := range adapter.Paths(to.app, "/*path") {
		h.Any(path, to.serve)
	}
	h.NoRoute(to.serve)
}

// awaitRunning waits until h can be shut down. The engine has no event for it;
// it matters only when ctx ends right after the start.
func awaitRunning(h *server.Hertz) {
	for range int(adapter.Grace / time.Millisecond) {
		if h.IsRunning() {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

type handler struct {
	app     apps.App
	ln      *drain.Listener
	base    context.Context
	flights *adapter.Flights
	pool    sync.Pool
}

func (h *handler) serve(_ context.Context, ctx *app.RequestContext) {
	x, _ := h.pool.Get().(*exchange)
	if x == nil {
		x = &exchange{h: h, Scope: adapter.Scope{Base: h.base}}
	}
	x.ctx = ctx
	h.flights.Enter()
	if x.Ask(h.app, x, x) != nil {
		ctx.Response.Header.Reset()
	}
	if x.body.Failed != nil || h.ln.Draining() {
		ctx.Response.Header.SetConnectionClose(true)
	}
	ctx.SetStatusCode(x.Status)
	ctx.Response.HijackWriter((*writer)(x)) // the engine calls Finalize
	if !x.Streamed {
		ctx.Response.SetBodyRaw(x.Whole)
	}
}

// exchange is one request and its answer; it implements apps.Request and
// apps.Response.
type exchange struct {
	adapter.Answer
	adapter.Scope
	ctx  *app.RequestContext
	body adapter.Bounded
	h    *handler
}

// release ends the request and gives x back.
func (x *exchange) release() {
	x.End()
	h := x.h
	*x = exchange{h: h, Scope: adapter.Scope{Base: h.base}}
	h.pool.Put(x)
	h.flights.Leave()
}

func (x *exchange) Method() string { return view(x.ctx.Method()) }
func (x *exchange) Path() string   { return view(x.ctx.Path()) }
func (x *exchange) Query() string  { return view(x.ctx.URI().QueryString()) }

// Header knows the host from the target, where that is in absolute form.
func (x *exchange) Header(name string) string {
	if strings.EqualFold(name, "Host") {
		return view(x.ctx.Host())
	}
	return view(x.ctx.Request.Header.Peek(name))
}

// Peer implements apps.Request.
func (x *exchange) Peer() netip.AddrPort { return adapter.Peer(x.ctx.RemoteAddr()) }

// ContentLength maps the engine's -2, "neither length nor chunks", to 0.
func (x *exchange) ContentLength() int64 {
	n := x.ctx.Request.Header.ContentLength()
	if n < -1 {
		return 0
	}
	return int64(n)
}

func (x *exchange) Body() io.Reader {
	if !x.ctx.Request.IsBodyStream() {
		return http.NoBody
	}
	if x.body.R == nil {
		x.body = adapter.Bounded{R: x.ctx.RequestBodyStream(), Left: x.ContentLength()}
	}
	return &x.body
}

// SetHeader has a way of its own for the field that all replies have: the engine looks at
// each byte of a name to find out which it is, and copies the value twice. Its Set
// adds a Set-Cookie to others (S15).
func (x *exchange) SetHeader(name, value string) {
	if name == consts.HeaderContentType {
		x.ctx.Response.Header.SetContentType(value)
		return
	}
	x.ctx.Response.Header.Set(name, value)
}

// promised is the Content-Length that the app set, -1 if none. The engine's own
// ContentLength cannot tell 0 from none.
func (x *exchange) promised() int {
	n, err := strconv.Atoi(view(x.ctx.Response.Header.Peek("Content-Length")))
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// writer is the exchange as the engine's writer of the reply.
type writer exchange

var _ network.ExtWriter = (*writer)(nil)

// Finalize sends the reply. An error makes the engine close the connection; this
// kind of error makes it do so without a line in its log.
func (w *writer) Finalize() error {
	x := (*exchange)(w)
	defer x.release()
	err := x.send()
	if err == nil {
		err = x.body.Failed // or the engine would look for the rest of the body
	}
	if err != nil {
		return errors.New(errors.ErrShortConnection, errors.ErrorTypePrivate, err.Error())
	}
	return nil
}

func (x *exchange) send() error {
	if x.Streamed {
		return x.sendStream()
	}
	out := x.ctx.GetWriter()
	if err := resp.Write(&x.ctx.Response, out); err != nil {
		return err
	}
	return out.Flush()
}

func (x *exchange) sendStream() error {
	out, header := x.ctx.GetWriter(), &x.ctx.Response.Header
	length := x.promised()
	untilClose := length < 0 && !x.ctx.Request.Header.IsHTTP11()
	switch {
	case untilClose:
		header.SetConnectionClose(true)
	default:
		header.SetContentLength(length) // -1: chunked
	}
	if err := resp.WriteHeader(header, out); err != nil {
		return err
	}
	if adapter.Bodiless(x.Method(), x.Status) {
		return out.Flush()
	}
	if length >= 0 || untilClose {
		_, err := x.SendTo((*plain)(x), int64(length))
		return err
	}
	if _, err := x.SendTo((*chunked)(x), -1); err != nil {
		return err
	}
	if err := ext.WriteChunk(out, nil, false); err != nil {
		return err
	}
	if err := ext.WriteTrailer(header.Trailer(), out); err != nil {
		return err
	}
	return out.Flush()
}

// plain sends blocks as they are, each at once (S5).
type plain exchange

func (w *plain) Write(p []byte) (int, error) {
	out := w.ctx.GetWriter()
	n, err := out.WriteBinary(p)
	if err != nil {
		return n, err
	}
	return n, out.Flush()
}

// chunked sends each block as a chunk, at once (S5).
type chunked exchange

func (w *chunked) Write(p []byte) (int, error) {
	if err := ext.WriteChunk(w.ctx.GetWriter(), p, true); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Write and Flush are for handlers that write by themselves; there are none.
func (w *writer) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
func (w *writer) Flush() error              { return nil }

// view is b as a string that shares its memory: valid as long as the request,
// which is what the contract allows (S2).
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
