package echo

import (
	"context"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/servers/engine/nethttp"
	"github.com/benchctl/benchctl/servers/process/drain"
)

// ServeNative serves the apps of suite.Native as Serve does, but without the contract: by
// handlers that know the framework alone.
func ServeNative(ctx context.Context, ln *drain.Listener) error {
	e := echo.New()
	e.Match(get, "/hello", func(c echo.Context) error { return c.Blob(http.StatusOK, apps.ContentTypeText, suite.Hello()) })
	e.Match(get, "/size", func(c echo.Context) error {
		body, err := suite.Size(c.Request().URL.RawQuery)
		if err != nil {
			return echo.NewHTTPError(http.StatusBadRequest, err.Error())
		}
		c.Response().Header().Set(echo.HeaderContentLength, strconv.Itoa(len(body)))
		return c.Blob(http.StatusOK, apps.ContentTypeText, body)
	})
	e.POST("/upload", func(c echo.Context) error {
		body, err := suite.Upload(c.Request().URL.RawQuery, c.Request().Body)
		if err != nil {
			return echo.NewHTTPError(http.StatusBadRequest, err.Error())
		}
		return c.Blob(http.StatusOK, apps.ContentTypeText, body)
	})
	return nethttp.ServeHandler(ctx, ln, ln.Handler(e))
}

var get = []string{http.MethodGet, http.MethodHead}
