package gnet

import (
	"context"
	"io"
	"net/http"
	"strconv"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/servers/process/drain"
)

// ServeNative serves the apps of suite.Native as Serve does, but without the contract: gnet
// has no HTTP, so this package's codec parses requests, and replies are written as they are
// known.
func ServeNative(ctx context.Context, ln *drain.Listener) error {
	return (&engine{ln: ln, serve: (*conn).serveNative}).run(ctx)
}

// serveNative answers the request, and reports whether the connection is to end then.
func (x *conn) serveNative() (last bool) {
	last = x.head.close || x.engine.ln.Draining()
	status, body, allow := x.native()
	b := x.out[:0]
	b = append(b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(b, ' ')
	b = append(b, http.StatusText(status)...)
	b = append(b, "\r\nDate: "...)
	b = append(b, date()...)
	b = append(b, "\r\nContent-Type: "+apps.ContentTypeText+"\r\nContent-Length: "...)
	b = strconv.AppendInt(b, int64(len(body)), 10)
	if allow != "" {
		b = append(b, "\r\nAllow: "...)
		b = append(b, allow...)
	}
	switch {
	case last:
		b = append(b, "\r\nConnection: close"...)
	case x.head.minor == 0:
		b = append(b, "\r\nConnection: keep-alive"...)
	}
	b = append(b, "\r\n\r\n"...)
	if x.head.method != http.MethodHead {
		b = append(b, body...)
	}
	_, _ = x.c.Write(b)
	x.out = b
	x.shrink()
	return last
}

// native is the answer to the request. Allow is there if its method is not.
func (x *conn) native() (status int, body []byte, allow string) {
	var err error
	get := x.head.method == http.MethodGet || x.head.method == http.MethodHead
	switch {
	case x.head.path == "/hello" && get:
		return http.StatusOK, suite.Hello(), ""
	case x.head.path == "/size" && get:
		body, err = suite.Size(x.head.query)
	case x.head.path == "/upload" && x.head.method == http.MethodPost:
		x.reader.Reset(x.body)
		body, err = suite.Upload(x.head.query, io.Reader(&x.reader))
	case x.head.path == "/hello" || x.head.path == "/size":
		return http.StatusMethodNotAllowed, nil, "GET, HEAD"
	case x.head.path == "/upload":
		return http.StatusMethodNotAllowed, nil, "POST"
	default:
		return http.StatusNotFound, nil, ""
	}
	if err != nil {
		return http.StatusBadRequest, []byte(err.Error() + "\n"), ""
	}
	return http.StatusOK, body, ""
}
