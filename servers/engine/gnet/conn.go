package gnet

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/panjf2000/gnet/v2"
	"golang.org/x/sys/unix"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/adapter"
)

// conn is a connection with its request, one at a time; it implements apps.Request
// and apps.Response. Its event loop owns it, but while it streams a goroutine owns
// the answer.
type conn struct {
	adapter.Answer
	adapter.Scope
	engine *engine
	c      gnet.Conn
	peer   netip.AddrPort // of c, which forgets it when it is closed
	gone   chan struct{}  // closed when the connection is

	head      head
	begun     bool // the head is there, and the body still to come
	body      []byte
	chunks    chunks
	reader    bytes.Reader // of body, for the app
	replied   []field      // the app's header
	out       []byte
	streaming bool
	lingers   bool // the last reply was written; what comes is dropped
	closed    bool // c may not be used any more
}

func (x *conn) Method() string            { return x.head.method }
func (x *conn) Path() string              { return x.head.path }
func (x *conn) Query() string             { return x.head.query }
func (x *conn) Header(name string) string { return x.head.header(name) }
func (x *conn) ContentLength() int64      { return x.head.length }
func (x *conn) Body() io.Reader           { return &x.reader }
func (x *conn) Peer() netip.AddrPort      { return x.peer }

func (x *conn) SetHeader(name, value string) {
	repeats := apps.Repeats(name)
	for i := range x.replied {
		if !repeats && isNamed(x.replied[i].name, name) {
			x.replied[i].value = value
			return
		}
	}
	x.replied = append(x.replied, field{name, value})
}

// advance takes what has come and answers the requests that are whole.
func (x *conn) advance() gnet.Action {
	if x.lingers {
		_, _ = x.c.Discard(-1)
		return gnet.None
	}
	for !x.streaming {
		whole, f := x.take()
		switch {
		case x.closed:
			return gnet.None
		case f != nil:
			x.refuse(f)
			return gnet.None
		case !whole:
			return gnet.None
		}
		last := x.engine.serve(x)
		switch {
		case x.closed:
			return gnet.None
		case last && x.c.InboundBuffered() == 0 && x.c.OutboundBuffered() == 0:
			return gnet.Close
		case last:
			x.linger()
			return gnet.None
		}
	}
	return gnet.None
}

// take takes what there is of the next request, and reports whether it is whole.
func (x *conn) take() (whole bool, f *refusal) {
	if !x.begun {
		b, err := x.c.Peek(-1)
		if err != nil || len(b) == 0 {
			return false, nil
		}
		n, f := parse(b, &x.head)
		if f != nil || n == 0 {
			return false, f
		}
		_, _ = x.c.Discard(n)
		x.begun, x.body, x.chunks = true, x.body[:0], chunks{}
		if x.head.expect && x.head.length != 0 && x.c.InboundBuffered() == 0 {
			if _, err := x.c.Write([]byte("HTTP/1.1 100 Continue\r\n\r\n")); err != nil {
				return false, nil
			}
		}
	}
	if f := x.takeBody(); f != nil {
		return false, f
	}
	if x.head.length >= 0 && int64(len(x.body)) < x.head.length || x.head.length < 0 && !x.chunks.done {
		return false, nil
	}
	x.begun = false
	return true, nil
}

// takeBody takes what there is of the body.
func (x *conn) takeBody() *refusal {
	if x.head.length == 0 {
		return nil
	}
	b, err := x.c.Peek(-1)
	if err != nil || len(b) == 0 {
		return nil
	}
	var n int
	var f *refusal
	if x.head.length > 0 {
		n = int(min(int64(len(b)), x.head.length-int64(len(x.body))))
		x.body = append(x.body, b[:n]...)
	} else {
		n, x.body, f = x.chunks.take(b, x.body)
	}
	if n > 0 { // 0 stands for all
		_, _ = x.c.Discard(n)
	}
	return f
}

// maxKeptBody is the largest body whose memory is kept for the next one, in bytes.
const maxKeptBody = 64 << 10

// serve answers the request, and reports whether the connection is to end then. A
// stream is answered by a goroutine.
func (x *conn) serve() (last bool) {
	x.engine.flights.Enter()
	x.reader.Reset(x.body)
	x.replied = x.replied[:0]
	if x.Ask(x.engine.app, x, x) != nil {
		x.replied = x.replied[:0]
	}
	if x.Base.Err() != nil { // the app outlasted the grace
		x.Drop()
		x.over()
		return true
	}
	last = x.head.close || x.engine.ln.Draining()
	if x.Streamed && !adapter.Bodiless(x.head.method, x.Status) {
		x.streaming = true
		go x.stream(last)
		return false
	}
	body, length, short := x.whole()
	last = last || short
	x.out = append(x.appendHead(x.out[:0], length, last), body...)
	_, _ = x.c.Write(x.out)
	x.over()
	return last
}

// whole frames a reply that is there: it cuts the body at the length that the app
// promised, or tells the length that the header is to have, else -1. A shorter body ends the
// connection (S7).
func (x *conn) whole() (body []byte, length int64, short bool) {
	body, length = x.Whole, -1
	promised := x.promised()
	switch {
	case adapter.NoContent(x.Status):
		x.drop("Content-Length")
		return nil, -1, false
	case x.Streamed: // to HEAD
		return nil, -1, false
	case promised < 0:
		length = int64(len(body))
	case promised < int64(len(body)):
		body = body[:promised]
	default:
		short = promised > int64(len(body))
	}
	if x.head.method == http.MethodHead {
		return nil, length, false
	}
	return body, length, short
}

// promised is the Content-Length that the app set, -1 if none.
func (x *conn) promised() int64 {
	for _, f := range x.replied {
		if isNamed(f.name, "Content-Length") {
			if n, ok := parseLength(f.value); ok {
				return n
			}
			x.drop("Content-Length")
			break
		}
	}
	return -1
}

func (x *conn) drop(name string) {
	for i := range x.replied {
		if isNamed(x.replied[i].name, name) {
			x.replied = append(x.replied[:i], x.replied[i+1:]...)
			return
		}
	}
}

// over ends the request.
func (x *conn) over() {
	x.End()
	x.Answer = adapter.Answer{}
	x.shrink()
	x.engine.flights.Leave()
}

// shrink gives up memory that an unusual request has taken.
func (x *conn) shrink() {
	if cap(x.body) > maxKeptBody {
		x.body = nil
	}
	if cap(x.out) > maxKeptBody {
		x.out = nil
	}
}

// appendHead appends the status line and the header of the reply, with a Content-Length of
// length unless that is below 0.
func (x *conn) appendHead(b []byte, length int64, last bool) []byte {
	b = append(b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(x.Status), 10)
	b = append(b, ' ')
	b = append(b, http.StatusText(x.Status)...)
	b = append(b, "\r\nDate: "...)
	b = append(b, date()...)
	for _, f := range x.replied {
		b = append(b, "\r\n"...)
		b = append(b, f.name...)
		b = append(b, ": "...)
		b = append(b, f.value...)
	}
	if length >= 0 {
		b = append(b, "\r\nContent-Length: "...)
		b = strconv.AppendInt(b, length, 10)
	}
	switch {
	case last:
		b = append(b, "\r\nConnection: close"...)
	case x.head.minor == 0:
		b = append(b, "\r\nConnection: keep-alive"...)
	}
	return append(b, "\r\n\r\n"...)
}

// dated is a Date with the second that it is of.
type dated struct {
	unix int64
	text string
}

var lastDate atomic.Pointer[dated]

// date is the Date of now, made once a second.
func date() string {
	now := time.Now()
	if d := lastDate.Load(); d != nil && d.unix == now.Unix() {
		return d.text
	}
	d := &dated{now.Unix(), now.UTC().Format(http.TimeFormat)}
	lastDate.Store(d)
	return d.text
}

// refuse answers a request that can't be understood and ends the connection.
func (x *conn) refuse(f *refusal) {
	x.head = head{close: true, minor: 1}
	x.replied = x.replied[:0]
	x.Status = f.status
	_, err := x.c.Write(x.appendHead(nil, 0, true))
	x.Status = 0
	if err == nil {
		x.linger()
	}
}

// linger ends the connection once the last reply has been sent: it is not closed
// before the client has, since bytes that nobody reads would reset it.
func (x *conn) linger() {
	x.lingers = true
	_, _ = x.c.Discard(-1)
	go func() {
		if x.sent(x.Base, 0) {
			_ = x.onLoop(func() {
				if !x.closed {
					_ = unix.Shutdown(x.c.Fd(), unix.SHUT_WR)
				}
			})
		}
		select {
		case <-x.gone: // the client has read all and left
		case <-time.After(lingering):
			_ = x.engine.trigger(x.c.Close)
		}
	}()
}

// onLoop has the event loop call f, also if the connection is closed by then.
func (x *conn) onLoop(f func()) error {
	return x.engine.trigger(func() error {
		return x.c.Wake(func(gnet.Conn, error) error {
			f()
			return nil
		})
	})
}

// unsent is how often it is looked whether a socket has taken what was written.
const unsent = time.Millisecond

// sent waits until no more than most bytes wait to be sent. It is false if the
// connection is gone or ctx ended before. The engine has no event for it.
func (x *conn) sent(ctx context.Context, most int) bool {
	left := make(chan int, 1)
	for {
		if x.onLoop(func() { left <- x.c.OutboundBuffered() }) != nil {
			return false
		}
		select {
		case n := <-left:
			if n <= most {
				return true
			}
		case <-x.gone:
			return false
		case <-ctx.Done():
			return false
		}
		time.Sleep(unsent)
	}
}

// stream sends the header and the stream, and has the event loop go on.
func (x *conn) stream(last bool) {
	length := x.promised()
	chunked := length < 0 && x.head.minor > 0
	switch {
	case chunked:
		x.SetHeader("Transfer-Encoding", "chunked")
	case length < 0:
		last = true // the end of the connection is that of the body
	}
	w := &writer{conn: x, chunked: chunked}
	_, err := w.raw(x.appendHead(nil, -1, last))
	if err == nil {
		_, err = x.SendTo(w, length)
	} else {
		x.Drop()
	}
	if err == nil && chunked {
		_, err = w.raw([]byte("0\r\n\r\n"))
	}
	ended := x.onLoop(func() {
		x.streaming = false
		x.over()
		x.proceed(last, err)
	})
	if ended != nil { // there is no loop any more
		x.over()
	}
}

// proceed goes on after a stream.
func (x *conn) proceed(last bool, err error) {
	switch {
	case x.closed:
	case err != nil:
		_ = x.c.Close()
	case last:
		x.linger()
	case x.advance() == gnet.Close:
		_ = x.c.Close()
	}
}

// writer sends blocks of a stream by the event loop, each at once (S5).
type writer struct {
	*conn
	chunked bool
}

func (w *writer) Write(p []byte) (int, error) {
	var b []byte
	if w.chunked {
		b = strconv.AppendInt(b, int64(len(p)), 16)
		b = append(b, "\r\n"...)
	}
	b = append(b, p...)
	if w.chunked {
		b = append(b, "\r\n"...)
	}
	if _, err := w.raw(b); err != nil {
		return 0, err
	}
	return len(p), nil
}

// maxUnsent is how much of a stream may wait for the client to read it, in bytes.
const maxUnsent = 256 << 10

// raw hands b to the event loop and waits until it has been written, for the most
// part.
func (w *writer) raw(b []byte) (int, error) {
	written := make(chan error, 1)
	left := 0
	err := w.engine.trigger(func() error {
		return w.c.AsyncWrite(b, func(c gnet.Conn, err error) error {
			if err == nil {
				left = c.OutboundBuffered()
			}
			written <- err
			return nil
		})
	})
	if err != nil {
		return 0, err
	}
	select {
	case err = <-written:
	case <-w.gone:
		return 0, net.ErrClosed
	case <-w.Base.Done():
		return 0, context.Cause(w.Base)
	}
	if err == nil && left > maxUnsent && !w.sent(w.Base, maxUnsent) {
		err = net.ErrClosed
	}
	return len(b), err
}
