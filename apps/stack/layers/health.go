package layers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/stack"
)

// Health answers at a path whether the server is fit for requests: 200 and "ok", or 503 and the
// reason. It is not fit before the stack has started, while it stops, while DownFile is there, and when a
// check fails. It stops when the context that Start got ends, as that of a process that was told to stop
// does, or at Stop; requests on connections that are still open are told.
//
// It asks in the request, so that checks have to be quick; what they find is not kept. Names of checks that
// failed are told to clients, their errors only to the log.
type Health struct {
	Path     string        `stack:"path" default:"/healthz" doc:"path that tells the health"`
	DownFile string        `stack:"down-file" doc:"file that makes the server unfit while it is there, before it is stopped"`
	Timeout  time.Duration `stack:"timeout" default:"5s" min:"1ms" max:"10m" doc:"how long all checks may take; their context ends then"`

	// Checks are the checks by their names.
	Checks map[string]func(context.Context) error
}

// About implements stack.Layer.
func (Health) About() stack.About {
	return stack.About{Name: "health", Doc: "tells at a path whether the server is fit for requests: 200 or 503"}
}

// Check implements stack.Checker.
func (l Health) Check() error {
	for name, check := range l.Checks {
		if check == nil {
			return fmt.Errorf("check %q is nil", name)
		}
	}
	return checkPath(l.Path)
}

func checkPath(path string) error {
	if !strings.HasPrefix(path, "/") || strings.ContainsAny(path, "?#") {
		return fmt.Errorf("path: %q is no path, as \"/healthz\"", path)
	}
	return nil
}

// Wrap implements stack.Layer.
func (l Health) Wrap(next apps.App) (apps.App, error) {
	l.Checks = maps.Clone(l.Checks)
	return &healthy{Health: l, next: next, names: slices.Sorted(maps.Keys(l.Checks))}, nil
}

// healthy is the app of Health.
type healthy struct {
	Health
	next  apps.App
	names []string
	life  atomic.Pointer[context.Context] // nil while it is not started
}

// Start implements apps.Starter.
func (w *healthy) Start(ctx context.Context) error {
	w.life.Store(&ctx)
	return nil
}

// Stop implements apps.Stopper.
func (w *healthy) Stop(context.Context) error {
	over, end := context.WithCancel(context.Background())
	end()
	w.life.Store(&over)
	return nil
}

// Serve implements apps.App.
func (w *healthy) Serve(req apps.Request, res apps.Response) error {
	if req.Path() != w.Path {
		return w.next.Serve(req, res)
	}
	if !isGet(req, res) {
		return stack.Plain(res, 405, "method not allowed\n")
	}
	res.SetHeader("Cache-Control", "no-store")
	if unfit := w.unfit(req.Context()); unfit != "" {
		return stack.Plain(res, 503, unfit+"\n")
	}
	return stack.Plain(res, 200, "ok\n")
}

// isGet tells whether the method is GET or HEAD. If not, the reply tells that these are allowed.
func isGet(req apps.Request, res apps.Response) bool {
	if m := req.Method(); m == "GET" || m == "HEAD" {
		return true
	}
	res.SetHeader("Allow", "GET, HEAD")
	return false
}

// unfit is why the server is not fit, "" if it is.
func (w *healthy) unfit(ctx context.Context) string {
	life := w.life.Load()
	switch {
	case life == nil:
		return "starting"
	case (*life).Err() != nil:
		return "stopping"
	case w.DownFile != "" && isThere(w.DownFile):
		return "down"
	}
	ctx, cancel := context.WithTimeout(ctx, w.Timeout)
	defer cancel()
	var failed []string
	for _, name := range w.names {
		if err := w.Checks[name](ctx); err != nil {
			slog.WarnContext(ctx, "health: a check failed", "check", name, "err", err)
			failed = append(failed, name)
		}
	}
	if failed != nil {
		return "failed: " + strings.Join(failed, ", ")
	}
	return ""
}

// isThere tells whether a file is there. One that can't be looked at may be.
func isThere(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, os.ErrNotExist)
}
