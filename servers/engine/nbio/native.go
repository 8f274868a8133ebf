package nbio

import (
	"context"
	"net/http"

	"github.com/lesismal/nbio/nbhttp"

	"github.com/benchctl/benchctl/apps/adapter"
	"github.com/benchctl/benchctl/servers/engine/nethttp"
	"github.com/benchctl/benchctl/servers/process/drain"
)

// ServeNative serves the apps of suite.Native as Serve does, but without the contract: by
// handlers that know net/http alone. They count no requests: what is in flight when the
// engine stops is cut.
func ServeNative(ctx context.Context, ln *drain.Listener) error {
	return serve(ctx, ln, native(ln), nbhttp.IOModNonBlocking)
}

// ServeNativeBlocking is ServeNative, as ServeBlocking is Serve.
func ServeNativeBlocking(ctx context.Context, ln *drain.Listener) error {
	return serve(ctx, ln, native(ln), nbhttp.IOModBlocking)
}

// ServeNativeMixed is ServeNative, as ServeMixed is Serve.
func ServeNativeMixed(ctx context.Context, ln *drain.Listener) error {
	return serve(ctx, ln, native(ln), nbhttp.IOModMixed)
}

func native(ln *drain.Listener) makeHandler {
	return func(context.Context, *adapter.Flights) http.Handler {
		apps := nethttp.Native{Sized: true}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Close = r.Close || ln.Draining() // which the engine looks at, and not at the reply's field
			apps.ServeHTTP(w, r)
		})
	}
}
