package lint

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"strings"
)

// request is the request that the app gets.
type request struct{ x *exchange }

// Context implements apps.Request. One that is asked for too late has ended.
func (r request) Context() context.Context {
	if r.x.valid("Request.Context") {
		return r.x.ctx
	}
	ctx, end := context.WithCancel(context.Background())
	end()
	return ctx
}

// Method implements apps.Request.
func (r request) Method() string {
	r.x.valid("Request.Method")
	return r.x.method
}

// Path implements apps.Request.
func (r request) Path() string {
	r.x.valid("Request.Path")
	return r.x.path
}

// Query implements apps.Request.
func (r request) Query() string {
	r.x.valid("Request.Query")
	return r.x.query
}

// ContentLength implements apps.Request.
func (r request) ContentLength() int64 {
	r.x.valid("Request.ContentLength")
	return r.x.length
}

// Peer implements apps.Request.
func (r request) Peer() netip.AddrPort {
	r.x.valid("Request.Peer")
	return r.x.peer
}

// Header implements apps.Request.
func (r request) Header(name string) string {
	if !r.x.valid("Request.Header") {
		return ""
	}
	value := r.x.req.Header(name)
	if strings.ContainsAny(value, "\r\n\x00") {
		r.x.broken(Server, "S1", "handed out the value %q of field %s", value, name)
	}
	if value != "" {
		r.x.handedOut("field "+name, value)
	}
	return value
}

// Body implements apps.Request.
func (r request) Body() io.Reader {
	if !r.x.valid("Request.Body") {
		return &reader{x: r.x, body: strings.NewReader("")}
	}
	r.x.mu.Lock()
	defer r.x.mu.Unlock()
	if r.x.reader == nil {
		r.x.reader = &reader{x: r.x, body: r.x.req.Body()}
	}
	return r.x.reader
}

// reader is the body of a request.
type reader struct {
	x     *exchange
	body  io.Reader
	total int64
	ended error // of the body, io.EOF at its end
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	x := r.x
	x.mu.Lock()
	over, may := x.over, x.serving || x.stream != nil && x.stream.nexts > 0
	x.mu.Unlock()
	if !may {
		x.broken(App, "A7", "read the body of the request outside of Serve and Next")
	}
	if over {
		return 0, errOver
	}
	if r.body == nil {
		x.broken(Server, "S3", "handed out no body")
		return 0, io.EOF
	}
	n, err := r.body.Read(p)
	r.check(n, len(p), err)
	return n, err
}

// check holds what the server read.
func (r *reader) check(n, room int, err error) {
	x := r.x
	switch {
	case n < 0 || n > room:
		x.broken(Server, "S3", "read %d bytes where there was room for %d", n, room)
		return
	case r.ended != nil && n > 0:
		x.broken(Server, "S3", "read %d bytes after the body had ended with %q", n, r.ended)
	}
	r.total += int64(n)
	switch {
	case x.length >= 0 && r.total > x.length && n > 0:
		x.broken(Server, "S3", "read %d bytes of a body of %d", r.total, x.length)
	case x.length >= 0 && errors.Is(err, io.EOF) && r.total < x.length && r.ended == nil:
		x.broken(Server, "S3", "ended a body of %d bytes after %d without an error", x.length, r.total)
	case r.ended != nil && !errors.Is(r.ended, io.EOF) && errors.Is(err, io.EOF):
		x.broken(Server, "S3", "ended a body well that had failed with %q", r.ended)
	}
	if r.ended == nil {
		r.ended = err
	}
}
