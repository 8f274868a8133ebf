// Package lint has a layer that holds apps and servers against the duties of package apps, as
// wsgiref.validate does for WSGI and Rack::Lint for Rack. It stands between both, and tells who broke which.
//
// It sees A2, A3, A4, A5, A6, A7 and A8 of the app, and S1, S2, S3, S5, S6 and S16 of the server, as far as they show in
// calls. It does not see A1, a string that was kept (A5), a block that was held back (S5), and what
// goes over the wire, which the conformance gate holds (package conform).
//
// It costs checksums of all bodies, copies of what it hands out, and objects for each request. It is for
// tests: what is measured through it is worth nothing.
package lint

import (
	"context"
	"fmt"
	"hash/maphash"
	"log/slog"
	"sync"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/stack"
)

// Side is who has a duty.
type Side string

// The sides.
const (
	App    Side = "app"
	Server Side = "server"
)

// Breach is a duty that was broken.
type Breach struct {
	Rule   string `json:"rule"` // number of the duty: "A4"
	By     Side   `json:"by"`
	Method string `json:"method"` // of the request
	Path   string `json:"path"`
	Text   string `json:"text"` // what happened
}

// String is the breach in one line.
func (b Breach) String() string {
	return fmt.Sprintf("%s by the %s, %s %q: %s", b.Rule, b.By, b.Method, b.Path, b.Text)
}

// Lint is the layer. Where it sees a breach it tells it, and lets the request go on.
type Lint struct {
	// Report gets each breach, from any goroutine. Nil logs it by slog, at level warn.
	Report func(Breach)
}

// About implements stack.Layer.
func (Lint) About() stack.About {
	return stack.About{Name: "lint", Doc: "tells who breaks the duties of package apps, the app or the server; not for what is measured", Allocs: 8}
}

// Wrap implements stack.Layer.
func (l Lint) Wrap(next apps.App) (apps.App, error) {
	w := &linting{next: next, report: l.Report, seed: maphash.MakeSeed(), open: map[*exchange]bool{}}
	if w.report == nil {
		w.report = func(b Breach) {
			slog.Warn("lint: a duty is broken", "rule", b.Rule, "by", string(b.By), "method", b.Method, "path", b.Path, "what", b.Text)
		}
	}
	return w, nil
}

// linting is the app of Lint.
type linting struct {
	next   apps.App
	report func(Breach)
	seed   maphash.Seed

	mu   sync.Mutex
	open map[*exchange]bool // whose stream is not closed
}

// Serve implements apps.App.
func (w *linting) Serve(req apps.Request, res apps.Response) error {
	x := begin(w, req, res)
	err := errPanic
	defer func() { x.served(err) }()
	if _, ok := res.(apps.FileReplier); ok {
		err = w.next.Serve(request{x}, fileResponse{response{x}})
	} else {
		err = w.next.Serve(request{x}, response{x})
	}
	return err
}

// Stop implements apps.Stopper: after the last request, every stream has to be closed (S6).
func (w *linting) Stop(context.Context) error {
	w.mu.Lock()
	open := w.open
	w.open = map[*exchange]bool{}
	w.mu.Unlock()
	for x := range open {
		x.broken(Server, "S6", "did not close the stream, until the stop")
	}
	return nil
}

func (w *linting) opened(x *exchange) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open[x] = true
}

func (w *linting) closed(x *exchange) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.open, x)
}
