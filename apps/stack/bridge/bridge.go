// Package bridge has net/http in stacks: Middleware makes a layer of middleware of the usual form,
// func(http.Handler) http.Handler, and Handler makes an app of an http.Handler.
//
// A handler pushes its reply into a writer, and servers of package apps pull. Between the two is a
// coroutine (iter.Pull): the handler runs in it until it returns or has a block to send, and then
// waits until the server asks for the next one. Nothing runs at the same time, and no scheduler is asked.
//
// # Cost
//
//   - Each request takes a coroutine, which is a goroutine, a http.Request and the header of the reply.
//     Middleware.About tells the allocations. Each of Fields that a request has costs two more, each field that
//     the app sets a few, and the address of the peer one. BenchmarkMiddleware shows the time.
//   - The strings that the handler gets are copies: middleware may keep them, and those of a server are
//     valid during the request only (S2).
//   - A whole body of the app passes as it is, if the middleware does not change it. One that the handler
//     writes is copied into a buffer, up to 32 KiB; what is longer is streamed.
//   - Streams stay streams. A block of the app that the middleware does not change is not copied, and goes
//     to the server at once. Of what the middleware makes, up to 4 KiB wait until it flushes, as in net/http.
//
// # What does not pass
//
//   - The contract can't list the fields of a request: Fields names those that the handler reads.
//   - There are no informational replies, trailers, upgrades and deadlines of connections. Fields that belong
//     to the server (A3) are dropped. No Content-Type is guessed.
//   - The app behind a Middleware can't answer with a file (apps.FileReplier), as the middleware is to see the
//     bytes. It streams the file.
//   - Middleware that answers while the app goes on, as http.TimeoutHandler does, waits for the app: the
//     request is over when both have returned.
package bridge

import (
	"errors"
	"net/http"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/stack"
)

// Middleware is a layer of net/http middleware.
//
// An error of the app is status 500 without a body to the middleware. If that goes on, the error does; if the
// middleware answers in its place, its reply stands. A stream that fails panics with http.ErrAbortHandler, as handlers of
// net/http do to cut a reply. A panic passes through the middleware, which may recover from it.
type Middleware struct {
	// Use makes the handler that stands before next. It is required.
	Use func(next http.Handler) http.Handler
	// Fields are the request fields that the middleware reads, beside Host and Content-Type. The app sees
	// them as the middleware leaves them, and others as they came unless the middleware sets them.
	Fields []string `stack:"fields" doc:"request fields that the middleware reads, beside Host and Content-Type"`
}

// About implements stack.Layer.
func (Middleware) About() stack.About {
	return stack.About{Name: "bridge", Doc: "middleware of net/http as a layer", Allocs: 18}
}

// Wrap implements stack.Layer.
func (m Middleware) Wrap(next apps.App) (apps.App, error) {
	if m.Use == nil {
		return nil, errors.New("no middleware: Use is not set")
	}
	return newPushed(m.Use(&inner{next}), m.Fields)
}

// Handler is an app of an http.Handler. A panic of the handler is one of the app.
type Handler struct {
	Handler http.Handler // required
	// Fields are the request fields that the handler reads, beside Host and Content-Type.
	Fields []string `stack:"fields" doc:"request fields that the handler reads, beside Host and Content-Type"`
}

// About implements stack.Source.
func (Handler) About() stack.About {
	return stack.About{Name: "handler", Doc: "a handler of net/http"}
}

// Make implements stack.Source.
func (h Handler) Make() (apps.App, error) { return newPushed(h.Handler, h.Fields) }

// pushed is the app of a handler.
type pushed struct {
	handler http.Handler
	fields  []string // canonical, without Host
}

func newPushed(h http.Handler, fields []string) (apps.App, error) {
	if h == nil {
		return nil, errors.New("no handler")
	}
	a := &pushed{h, []string{"Content-Type"}}
	for _, name := range fields {
		if name = http.CanonicalHeaderKey(name); name != "Host" && name != "Content-Type" {
			a.fields = append(a.fields, name)
		}
	}
	return a, nil
}
