package fasthttp

import (
	"context"

	"github.com/valyala/fasthttp"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/servers/process/drain"
)

// ServeNative serves the apps of suite.Native as Serve does, but without the contract: by
// handlers that know fasthttp alone.
func ServeNative(ctx context.Context, ln *drain.Listener) error {
	return ServeHandler(ctx, ln, func(context.Context) Handler { return Ending(ln, native) })
}

// Ending is h with replies that end their connections while ln drains.
func Ending(ln *drain.Listener, h Handler) Handler {
	return func(ctx *fasthttp.RequestCtx) {
		if ln.Draining() {
			ctx.SetConnectionClose()
		}
		h(ctx)
	}
}

// native routes by a switch over paths, which is the least that does.
func native(ctx *fasthttp.RequestCtx) {
	switch string(ctx.Path()) {
	case "/hello":
		if ctx.IsGet() || ctx.IsHead() {
			reply(ctx, suite.Hello(), nil)
			return
		}
		refuse(ctx, "GET, HEAD")
	case "/size":
		if ctx.IsGet() || ctx.IsHead() {
			body, err := suite.Size(view(ctx.URI().QueryString()))
			reply(ctx, body, err)
			return
		}
		refuse(ctx, "GET, HEAD")
	case "/upload":
		if ctx.IsPost() {
			body, err := suite.Upload(view(ctx.URI().QueryString()), ctx.RequestBodyStream())
			reply(ctx, body, err)
			return
		}
		refuse(ctx, "POST")
	default:
		fail(ctx, "not found", fasthttp.StatusNotFound)
	}
}

func reply(ctx *fasthttp.RequestCtx, body []byte, err error) {
	if err != nil {
		fail(ctx, err.Error(), fasthttp.StatusBadRequest)
		return
	}
	ctx.SetContentType(apps.ContentTypeText)
	ctx.Response.SetBodyRaw(body)
}

// refuse answers requests of other methods than those.
func refuse(ctx *fasthttp.RequestCtx, methods string) {
	fail(ctx, "method not allowed", fasthttp.StatusMethodNotAllowed)
	ctx.Response.Header.Set(fasthttp.HeaderAllow, methods)
}

// fail ends the connection, as the request's body may be unread.
func fail(ctx *fasthttp.RequestCtx, why string, status int) {
	ctx.Error(why+"\n", status)
	ctx.SetConnectionClose()
}
