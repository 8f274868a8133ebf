package bridge

import (
	"context"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/benchctl/benchctl/apps"
)

// template is what all requests have alike.
var template = &http.Request{Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}

// request is the request as the handler sees it.
func (x *exchange) request() *http.Request {
	r := template.WithContext(requestContext{x})
	r.Method = method(x.req.Method())
	r.URL = &url.URL{Path: strings.Clone(x.req.Path()), RawQuery: strings.Clone(x.req.Query())}
	r.RequestURI = r.URL.RequestURI()
	r.Host = strings.Clone(x.req.Header("Host"))
	if peer := x.req.Peer(); peer.IsValid() {
		r.RemoteAddr = peer.String()
		x.remote = r.RemoteAddr
	}
	r.ContentLength = x.req.ContentLength()
	r.Body = http.NoBody
	if r.ContentLength != 0 {
		r.Body = requestBody{x}
	}
	r.Header = make(http.Header, len(x.of.fields))
	for _, name := range x.of.fields {
		if value := x.req.Header(name); value != "" {
			r.Header[name] = []string{strings.Clone(value)}
		}
	}
	return r
}

// method is a copy of a method.
func method(of string) string {
	switch of {
	case http.MethodGet:
		return http.MethodGet
	case http.MethodPost:
		return http.MethodPost
	case http.MethodHead:
		return http.MethodHead
	}
	return strings.Clone(of)
}

// requestBody is the body of a request, as long as the request lasts.
type requestBody struct{ x *exchange }

func (b requestBody) Read(p []byte) (int, error) {
	if b.x.over.Load() {
		return 0, http.ErrBodyReadAfterClose
	}
	return b.x.req.Body().Read(p)
}

func (requestBody) Close() error { return nil }

// requestContext is the context of a request. The server makes its own when somebody asks for more than the
// exchange. It ends with the request, and is valid after it.
type requestContext struct{ x *exchange }

// exchangeKey is the key of the exchange.
type exchangeKey struct{}

func (c requestContext) context() context.Context {
	c.x.ask.Do(func() { c.x.ctx, c.x.cancel = context.WithCancel(c.x.req.Context()) })
	return c.x.ctx
}

func (c requestContext) Deadline() (time.Time, bool) { return c.context().Deadline() }
func (c requestContext) Done() <-chan struct{}       { return c.context().Done() }
func (c requestContext) Err() error                  { return c.context().Err() }

func (c requestContext) Value(key any) any {
	if key == (exchangeKey{}) {
		return c.x
	}
	return c.context().Value(key)
}

// innerRequest is a request as the app behind the middleware sees it.
type innerRequest struct {
	r *http.Request
	x *exchange
}

var _ apps.Request = innerRequest{}

func (q innerRequest) Context() context.Context { return q.r.Context() }
func (q innerRequest) Method() string           { return q.r.Method }
func (q innerRequest) Path() string             { return q.r.URL.Path }
func (q innerRequest) Query() string            { return q.r.URL.RawQuery }
func (q innerRequest) ContentLength() int64     { return q.r.ContentLength }
func (q innerRequest) Body() io.Reader          { return q.r.Body }

// Peer is who the middleware takes for the client, if it found out another one.
func (q innerRequest) Peer() netip.AddrPort {
	if q.r.RemoteAddr == q.x.remote {
		return q.x.req.Peer()
	}
	if peer, err := netip.ParseAddrPort(q.r.RemoteAddr); err == nil {
		return netip.AddrPortFrom(peer.Addr().Unmap(), peer.Port())
	}
	addr, _ := netip.ParseAddr(q.r.RemoteAddr) // middleware may leave no port
	return netip.AddrPortFrom(addr.Unmap(), 0)
}

// Header is what the middleware left of a field.
func (q innerRequest) Header(name string) string {
	name = http.CanonicalHeaderKey(name)
	values := q.r.Header[name]
	switch {
	case name == "Host":
		return q.r.Host
	case len(values) > 0:
		return values[0]
	case slices.Contains(q.x.of.fields, name): // there was none, or the middleware took it away
		return ""
	}
	return q.x.req.Header(name)
}
