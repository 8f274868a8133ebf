// Package fcgi serves apps over FastCGI by the standard library's net/http/fcgi: a Go
// program that is not its own HTTP server. A process before it (package front) speaks HTTP
// to the clients.
package fcgi

import (
	"context"
	"fmt"
	"net/http"
	"net/http/fcgi"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/servers/engine/nethttp"
	"github.com/benchctl/benchctl/servers/process/drain"
)

// Serve serves app on ln until ctx ends. FastCGI's requests come one by one, each on a
// connection of its own or on one that the process before it keeps: who ends ctx has waited
// for those in flight, as the others are cut. It counts no connections in ln.
func Serve(ctx context.Context, ln *drain.Listener, app apps.App) error {
	base, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	return serve(ctx, ln, contained{nethttp.SizedHandler(base, app)})
}

// ServeNative serves the apps of suite.Native as Serve does, but without the contract.
func ServeNative(ctx context.Context, ln *drain.Listener) error {
	return serve(ctx, ln, nethttp.Native{Sized: true})
}

func serve(ctx context.Context, ln *drain.Listener, h http.Handler) error {
	ln.Started()
	ended := make(chan error, 1)
	go func() { ended <- fcgi.Serve(ln.Inner(), h) }()
	select {
	case err := <-ended:
		return fmt.Errorf("fcgi serve %s: %w", ln.Addr(), err)
	case <-ctx.Done():
	}
	ln.Close()
	<-ended // for it was closed
	return nil
}

// contained does what net/http does and net/http/fcgi does not: a handler that cuts its
// connection by a panic does not end the program, and a chunked body has no length. nginx tells
// one where it has the whole body when it passes the request on, and none where it has a part of
// it, which net/http/fcgi takes for a body that is not there.
type contained struct{ http.Handler }

// ServeHTTP implements http.Handler.
func (c contained) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer func() {
		if p := recover(); p != nil && p != any(http.ErrAbortHandler) {
			panic(p)
		}
	}()
	if r.Header.Get("Transfer-Encoding") != "" { // nginx refuses any but chunked
		r.Header.Del("Transfer-Encoding")
		r.ContentLength = -1
	}
	c.Handler.ServeHTTP(w, r)
}
