package suite

import (
	"time"

	"github.com/benchctl/benchctl/apps"
)

// Spin is app with d of busy work before each request: an injected slowdown of
// known size, to see what a measurement tells apart.
func Spin(app apps.App, d time.Duration) apps.App {
	return apps.Func(func(req apps.Request, res apps.Response) error {
		for began := time.Now(); time.Since(began) < d; {
		}
		return app.Serve(req, res)
	})
}
