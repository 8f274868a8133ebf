package nethttp

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/servers/process/drain"
)

// ServeNative serves the apps of suite.Native as Serve does, but without the contract: by
// handlers that know net/http alone.
func ServeNative(ctx context.Context, ln *drain.Listener) error {
	return ServeHandler(ctx, ln, ln.Handler(Native{}))
}

// ServeNativeH2C is ServeNative with HTTP/2, as ServeH2C is Serve.
func ServeNativeH2C(ctx context.Context, ln *drain.Listener) error {
	return serve(ctx, ln, withH2C(ln.Handler(Native{})))
}

// Native is the apps of suite.Native as handlers of net/http. A switch over paths is the
// least that routes them.
type Native struct {
	Sized bool // each reply says its length, for engines that don't find it out
}

// ServeHTTP implements http.Handler.
func (n Native) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/hello":
		if allowed(w, r, http.MethodGet, http.MethodHead) {
			n.Hello(w, r)
		}
	case "/size":
		if allowed(w, r, http.MethodGet, http.MethodHead) {
			n.Size(w, r)
		}
	case "/upload":
		if allowed(w, r, http.MethodPost) {
			n.Upload(w, r)
		}
	default:
		http.Error(w, "not found", http.StatusNotFound)
	}
}

// allowed answers requests of other methods than those.
func allowed(w http.ResponseWriter, r *http.Request, methods ...string) bool {
	if slices.Contains(methods, r.Method) {
		return true
	}
	w.Header().Set("Allow", strings.Join(methods, ", "))
	http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
	return false
}

// Hello is the app hello.
func (n Native) Hello(w http.ResponseWriter, r *http.Request) { n.reply(w, r, suite.Hello()) }

// Size is the app size.
func (n Native) Size(w http.ResponseWriter, r *http.Request) {
	body, err := suite.Size(r.URL.RawQuery)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	n.reply(w, r, body)
}

// Upload is the app upload.
func (n Native) Upload(w http.ResponseWriter, r *http.Request) {
	body, err := suite.Upload(r.URL.RawQuery, r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	n.reply(w, r, body)
}

func (n Native) reply(w http.ResponseWriter, r *http.Request, body []byte) {
	w.Header().Set("Content-Type", apps.ContentTypeText)
	if n.Sized || len(body) > countedByEngine {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	if r.Method != http.MethodHead || !n.Sized { // net/http counts, and leaves out, the body of a HEAD
		_, _ = w.Write(body) // fails if the client has gone
	}
}
