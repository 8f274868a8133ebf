package fiber

import (
	"context"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/utils"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/servers/engine/fasthttp"
	"github.com/benchctl/benchctl/servers/process/drain"
)

// ServeNative serves the apps of suite.Native as Serve does, but without the contract: by
// handlers that know the framework alone.
func ServeNative(ctx context.Context, ln *drain.Listener) error {
	return fasthttp.ServeHandler(ctx, ln, func(context.Context) fasthttp.Handler {
		f := newApp()
		f.Get("/hello", func(c *fiber.Ctx) error { return reply(c, suite.Hello(), nil) }) // and HEAD
		f.Get("/size", func(c *fiber.Ctx) error {
			body, err := suite.Size(utils.UnsafeString(c.Context().URI().QueryString()))
			return reply(c, body, err)
		})
		f.Post("/upload", func(c *fiber.Ctx) error {
			body, err := suite.Upload(utils.UnsafeString(c.Context().URI().QueryString()), c.Context().RequestBodyStream())
			return reply(c, body, err)
		})
		return fasthttp.Ending(ln, f.Handler())
	})
}

func reply(c *fiber.Ctx, body []byte, err error) error {
	if err != nil {
		return fiber.NewError(fiber.StatusBadRequest, err.Error())
	}
	c.Set(fiber.HeaderContentType, apps.ContentTypeText)
	c.Response().SetBodyRaw(body)
	return nil
}
