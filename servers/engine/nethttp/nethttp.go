// Package nethttp serves apps with the standard library's net/http.
//
// The engine runs with the vendor's defaults: http.Server with a Handler and
// nothing else. Three things are done for the contract: a Content-Length is set
// where net/http would choose chunks for a body it was given whole, the reply of
// a stream is flushed after each block, and a stream that answers a request with
// a body is switched to full duplex so that it may read the one while it sends
// the other.
//
// When the engine stops it waits up to five seconds for a connection that has
// not sent its first request.
package nethttp

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strconv"
	"sync"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/adapter"
	"github.com/benchctl/benchctl/servers/process/drain"
)

// countedByEngine is the length in bytes up to which net/http determines the
// length of a reply by itself (bufferBeforeChunkingSize in net/http/server.go).
// Setting Content-Length costs two allocations, so it is left to the engine.
const countedByEngine = 2048

// Serve serves app on ln until ctx ends, then stops gracefully: ln is closed,
// idle connections are closed, requests in flight are finished. After
// adapter.Grace what remains is cut, and an error says how much that was.
func Serve(ctx context.Context, ln *drain.Listener, app apps.App) error {
	return serve(ctx, ln, &http.Server{Handler: Handler(ln, app)})
}

// ServeH2C is Serve with HTTP/2 in cleartext, for clients that know beforehand (RFC
// 9113 section 3.3), beside HTTP/1.1.
func ServeH2C(ctx context.Context, ln *drain.Listener, app apps.App) error {
	return serve(ctx, ln, withH2C(Handler(ln, app)))
}

func withH2C(h http.Handler) *http.Server {
	srv := &http.Server{Handler: h, Protocols: new(http.Protocols)}
	srv.Protocols.SetHTTP1(true)
	srv.Protocols.SetUnencryptedHTTP2(true)
	return srv
}

// ServeHandler is Serve with a handler of which Handler is a part: behind a
// framework's routing, for example.
func ServeHandler(ctx context.Context, ln *drain.Listener, h http.Handler) error {
	return serve(ctx, ln, &http.Server{Handler: h})
}

// Handler is app as a handler of net/http, for what is served on ln.
func Handler(ln *drain.Listener, app apps.App) http.Handler {
	return &handler{app: app, ln: ln, counted: countedByEngine}
}

// SizedHandler is Handler for servers that find out no length by themselves, whose
// connections are not the app's clients', and whose requests have no context that ends with
// them: base is the one of all.
func SizedHandler(base context.Context, app apps.App) http.Handler {
	return &handler{app: app, base: base, counted: -1}
}

func serve(ctx context.Context, ln *drain.Listener, srv *http.Server) error {
	srv.ConnState = ln.ConnState
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ln) }()
	select {
	case err := <-done:
		return fmt.Errorf("nethttp serve %s: %w", ln.Addr(), err)
	case <-ctx.Done():
	}

	ln.Close() // and replies end their connections from now on
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), adapter.Grace)
	defer cancel()
	err := srv.Shutdown(grace)
	<-done
	if err == nil {
		return nil
	}
	n := ln.Open()
	srv.Close()
	return adapter.CutError("nethttp", n)
}

type handler struct {
	app     apps.App
	ln      *drain.Listener
	base    context.Context // of those of requests; nil: the engine makes these
	counted int             // bytes up to which the engine determines a reply's length, -1: never
	pool    sync.Pool
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x, _ := h.pool.Get().(*exchange)
	if x == nil {
		x = new(exchange)
	}
	x.w, x.r, x.ln, x.counted, x.scope.Base = w, r, h.ln, h.counted, h.base
	err := x.serve(h.app)
	x.scope.End()
	*x = exchange{}
	h.pool.Put(x)
	if err != nil {
		panic(http.ErrAbortHandler) // the engine's way to cut a connection
	}
}

// exchange is one request and its answer; it implements apps.Request and
// apps.Response.
type exchange struct {
	adapter.Answer
	w       http.ResponseWriter
	r       *http.Request
	ln      *drain.Listener
	counted int // that of the handler
	scope   adapter.Scope
}

func (x *exchange) Context() context.Context {
	if x.scope.Base != nil {
		return x.scope.Context()
	}
	return x.r.Context()
}

func (x *exchange) Method() string       { return x.r.Method }
func (x *exchange) Path() string         { return cmp.Or(x.r.URL.Path, "/") }
func (x *exchange) Query() string        { return x.r.URL.RawQuery }
func (x *exchange) ContentLength() int64 { return x.r.ContentLength }
func (x *exchange) Body() io.Reader      { return x.r.Body }

func (x *exchange) Header(name string) string {
	if v := x.r.Header.Get(name); v != "" {
		return v
	}
	// net/http moves the host out of the header.
	if http.CanonicalHeaderKey(name) == "Host" {
		return x.r.Host
	}
	return ""
}

func (x *exchange) SetHeader(name, value string) {
	if apps.Repeats(name) {
		x.w.Header().Add(name, value)
		return
	}
	x.w.Header().Set(name, value)
}

// Peer parses the text that the engine has.
func (x *exchange) Peer() netip.AddrPort { return adapter.ParsePeer(x.r.RemoteAddr) }

// File implements apps.FileReplier: the engine sends files by sendfile(2).
func (x *exchange) File(status int, path string) error { return x.TakeFile(status, path) }

// lastReply is the field Connection of a reply that ends its connection.
var lastReply = []string{"close"}

// serve answers the request. An error means that the connection must be cut.
func (x *exchange) serve(app apps.App) error {
	h := x.w.Header()
	if x.Ask(app, x, x) != nil {
		clear(h)
	}
	if x.ln.Draining() {
		h["Connection"] = lastReply
	}
	if x.Open != nil {
		return x.sendFile(h)
	}
	length := contentLength(h)
	switch {
	case !x.Streamed:
		return x.reply(h, length)
	case adapter.Bodiless(x.r.Method, x.Status):
		x.w.WriteHeader(x.Status)
		return nil
	}
	return x.stream(length)
}

// sendFile sends a file. http.ServeContent would answer with the part that the client
// asks for.
func (x *exchange) sendFile(h http.Header) error {
	defer x.Drop()
	h["Content-Length"] = []string{strconv.FormatInt(x.Size, 10)}
	x.w.WriteHeader(x.Status)
	if x.r.Method == http.MethodHead {
		return nil
	}
	_, err := io.CopyN(x.w, x.Open, x.Size)
	return err
}

// stream sends a stream. The rest of a request body is read here, because in
// full duplex the engine would, when it finds the body's end after the handler,
// begin to watch for the client's leaving and trip over that at the next request.
func (x *exchange) stream(length int64) error {
	duplex := x.r.ContentLength != 0
	if duplex {
		fullDuplex(x.w)
	}
	x.w.WriteHeader(x.Status)
	if _, err := x.SendTo(flusher{x.w, x.w.(http.Flusher)}, length); err != nil || !duplex {
		return err
	}
	_, err := io.Copy(io.Discard, x.r.Body)
	return err
}

// reply sends a whole body. net/http itself cuts the connection when the body
// is shorter than a Content-Length that the app set.
func (x *exchange) reply(h http.Header, length int64) error {
	body := x.Whole
	switch {
	case adapter.NoContent(x.Status):
		h.Del("Content-Length")
	case length < 0 && (len(body) > x.counted || x.r.Method == http.MethodHead):
		h["Content-Length"] = []string{strconv.Itoa(len(body))}
	case length >= 0 && length < int64(len(body)):
		body = body[:length] // the engine would refuse it altogether
	}
	x.w.WriteHeader(x.Status)
	if len(body) == 0 || adapter.Bodiless(x.r.Method, x.Status) {
		return nil
	}
	_, err := x.w.Write(body)
	return err
}

// contentLength is the Content-Length the app set, -1 if none or no number.
func contentLength(h http.Header) int64 {
	v := h["Content-Length"]
	if len(v) == 0 {
		return -1
	}
	n, err := strconv.ParseInt(v[0], 10, 64)
	if err != nil || n < 0 {
		delete(h, "Content-Length")
		return -1
	}
	return n
}

// fullDuplex lets the app read the request's body after the reply has begun.
// Engines above HTTP/1 always do.
func fullDuplex(w http.ResponseWriter) {
	_ = http.NewResponseController(w).EnableFullDuplex()
}

// flusher passes each block on at once (S5).
type flusher struct {
	io.Writer
	http.Flusher
}

func (f flusher) Write(p []byte) (int, error) {
	n, err := f.Writer.Write(p)
	f.Flush()
	return n, err
}
