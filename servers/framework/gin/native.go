package gin

import (
	"context"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/servers/engine/nethttp"
	"github.com/benchctl/benchctl/servers/process/drain"
)

// ServeNative serves the apps of suite.Native as Serve does, but without the contract: by
// handlers that know the framework alone.
func ServeNative(ctx context.Context, ln *drain.Listener) error {
	r := newRouter()
	r.HandleMethodNotAllowed = true
	get := []string{http.MethodGet, http.MethodHead}
	r.Match(get, "/hello", func(c *gin.Context) { c.Data(http.StatusOK, apps.ContentTypeText, suite.Hello()) })
	r.Match(get, "/size", func(c *gin.Context) {
		body, err := suite.Size(c.Request.URL.RawQuery)
		if err != nil {
			c.String(http.StatusBadRequest, "%v\n", err)
			return
		}
		c.Header("Content-Length", strconv.Itoa(len(body)))
		c.Data(http.StatusOK, apps.ContentTypeText, body)
	})
	r.POST("/upload", func(c *gin.Context) {
		body, err := suite.Upload(c.Request.URL.RawQuery, c.Request.Body)
		if err != nil {
			c.String(http.StatusBadRequest, "%v\n", err)
			return
		}
		c.Data(http.StatusOK, apps.ContentTypeText, body)
	})
	return nethttp.ServeHandler(ctx, ln, ln.Handler(r))
}
