package chi

import (
	"context"

	"github.com/go-chi/chi/v5"

	"github.com/benchctl/benchctl/servers/engine/nethttp"
	"github.com/benchctl/benchctl/servers/process/drain"
)

// ServeNative serves the apps of suite.Native as Serve does, but without the contract: by
// handlers that know net/http alone, at routes of the framework.
func ServeNative(ctx context.Context, ln *drain.Listener) error {
	var native nethttp.Native
	r := chi.NewRouter()
	r.Get("/hello", native.Hello)
	r.Head("/hello", native.Hello)
	r.Get("/size", native.Size)
	r.Head("/size", native.Size)
	r.Post("/upload", native.Upload)
	return nethttp.ServeHandler(ctx, ln, ln.Handler(r))
}
