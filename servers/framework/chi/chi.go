// Package chi serves apps with github.com/go-chi/chi on net/http: what the framework
// adds to its engine.
//
// It runs without middleware. The app has a route for each of its paths, for the standard
// methods; whatever else goes to it by the framework's hooks for unknown routes and methods.
package chi

import (
	"context"

	"github.com/go-chi/chi/v5"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/adapter"
	"github.com/benchctl/benchctl/servers/engine/nethttp"
	"github.com/benchctl/benchctl/servers/process/drain"
)

// Serve serves app on ln as nethttp.Serve does.
func Serve(ctx context.Context, ln *drain.Listener, app apps.App) error {
	h := nethttp.Handler(ln, app)
	r := chi.NewRouter()
	for _, path := range adapter.Paths(app, "/*") {
		r.Handle(path, h)
	}
	r.NotFound(h.ServeHTTP)
	r.MethodNotAllowed(h.ServeHTTP)
	return nethttp.ServeHandler(ctx, ln, r)
}
