// Package fiber serves apps with github.com/gofiber/fiber on fasthttp: what the
// framework adds to its engine.
//
// It runs without middleware, in front of the engine as package fasthttp sets it up.
// The app has a route for each of its paths, for the standard methods, and one for all other
// paths; other methods, which the framework refuses before it looks for a route, go to the
// app without it.
package fiber

import (
	"context"
	"slices"

	"github.com/gofiber/fiber/v2"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/adapter"
	"github.com/benchctl/benchctl/servers/engine/fasthttp"
	"github.com/benchctl/benchctl/servers/process/drain"
)

// Serve serves app on ln as fasthttp.Serve does.
func Serve(ctx context.Context, ln *drain.Listener, app apps.App) error {
	return fasthttp.ServeHandler(ctx, ln, func(base context.Context) fasthttp.Handler {
		native := fasthttp.NewHandler(base, ln, app)
		f := newApp()
		h := func(c *fiber.Ctx) error {
			native(c.Context())
			return nil
		}
		for _, path := range adapter.Paths(app, "/*") {
			f.All(path, h)
		}
		f.Use(h)
		routed := f.Handler()
		return func(ctx *fasthttp.Ctx) {
			if !slices.Contains(fiber.DefaultMethods, string(ctx.Method())) {
				native(ctx)
				return
			}
			routed(ctx)
		}
	})
}

func newApp() *fiber.App {
	return fiber.New(fiber.Config{DisableStartupMessage: true, StreamRequestBody: true})
}
