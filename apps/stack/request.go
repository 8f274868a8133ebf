package stack

import (
	"context"
	"io"

	"github.com/benchctl/benchctl/apps"
)

// WithPath is req with another path, for an app that is mounted below one. It allocates once.
func WithPath(req apps.Request, path string) apps.Request { return &pathed{req, path} }

type pathed struct {
	apps.Request
	path string
}

func (r *pathed) Path() string { return r.path }

// WithValue is req with a value in its context, by which layers give state to what they wrap. Key
// is of a type of the layer's own. It allocates twice.
func WithValue(req apps.Request, key, value any) apps.Request {
	return WithContext(req, context.WithValue(req.Context(), key, value))
}

// WithContext is req with another context. It allocates once.
func WithContext(req apps.Request, ctx context.Context) apps.Request {
	return &contexted{req, ctx}
}

type contexted struct {
	apps.Request
	ctx context.Context //nolint:containedctx // a request carries its context
}

func (r *contexted) Context() context.Context { return r.ctx }

// bodyWatch is a request that knows whether its body was asked for.
type bodyWatch struct {
	apps.Request
	read bool
}

func (r *bodyWatch) Body() io.Reader {
	r.read = r.read || r.ContentLength() != 0
	return r.Request.Body()
}

// NotFound answers with 404.
func NotFound(res apps.Response) error { return Plain(res, 404, "not found\n") }

// Plain answers with a line of plain text.
func Plain(res apps.Response, status int, text string) error {
	res.SetHeader("Content-Type", apps.ContentTypeText)
	return res.Reply(status, []byte(text))
}
