// Package nbio serves apps with github.com/lesismal/nbio in its three modes: pollers
// that read and parse, with a pool of goroutines that runs the apps; a goroutine for
// each connection; and goroutines up to a number of connections, pollers beyond.
//
// The engine runs with the vendor's defaults except for the executor of its
// client side, which is not made, and its log, which is global to the process
// and off.
//
// An adapter cannot change these deviations of the engine:
//
//   - A request body is not streamed: the engine calls the app when the last byte
//     has come, and keeps the whole body in memory until then.
//   - "Expect: 100-continue" is not answered (S11): a client that waits for 100 gets
//     none.
//   - A reply is queued, not sent: bytes that the socket does not accept at once are
//     queued in memory without a limit, and lost when the engine closes the
//     connection (the last reply before "Connection: close", or a stop).
//   - Where pollers write, what a Unix socket does not accept at once is dropped. This package
//     refuses such a listener where there are pollers.
//   - A connection that the engine closes can take a new one with it: the poller closes the one that
//     has the file descriptor when it learns that the client has closed the old one. Of 50,000
//     connections with "Connection: close", whose clients closed after the reply, 18 that followed got none.
//   - A request that it can't parse is not answered: its connection is closed, or,
//     where a goroutine reads it, left as it is.
//   - 204 and 304 carry "Content-Length: 0".
//   - A status that net/http has no text for becomes 200.
//   - A stream without a length to an HTTP/1.0 client is kept in memory and sent
//     with one, as the engine cannot send until close.
//
// The engine takes a NUL for a part of a field's value. This package answers such a request with 400,
// and looks at each value for it.
//
// The engine's Shutdown closes connections with a request in flight, so this
// package waits for these first.
package nbio

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/lesismal/nbio"
	"github.com/lesismal/nbio/logging"
	"github.com/lesismal/nbio/nbhttp"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/adapter"
	"github.com/benchctl/benchctl/servers/process/drain"
)

// stopTime is how long the engine may take to end without requests in flight.
const stopTime = time.Second

// Serve serves app on ln until ctx ends, then stops gracefully: ln is closed,
// requests in flight are finished, then all connections are closed. After
// adapter.Grace what remains is cut, and an error says how much that was.
//
// It fails on a Unix socket, where the engine would lose parts of replies.
func Serve(ctx context.Context, ln *drain.Listener, app apps.App) error {
	return serve(ctx, ln, contract(ln, app), nbhttp.IOModNonBlocking)
}

// ServeBlocking is Serve with a goroutine for each connection.
func ServeBlocking(ctx context.Context, ln *drain.Listener, app apps.App) error {
	return serve(ctx, ln, contract(ln, app), nbhttp.IOModBlocking)
}

// ServeMixed is Serve with a goroutine for each of the first connections, as many as
// the engine has for its default, and pollers for the others. Like Serve it fails on a Unix socket.
func ServeMixed(ctx context.Context, ln *drain.Listener, app apps.App) error {
	return serve(ctx, ln, contract(ln, app), nbhttp.IOModMixed)
}

// makeHandler makes a handler, which counts its requests. base ends when connections are cut.
type makeHandler func(base context.Context, flights *adapter.Flights) http.Handler

// contract makes the handler of app.
func contract(ln *drain.Listener, app apps.App) makeHandler {
	return func(base context.Context, flights *adapter.Flights) http.Handler {
		return &handler{app: app, ln: ln, base: base, flights: flights}
	}
}

func serve(ctx context.Context, ln *drain.Listener, with makeHandler, mode int) error {
	if ln.Addr().Network() == "unix" && mode != nbhttp.IOModBlocking {
		return fmt.Errorf("nbio serve %s: its pollers drop what a Unix socket does not accept at once of a reply: use TCP, or nbio-blocking", ln.Addr())
	}
	base, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	quiet()
	flights := adapter.NewFlights()
	engine := nbhttp.NewEngine(nbhttp.Config{
		Network:           "tcp",
		Addrs:             []string{ln.Addr().String()},
		Listen:            func(string, string) (net.Listener, error) { return ln, nil },
		IOMod:             mode,
		Handler:           with(base, flights),
		SupportServerOnly: true,
		Context:           base,
	})
	var conns connections
	conns.follow(engine, ln, mode)
	if err := engine.Start(); err != nil {
		return fmt.Errorf("nbio serve %s: %w", ln.Addr(), err)
	}
	<-ctx.Done()

	_ = ln.Stop() // the engine closes it when it stops: until then it would accept in a busy loop
	grace, cancel := context.WithTimeout(base, adapter.Grace)
	defer cancel()
	cutOff := flights.Drain(grace)
	cut()
	if cutOff == 0 {
		conns.finish()
	}
	conns.all.Close()
	stop(engine)
	if cutOff > 0 {
		return adapter.CutError("nbio", cutOff)
	}
	return nil
}

// connections are those of the modes in which goroutines read.
type connections struct {
	all   adapter.Conns
	read  adapter.Conns  // by a goroutine each: their read ends
	reads sync.WaitGroup // these goroutines
}

// readEnd is the read end of a connection that a goroutine reads.
type readEnd struct{ *nbhttp.Conn }

// Close has the goroutine read the end, once it has done all that it read before.
func (r readEnd) Close() error {
	if c, ok := r.Conn.Conn.(interface{ CloseRead() error }); ok {
		return c.CloseRead()
	}
	return r.Conn.Close()
}

// follow counts connections, and closes what the engine leaves open where a goroutine
// reads: connections that the client has closed, and those that there are when it stops.
func (cs *connections) follow(engine *nbhttp.Engine, ln *drain.Listener, mode int) {
	if mode == nbhttp.IOModNonBlocking {
		engine.OnClose(func(net.Conn, error) { ln.Closed() })
		return
	}
	engine.OnOpen(func(c net.Conn) {
		cs.all.Add(c)
		if read, ok := c.(*nbhttp.Conn); ok {
			cs.reads.Add(1)
			cs.read.Add(readEnd{read})
		}
	})
	engine.OnClose(func(c net.Conn, _ error) {
		cs.all.Remove(c)
		c.Close()
		ln.Closed()
		if read, ok := c.(*nbhttp.Conn); ok {
			cs.read.Remove(readEnd{read})
			cs.reads.Done()
		}
	})
}

// finish ends the connections that goroutines read when what they do is done: the engine sends the end of a
// stream after the handler, in the same goroutine.
func (cs *connections) finish() {
	cs.read.Close()
	within(stopTime, cs.reads.Wait)
}

// stop closes all connections and ends the engine, if it can: the engine has no
// bound of its own for this, would wait for an app that does not return, and waits
// for pollers that had not run yet when they were to stop, which they miss.
func stop(engine *nbhttp.Engine) {
	within(stopTime, engine.Stop)
}

// within waits for something to be done, but for no longer than a limit.
func within(limit time.Duration, do func()) {
	done := make(chan struct{})
	go func() {
		do()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(limit):
	}
}

// quiet switches off the engine's log, which belongs to the whole process and may
// not be set twice at the same time.
var quiet = sync.OnceFunc(func() { logging.SetLevel(logging.LevelNone) })

type handler struct {
	app     apps.App
	ln      *drain.Listener
	base    context.Context
	flights *adapter.Flights
	pool    sync.Pool
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.flights.Enter()
	x, _ := h.pool.Get().(*exchange)
	if x == nil {
		x = new(exchange)
	}
	x.Scope.Base = h.base
	x.w, x.r = w.(*nbhttp.Response), r
	x.ln = h.ln
	app := h.app
	if hasNUL(r.Header) {
		r.Close = true // as the engine does with what it can't parse
		app = malformed
	}
	if x.serve(app) != nil {
		x.cut()
	}
	h.leave(x.w.Parser, x.Streamed)
	x.End()
	*x = exchange{}
	h.pool.Put(x)
}

// malformed answers requests that no app may see.
var malformed = apps.Func(func(_ apps.Request, res apps.Response) error {
	return res.Reply(http.StatusBadRequest, nil)
})

// hasNUL tells whether a value of a field has a NUL in it (RFC 9110 section 5.5), which the engine lets
// through. It does not let CR and LF through.
func hasNUL(h http.Header) bool {
	for _, values := range h {
		for _, v := range values {
			if strings.IndexByte(v, 0) >= 0 {
				return true
			}
		}
	}
	return false
}

// leave counts the request as done. The end of a stream is sent by the engine
// after the handler, so it counts when the connection's next job runs. Where a goroutine reads,
// that is at once, and connections.finish waits for the end.
func (h *handler) leave(p *nbhttp.Parser, streamed bool) {
	if !streamed || !p.Execute(h.flights.Leave) {
		h.flights.Leave()
	}
}

// exchange is one request and its answer; it implements apps.Request and
// apps.Response.
type exchange struct {
	adapter.Answer
	adapter.Scope
	ln *drain.Listener
	w  *nbhttp.Response
	r  *http.Request
}

func (x *exchange) Method() string            { return x.r.Method }
func (x *exchange) Path() string              { return x.r.URL.Path }
func (x *exchange) Query() string             { return x.r.URL.RawQuery }
func (x *exchange) Header(name string) string { return x.r.Header.Get(name) }
func (x *exchange) Body() io.Reader           { return x.r.Body }

// ContentLength tells a chunked body, which the engine gives no length, from
// none, to which it gives the same.
func (x *exchange) ContentLength() int64 {
	if x.r.ContentLength < 0 && len(x.r.TransferEncoding) == 0 {
		return 0
	}
	return x.r.ContentLength
}

// Peer parses the text that the engine has.
func (x *exchange) Peer() netip.AddrPort { return adapter.ParsePeer(x.r.RemoteAddr) }

// File implements apps.FileReplier: the engine sends files by sendfile(2) in its
// pollers.
func (x *exchange) File(status int, path string) error { return x.TakeFile(status, path) }

func (x *exchange) SetHeader(name, value string) {
	if apps.Repeats(name) {
		x.w.Header().Add(name, value)
		return
	}
	x.w.Header().Set(name, value)
}

// serve answers the request. An error means that the connection must be cut.
func (x *exchange) serve(app apps.App) error {
	h := x.w.Header()
	if x.Ask(app, x, x) != nil {
		clear(h)
	}
	// Not later: a connection must not end after a reply that did not say so.
	x.r.Close = x.r.Close || x.ln.Draining()
	length := contentLength(h)
	bodiless := adapter.Bodiless(x.r.Method, x.Status)
	switch {
	case x.Open != nil:
		length = x.Size
		h["Content-Length"] = []string{strconv.FormatInt(length, 10)}
	case !x.Streamed && length < 0:
		// The engine would send chunks.
		length = int64(len(x.Whole))
		h["Content-Length"] = []string{strconv.Itoa(len(x.Whole))}
	}
	if adapter.NoContent(x.Status) {
		h.Del("Content-Length")
	}
	x.w.WriteHeader(x.Status)
	switch {
	case bodiless:
		x.Drop()
		x.sendHead()
		return nil
	case x.Open != nil:
		defer x.Drop()
		_, err := x.w.ReadFrom(&io.LimitedReader{R: x.Open, N: length})
		return err
	case x.Streamed:
		_, err := x.SendTo(flusher{x}, length)
		return err
	}
	return x.sendWhole(length)
}

// sendHead sends a header without a body. Hijacking keeps the engine from ending
// a chunked body after it; what else the engine would do then is done here.
func (x *exchange) sendHead() {
	x.w.Flush()
	if _, chunked := x.w.Header()["Transfer-Encoding"]; !chunked {
		return
	}
	conn, _, err := x.w.Hijack()
	switch {
	case err != nil:
	case x.r.Close:
		conn.Close()
	default:
		_ = conn.SetReadDeadline(time.Now().Add(x.w.Parser.Engine.KeepaliveTime))
	}
}

// sendWhole sends a whole body, cut at the Content-Length that the app set.
// Flush hands it to the kernel before the request counts as done.
func (x *exchange) sendWhole(length int64) error {
	body := x.Whole
	if length < int64(len(body)) {
		body = body[:length]
	}
	if len(body) > 0 {
		if _, err := x.w.Write(body); err != nil {
			return err
		}
	}
	x.w.Flush()
	if int64(len(body)) < length {
		return adapter.ErrShort
	}
	return nil
}

// cut closes the connection and keeps the engine from ending the reply.
func (x *exchange) cut() {
	if conn, _, err := x.w.Hijack(); err == nil {
		conn.Close()
	}
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

// maxPiece is the largest part of a block, in bytes, given to the engine at once.
// When a chunk and what is buffered before it reach 64 KiB, the engine frees its
// buffer twice (writeChunk in nbhttp/response.go), and replies of different
// requests then share memory.
const maxPiece = 32 << 10

// flusher passes each block on at once (S5).
type flusher struct{ x *exchange }

func (f flusher) Write(p []byte) (int, error) {
	sent := 0
	for piece := range slices.Chunk(p, maxPiece) {
		n, err := f.send(piece)
		sent += n
		if err != nil {
			return sent, err
		}
	}
	return sent, nil
}

func (f flusher) send(p []byte) (int, error) {
	n, err := f.x.w.Write(p)
	if err != nil {
		return n, err
	}
	if !f.x.r.ProtoAtLeast(1, 1) && f.x.w.Header().Get("Content-Length") == "" {
		return n, nil // the engine knows no "until close": it has to count
	}
	f.x.w.Flush()
	if closed(f.x.w.Parser.Conn) {
		return n, net.ErrClosed
	}
	return n, nil
}

// closed reports whether conn can't be written to any more, since the engine's Flush
// does not return errors. Without a poller, which would have closed it, the kernel
// tells so to a write of nothing.
func closed(conn net.Conn) bool {
	if c, ok := conn.(*nbhttp.Conn); ok {
		conn = c.Conn
	}
	if c, ok := conn.(*nbio.Conn); ok {
		is, _ := c.IsClosed()
		return is
	}
	_, err := conn.Write(nil)
	return err != nil
}
