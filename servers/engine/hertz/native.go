package hertz

import (
	"context"
	"net/http"

	"github.com/cloudwego/hertz/pkg/app"
	"github.com/cloudwego/hertz/pkg/app/server"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/adapter"
	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/servers/process/drain"
)

// ServeNative serves the apps of suite.Native as Serve does, but without the contract: by
// handlers that know hertz alone, and replies that the engine sends. They count no requests:
// what is in flight when the engine stops is cut.
func ServeNative(ctx context.Context, ln *drain.Listener) error {
	return servePolled(ctx, ln, native{ln}.routes)
}

// ServeNativeStandard is ServeNative, as ServeStandard is Serve.
func ServeNativeStandard(ctx context.Context, ln *drain.Listener) error {
	return serveStandard(ctx, ln, native{ln}.routes)
}

// native is the apps as handlers of the engine.
type native struct{ ln *drain.Listener }

func (n native) routes(h *server.Hertz, _ context.Context, _ *adapter.Flights) {
	h.GET("/hello", n.hello)
	h.HEAD("/hello", n.hello)
	h.GET("/size", n.size)
	h.HEAD("/size", n.size)
	h.POST("/upload", n.upload)
}

func (n native) hello(_ context.Context, ctx *app.RequestContext) { n.reply(ctx, suite.Hello(), nil) }

func (n native) size(_ context.Context, ctx *app.RequestContext) {
	body, err := suite.Size(view(ctx.URI().QueryString()))
	n.reply(ctx, body, err)
}

func (n native) upload(_ context.Context, ctx *app.RequestContext) {
	body, err := suite.Upload(view(ctx.URI().QueryString()), ctx.RequestBodyStream())
	n.reply(ctx, body, err)
}

func (n native) reply(ctx *app.RequestContext, body []byte, err error) {
	if err != nil || n.ln.Draining() {
		ctx.SetConnectionClose() // after an error the request's body may be unread
	}
	if err != nil {
		ctx.String(http.StatusBadRequest, "%v\n", err)
		return
	}
	ctx.SetStatusCode(http.StatusOK)
	ctx.SetContentType(apps.ContentTypeText)
	ctx.Response.SetBodyRaw(body)
}
