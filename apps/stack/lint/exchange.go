package lint

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"net/netip"
	"strings"
	"sync"

	"github.com/benchctl/benchctl/apps"
)

// exchange is a request with its answer. It is never used for another one, so that calls which come
// too late are known (A5).
type exchange struct {
	home                *linting
	req                 apps.Request
	res                 apps.Response
	ctx                 context.Context //nolint:containedctx // of the request
	method, path, query string          // copies
	length              int64           // of the request's body, -1 if it is not known
	peer                netip.AddrPort

	mu        sync.Mutex
	views     []view // strings that the server handed out
	serving   bool   // Serve has not returned
	streaming bool   // the stream is not closed
	over      bool   // what the server handed out is not valid any more (S2)
	answers   int
	took      bool   // the server took an answer
	declared  string // Content-Length of the answer, "" if none is set
	whole     printed
	reader    *reader
	stream    *stream
}

// view is a string that the server handed out, and a copy of it.
type view struct{ what, handed, copied string }

// printed is bytes that are not to be changed, with their checksum.
type printed struct {
	bytes []byte
	sum   uint64
}

var errPanic = errors.New("panic")

// errOver is what an app gets that calls too late.
var errOver = errors.New("lint: the request is over (A5)")

func begin(w *linting, req apps.Request, res apps.Response) *exchange {
	x := &exchange{
		home: w, req: req, res: res, ctx: req.Context(), serving: true, length: req.ContentLength(), peer: req.Peer(),
		views: make([]view, 3, 8),
	}
	for i, v := range []view{{what: "Method", handed: req.Method()}, {what: "Path", handed: req.Path()}, {what: "Query", handed: req.Query()}} {
		v.copied = strings.Clone(v.handed)
		x.views[i] = v
	}
	x.method, x.path, x.query = x.views[0].copied, x.views[1].copied, x.views[2].copied
	if x.peer.Addr().Is4In6() {
		x.broken(Server, "S16", "told the peer %s, which is of IPv4", x.peer)
	}
	return x
}

// broken reports a breach.
func (x *exchange) broken(by Side, rule, format string, args ...any) {
	x.home.report(Breach{Rule: rule, By: by, Method: x.method, Path: x.path, Text: fmt.Sprintf(format, args...)})
}

// valid tells whether the request is not over, at a call of the app.
func (x *exchange) valid(call string) bool {
	x.mu.Lock()
	over := x.over
	x.mu.Unlock()
	if over {
		x.broken(App, "A5", "called %s after the request was over", call)
	}
	return !over
}

// handedOut takes note of a string of the server.
func (x *exchange) handedOut(what, s string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, v := range x.views {
		if v.what == what && v.copied == s {
			return
		}
	}
	x.views = append(x.views, view{what, s, strings.Clone(s)})
}

// served is the end of Serve.
func (x *exchange) served(err error) {
	x.checkWhole("before Serve returned")
	x.checkViews("before Serve returned")
	x.mu.Lock()
	x.serving = false
	x.over = !x.streaming
	answers, took := x.answers, x.took
	whole := x.whole.bytes
	x.mu.Unlock()
	switch {
	case errors.Is(err, errPanic):
		x.broken(App, "A2", "panicked, which is no answer")
	case err == nil && answers == 0:
		x.broken(App, "A2", "returned without an answer")
	case err != nil && took:
		x.broken(App, "A2", "failed after it answered: %v", err)
	}
	if len(whole) > 0 {
		context.AfterFunc(x.ctx, func() { x.checkWhole("before the request was over") })
	}
}

// print makes the checksum of bytes.
func (x *exchange) print(b []byte) printed { return printed{b, maphash.Bytes(x.home.seed, b)} }

// isChanged tells whether bytes are others than they were.
func (x *exchange) isChanged(p printed) bool {
	return len(p.bytes) > 0 && maphash.Bytes(x.home.seed, p.bytes) != p.sum
}

// checkWhole holds the body of Reply against its checksum, once it has changed no more.
func (x *exchange) checkWhole(when string) {
	x.mu.Lock()
	changed := x.isChanged(x.whole)
	if changed {
		x.whole = printed{}
	}
	x.mu.Unlock()
	if changed {
		x.broken(App, "A4", "changed the body that it gave to Reply, %s", when)
	}
}

// checkViews holds the strings of the server against their copies, as long as they have to be valid.
func (x *exchange) checkViews(when string) {
	x.mu.Lock()
	var changed []view
	for i, v := range x.views {
		if v.handed != v.copied {
			changed = append(changed, view{v.what, strings.Clone(v.handed), v.copied})
			x.views[i].handed = v.copied
		}
	}
	x.mu.Unlock()
	for _, v := range changed {
		x.broken(Server, "S2", "changed %s from %q to %q, %s", v.what, v.copied, v.handed, when)
	}
}
