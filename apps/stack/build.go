package stack

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/benchctl/benchctl/apps"
)

// Error is a fault of a stack at a place in it.
type Error struct {
	Place string // "" for the root
	Err   error
}

func (e *Error) Error() string {
	if e.Place == "" {
		return "stack: " + e.Err.Error()
	}
	return "stack: " + e.Place + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// Build makes the app of a stack, or tells all that is wrong with it: an error that joins
// an *Error for each fault. What it made does not change with n afterwards.
//
// The app implements apps.Starter and apps.Stopper. Start starts every part from the inside out;
// if one fails, those that were started are stopped again. Stop stops them from the outside in.
func Build(n Node) (apps.App, error) {
	b := &builder{}
	app := b.node(n, place{})
	if len(b.errs) > 0 {
		return nil, errors.Join(b.errs...)
	}
	if len(b.parts) == 0 {
		return app, nil
	}
	return &built{app, b.parts}, nil
}

// built is a stack with parts that start or stop.
type built struct {
	apps.App
	parts []apps.App // from the inside out
}

// Start implements apps.Starter.
func (s *built) Start(ctx context.Context) error {
	for i, p := range s.parts {
		starter, ok := p.(apps.Starter)
		if !ok {
			continue
		}
		if err := starter.Start(ctx); err != nil {
			return errors.Join(err, stop(context.WithoutCancel(ctx), s.parts[:i]))
		}
	}
	return nil
}

// Stop implements apps.Stopper.
func (s *built) Stop(ctx context.Context) error { return stop(ctx, s.parts) }

func stop(ctx context.Context, parts []apps.App) error {
	var errs []error
	for _, p := range slices.Backward(parts) {
		if s, ok := p.(apps.Stopper); ok {
			errs = append(errs, s.Stop(ctx))
		}
	}
	return errors.Join(errs...)
}

// builder collects what Build finds on its way from the root inwards.
type builder struct {
	provided []string // by the layers outside the place
	parts    []apps.App
	errs     []error
}

func (b *builder) fail(at place, format string, args ...any) apps.App {
	b.errs = append(b.errs, &Error{at.String(), fmt.Errorf(format, args...)})
	return nil
}

// node builds n; it is nil where that failed.
func (b *builder) node(n Node, at place) apps.App {
	if n == nil || reflect.ValueOf(n).Kind() == reflect.Pointer {
		return b.fail(at, "no app, but %T", n)
	}
	return n.build(b, at)
}

// made takes note of a part that was made.
func (b *builder) made(app apps.App, err error, at place) apps.App {
	if err == nil && app == nil {
		err = errors.New("made no app")
	}
	if err != nil {
		return b.fail(at, "%w", err)
	}
	switch app.(type) {
	case apps.Starter, apps.Stopper:
		b.parts = append(b.parts, app)
	}
	return app
}

// ready checks the requirements and the fields of a part, and completes its fields.
func (b *builder) ready(about About, part any, at place) (complete any, ok bool) {
	before := len(b.errs)
	for _, r := range about.Requires {
		if !slices.Contains(b.provided, r) {
			b.fail(at, "%s requires %q, which no layer outside it provides", about.Name, r)
		}
	}
	complete, errs := completed(part)
	for _, err := range errs {
		b.fail(at.field(err.name), "%w", err.err)
	}
	return complete, len(b.errs) == before
}

func (n App) build(b *builder, at place) apps.App {
	if n.Source == nil {
		return b.fail(at, "no app")
	}
	source, ok := b.ready(n.About(), n.Source, at)
	if !ok {
		return nil
	}
	app, err := source.(Source).Make()
	return b.made(app, err, at)
}

func (n Pipeline) build(b *builder, at place) apps.App {
	outside := b.provided
	defer func() { b.provided = outside }()
	layers, sound := make([]Layer, len(n.Layers)), true
	for i, l := range n.Layers {
		here := at.index("layers", i)
		if l == nil {
			b.fail(here, "no layer")
			sound = false
			continue
		}
		about := l.About()
		complete, ok := b.ready(about, l, here)
		if ok {
			layers[i] = complete.(Layer)
		}
		sound = sound && ok
		b.provided = append(slices.Clip(b.provided), about.Provides...)
	}
	app := b.node(n.Node, at.field("app"))
	if app == nil || !sound {
		return nil
	}
	for i, l := range slices.Backward(layers) {
		wrapped, err := l.Wrap(app)
		if app = b.made(wrapped, err, at.index("layers", i)); app == nil {
			return nil
		}
	}
	return app
}
