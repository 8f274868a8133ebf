// Package fasthttp serves apps with github.com/valyala/fasthttp.
//
// The engine runs with the vendor's defaults except for
//
//   - StreamRequestBody: the contract streams request bodies (S3). It also lifts
//     the vendor's limit of 4 MiB. The engine still reads up to 8 KiB of a sized
//     body before it calls the app.
//   - DisablePreParseMultipartForm: the app gets the body as it was sent.
//   - CloseOnShutdown: replies sent while the server stops say so.
//   - Logger: failures of apps are logged by this package, once.
//
// In streaming mode the engine does not skip the part of a request body that the
// app left unread, and would take it for the next request; this package reads it
// (S10), as the engine itself does without streaming.
//
// When the engine stops, it checks every 100 ms whether its connections are idle, and
// waits up to five seconds for one that has not sent its first request.
//
// An adapter cannot prevent two deviations: the engine sends chunks to HTTP/1.0 clients,
// and a truncated chunked request body looks complete.
//
// Per request the adapter takes one object from a pool and allocates nothing.
package fasthttp

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"unsafe"

	"github.com/valyala/fasthttp"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/adapter"
	"github.com/benchctl/benchctl/servers/process/drain"
)

// Serve serves app on ln until ctx ends, then stops gracefully: ln is closed,
// idle connections are closed, requests in flight are finished. After
// adapter.Grace what remains is cut, and an error says how much that was.
func Serve(ctx context.Context, ln *drain.Listener, app apps.App) error {
	return ServeHandler(ctx, ln, func(base context.Context) Handler { return NewHandler(base, ln, app) })
}

// Handler is the engine's kind of handler.
type Handler = fasthttp.RequestHandler

// Ctx is what a Handler gets.
type Ctx = fasthttp.RequestCtx

// NewHandler is app as a Handler, for what is served on ln. base ends when connections are
// cut.
func NewHandler(base context.Context, ln *drain.Listener, app apps.App) Handler {
	return (&handler{app: app, ln: ln, base: base}).serve
}

// ServeHandler is Serve with the handler that with makes of NewHandler's base: a
// framework's routing, for example.
func ServeHandler(ctx context.Context, ln *drain.Listener, with func(base context.Context) Handler) error {
	base, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	var conns adapter.Conns
	srv := newServer(with(base))
	srv.ConnState = func(c net.Conn, s fasthttp.ConnState) {
		switch s {
		case fasthttp.StateNew:
			conns.Add(c)
		case fasthttp.StateClosed:
			conns.Remove(c)
			ln.Closed()
		}
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ln) }()
	select {
	case err := <-done:
		return fmt.Errorf("fasthttp serve %s: %w", ln.Addr(), err)
	case <-ctx.Done():
	}

	ln.Close() // the engine does not know it before its Serve has begun
	grace, cancel := context.WithTimeout(base, adapter.Grace)
	defer cancel()
	err := srv.ShutdownWithContext(grace)
	<-done
	if !errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return adapter.CutError("fasthttp", conns.Close())
}

func newServer(h Handler) *fasthttp.Server {
	return &fasthttp.Server{
		Handler:                      h,
		StreamRequestBody:            true,
		DisablePreParseMultipartForm: true,
		CloseOnShutdown:              true,
		Logger:                       log.New(io.Discard, "", 0),
	}
}

type handler struct {
	app  apps.App
	ln   *drain.Listener
	base context.Context
	pool sync.Pool
}

func (h *handler) serve(ctx *fasthttp.RequestCtx) {
	x, _ := h.pool.Get().(*exchange)
	if x == nil {
		x = &exchange{pool: &h.pool, Scope: adapter.Scope{Base: h.base}}
	}
	x.ctx = ctx
	if x.Ask(h.app, x, x) != nil {
		ctx.Response.Header.Reset()
	}
	if h.ln.Draining() {
		ctx.SetConnectionClose()
	}
	ctx.SetStatusCode(x.Status)
	switch {
	case x.Open != nil:
		x.sendFile()
	case !x.Streamed:
		ctx.Response.SetBodyRaw(x.Whole)
	case adapter.Bodiless(x.Method(), x.Status):
		x.headOfStream()
	default:
		ctx.SetBodyStream((*stream)(x), x.promised())
		return // the engine closes the stream, which releases x
	}
	if x.skipBody() != nil {
		ctx.SetConnectionClose()
	}
	x.release()
}

// exchange is one request and its answer; it implements apps.Request and
// apps.Response.
type exchange struct {
	adapter.Answer
	adapter.Scope
	ctx   *fasthttp.RequestCtx
	body  adapter.Bounded
	flush flusher
	pool  *sync.Pool
}

// release ends the request and gives x back.
func (x *exchange) release() {
	x.End()
	x.Answer = adapter.Answer{}
	x.ctx, x.body, x.flush = nil, adapter.Bounded{}, flusher{}
	x.pool.Put(x)
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

// skipBody reads what the app left of the request body.
func (x *exchange) skipBody() error {
	if !x.ctx.Request.IsBodyStream() {
		return nil
	}
	_, err := io.Copy(io.Discard, x.Body())
	return err
}

// SetHeader has a way of its own for the field that all replies have: the engine looks at
// each byte of a name to find out which it is, and copies the value twice. Its Set
// adds a Set-Cookie to others (S15).
func (x *exchange) SetHeader(name, value string) {
	if name == fasthttp.HeaderContentType {
		x.ctx.Response.Header.SetContentType(value)
		return
	}
	x.ctx.Response.Header.Set(name, value)
}

// File implements apps.FileReplier: the engine sends files by sendfile(2).
func (x *exchange) File(status int, path string) error { return x.TakeFile(status, path) }

// sendFile hands the open file to the engine, which closes it.
func (x *exchange) sendFile() {
	if x.Method() == http.MethodHead {
		x.ctx.Response.SkipBody = true
		x.ctx.Response.Header.SetContentLength(int(x.Size))
		x.Drop()
		return
	}
	x.ctx.SetBodyStream(x.Open, int(x.Size))
	x.Open = nil
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

// headOfStream makes the headers of a stream whose body is not sent. A body stream would
// work too, but the engine ends it with a stray CRLF.
func (x *exchange) headOfStream() {
	x.ctx.Response.SkipBody = true
	x.ctx.Response.Header.SetContentLength(x.promised())
}

// stream is the exchange as the engine's body stream.
type stream exchange

var _ fasthttp.BodyWriterTo = (*stream)(nil)

// SupportsBodyWriteTo tells the engine to call WriteTo and never Read.
func (s *stream) SupportsBodyWriteTo() bool { return true }

// Read is required by the engine but not called.
func (s *stream) Read([]byte) (int, error) { return 0, io.ErrNoProgress }

// WriteTo sends the blocks. The engine's chunked writer flushes each by itself;
// its writer for bodies of known length does not.
func (s *stream) WriteTo(w io.Writer) (int64, error) {
	x := (*exchange)(s)
	length := int64(-1)
	if bw, ok := w.(*bufio.Writer); ok {
		length = int64(x.ctx.Response.Header.ContentLength())
		x.flush = flusher{bw}
		w = &x.flush
	}
	n, err := x.SendTo(w, length)
	if err != nil {
		return n, err
	}
	return n, x.skipBody()
}

// Close is called by the engine once, whether the stream was sent or not.
func (s *stream) Close() error {
	x := (*exchange)(s)
	x.Drop()
	x.release()
	return nil
}

// flusher passes each block on at once (S5).
type flusher struct{ *bufio.Writer }

func (f *flusher) Write(p []byte) (int, error) {
	n, err := f.Writer.Write(p)
	if err != nil {
		return n, err
	}
	return n, f.Flush()
}

// view is b as a string that shares its memory: valid as long as the request,
// which is what the contract allows (S2).
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
