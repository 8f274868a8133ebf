// Package gin serves apps with github.com/gin-gonic/gin on net/http: what the
// framework adds to its engine.
//
// It runs in release mode, without middleware. The app has a route for each of its paths, for
// the standard methods; whatever else goes to it by the framework's hook for unknown routes,
// instead of being redirected.
package gin

import (
	"context"
	"sync"

	"github.com/gin-gonic/gin"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/adapter"
	"github.com/benchctl/benchctl/servers/engine/nethttp"
	"github.com/benchctl/benchctl/servers/process/drain"
)

// quiet sets the framework's mode, which belongs to the whole process.
var quiet = sync.OnceFunc(func() { gin.SetMode(gin.ReleaseMode) })

// Serve serves app on ln as nethttp.Serve does.
func Serve(ctx context.Context, ln *drain.Listener, app apps.App) error {
	native := nethttp.Handler(ln, app)
	h := func(c *gin.Context) {
		native.ServeHTTP(c.Writer, c.Request)
		c.Writer.WriteHeaderNow() // or the framework would give a body to an empty 404
	}
	r := newRouter()
	for _, path := range adapter.Paths(app, "/*path") {
		r.Any(path, h)
	}
	r.NoRoute(h)
	return nethttp.ServeHandler(ctx, ln, r)
}

func newRouter() *gin.Engine {
	quiet()
	r := gin.New()
	r.RedirectTrailingSlash = false
	return r
}
