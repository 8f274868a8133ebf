package layers

import (
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/stack"
)

// Recover makes a panic of what it wraps an error, after it logged it with its stack: a panic of Serve is
// a request that failed, so that layers outside see an error, and one of a stream is a stream that
// failed, so that it is cut (S9). A panic of a goroutine that an app started ends the process, since no one can
// recover it elsewhere.
type Recover struct {
	// Log gets the panics, at level error. Nil is slog.Default at the time.
	Log *slog.Logger
}

// About implements stack.Layer.
func (Recover) About() stack.About {
	return stack.About{Name: "recover", Doc: "makes a panic an error, and logs it with its stack"}
}

// Wrap implements stack.Layer.
func (l Recover) Wrap(next apps.App) (apps.App, error) {
	w := &recovering{log: l.Log}
	w.editor = stack.Editor{Next: next, Files: true, Edit: w.edit}
	return w, nil
}

// recovering is the app of Recover.
type recovering struct {
	log    *slog.Logger
	editor stack.Editor
}

// Serve implements apps.App.
func (w *recovering) Serve(req apps.Request, res apps.Response) (err error) {
	defer w.catch(req, "serve", &err)
	return w.editor.Serve(req, res)
}

// catch makes a panic the error. It is to be deferred itself.
func (w *recovering) catch(req apps.Request, where string, err *error) {
	p := recover()
	if p == nil {
		return
	}
	var ok bool
	if *err, ok = p.(error); ok {
		*err = fmt.Errorf("panic: %w", *err)
	} else {
		*err = fmt.Errorf("panic: %v", p)
	}
	log := w.log
	if log == nil {
		log = slog.Default()
	}
	log.ErrorContext(req.Context(), (*err).Error(), "in", where, "method", req.Method(), "path", req.Path(), "stack", string(debug.Stack()))
}

func (w *recovering) edit(req apps.Request, _ apps.Response, a *stack.Answer) error {
	if a.Body != nil {
		a.Body = &recoveredBody{a.Body, w, req}
	}
	return nil
}

// recoveredBody is a stream that fails where it would panic.
type recoveredBody struct {
	body apps.Body
	home *recovering
	req  apps.Request
}

// Next implements apps.Body.
func (b *recoveredBody) Next() (block []byte, err error) {
	defer b.home.catch(b.req, "next", &err)
	return b.body.Next()
}

// Close implements apps.Body.
func (b *recoveredBody) Close() (err error) {
	defer b.home.catch(b.req, "close", &err)
	return b.body.Close()
}
