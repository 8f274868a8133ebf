package layers

import (
	"errors"
	"io"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/stack"
)

// BodyLimit answers requests whose body is too long with 413 (RFC 9110 section 15.5.14): those that
// tell their length at once, without the app. A chunked body is cut: the app's reads fail with
// ErrBodyTooLarge, and the request is answered with 413 if the app has not answered. An app that answers
// without the whole body, or reads it in its stream, has its answer stand.
type BodyLimit struct {
	Max stack.Size `stack:"max" default:"1MiB" min:"1" max:"1024GiB" doc:"how long the body of a request may be"`
}

// ErrBodyTooLarge is the error of reads beyond the limit of the layer body-limit.
var ErrBodyTooLarge = errors.New("request body too large")

// About implements stack.Layer.
func (BodyLimit) About() stack.About {
	return stack.About{Name: "body-limit", Doc: "answers requests whose body is too long with 413 (RFC 9110 section 15.5.14)"}
}

// Wrap implements stack.Layer.
func (l BodyLimit) Wrap(next apps.App) (apps.App, error) {
	return &limiting{max: int64(l.Max), next: next, chunked: withholding(next, nil)}, nil
}

// limiting is the app of BodyLimit.
type limiting struct {
	max     int64
	next    apps.App
	chunked stack.Editor // of next, for requests that are a limited
}

// Serve implements apps.App.
func (w *limiting) Serve(req apps.Request, res apps.Response) error {
	switch n := req.ContentLength(); {
	case n > w.max:
		return tooLarge(res)
	case n >= 0: // which the server keeps to (S3)
		return w.next.Serve(req, res)
	}
	r := &limited{withheld: withheld{Request: req}, left: w.max}
	err := w.chunked.Serve(r, res)
	if r.cut && !r.answered {
		return tooLarge(res)
	}
	return err
}

func tooLarge(res apps.Response) error { return stack.Plain(res, 413, "request body too large\n") }

// limited is a request with a chunked body, which it cuts. It is the reader of its body.
type limited struct {
	withheld
	left int64 // bytes that may come
	cut  bool
}

// Body implements apps.Request.
func (r *limited) Body() io.Reader { return r }

// Read implements io.Reader. Where nothing more may come it still reads, since the body may end there.
func (r *limited) Read(p []byte) (int, error) {
	switch {
	case r.cut:
		return 0, ErrBodyTooLarge
	case len(p) == 0:
		return 0, nil
	case int64(len(p)) > r.left:
		p = p[:r.left+1]
	}
	n, err := r.Request.Body().Read(p)
	if int64(n) > r.left {
		n, r.cut, err = int(r.left), true, ErrBodyTooLarge
	}
	r.left -= int64(n)
	return n, err
}
