package layers

import (
	"context"

	"github.com/benchctl/benchctl/apps"
)

// carrier is a request whose context has a *T, by which a layer gives state to what it wraps. It costs one
// allocation, and one more each time that somebody asks for the context.
type carrier[T any] struct {
	apps.Request
	state T
}

// Context implements apps.Request.
func (c *carrier[T]) Context() context.Context { return &carried[T]{c.Request.Context(), &c.state} }

// carried is a context with a *T.
type carried[T any] struct {
	context.Context //nolint:containedctx // it is one
	state           *T
}

// carriedKey is the key of a *T.
type carriedKey[T any] struct{}

// Value implements context.Context.
func (c *carried[T]) Value(key any) any {
	if key == (carriedKey[T]{}) {
		return c.state
	}
	return c.Context.Value(key)
}

// carriedBy is the *T of a context, nil if it has none.
func carriedBy[T any](ctx context.Context) *T {
	state, _ := ctx.Value(carriedKey[T]{}).(*T)
	return state
}
