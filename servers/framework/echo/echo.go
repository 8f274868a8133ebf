// Package echo serves apps with github.com/labstack/echo on net/http: what the
// framework adds to its engine.
//
// It runs without middleware. The app has a route for each of its paths, for the standard
// methods; whatever else goes to it by the framework's hooks for unknown routes and for errors.
package echo

import (
	"context"

	"github.com/labstack/echo/v4"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/adapter"
	"github.com/benchctl/benchctl/servers/engine/nethttp"
	"github.com/benchctl/benchctl/servers/process/drain"
)

// Serve serves app on ln as nethttp.Serve does.
func Serve(ctx context.Context, ln *drain.Listener, app apps.App) error {
	h := echo.WrapHandler(nethttp.Handler(ln, app))
	e := echo.New()
	for _, path := range adapter.Paths(app, "/*") {
		e.Any(path, h)
	}
	e.RouteNotFound("/*", h)
	e.HTTPErrorHandler = func(_ error, c echo.Context) {
		_ = h(c) // which returns none: the error is that there is no route
	}
	return nethttp.ServeHandler(ctx, ln, e)
}
