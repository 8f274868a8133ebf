package apps

import (
	"context"
	"errors"
	"strings"
)

// Route is one path of a Mux.
type Route struct {
	Path    string   // exact, for example "/hello"
	Methods []string // allowed; GET implies HEAD. None: any, as the app checks them
	App     App
}

// Mux is an App that hands each request to the App at its exact path. It answers
// 404 for unknown paths and 405 with Allow for methods a route does not take
// (RFC 9110 section 15.5.6). It adds no allocation to a request, and is for few routes.
type Mux struct {
	routes [][]*route // by the length of their path: to compare a few costs less than a hash
	paths  []string
	apps   []App
}

type route struct {
	path  string
	app   App
	allow string
	ok    []string
}

var (
	notFound         = []byte("not found\n")
	methodNotAllowed = []byte("method not allowed\n")
)

// NewMux makes a Mux of routes. It panics if two routes have the same path.
func NewMux(routes ...Route) *Mux {
	m := new(Mux)
	for _, r := range routes {
		if m.at(r.Path) != nil {
			panic("apps: two routes at " + r.Path)
		}
		for len(m.routes) <= len(r.Path) {
			m.routes = append(m.routes, nil)
		}
		one := newRoute(r.App, r.Methods)
		one.path = r.Path
		m.routes[len(r.Path)] = append(m.routes[len(r.Path)], one)
		m.paths, m.apps = append(m.paths, r.Path), append(m.apps, r.App)
	}
	return m
}

// Allow serves app to requests of some methods, where GET implies HEAD, and answers others as a Mux
// does. It starts and stops app.
func Allow(app App, methods ...string) App { return allowing{newRoute(app, methods)} }

// allowing is the app of Allow.
type allowing struct{ *route }

// Start implements Starter.
func (a allowing) Start(ctx context.Context) error {
	if s, ok := a.app.(Starter); ok {
		return s.Start(ctx)
	}
	return nil
}

// Stop implements Stopper.
func (a allowing) Stop(ctx context.Context) error { return stop(ctx, []App{a.app}) }

func newRoute(app App, methods []string) *route {
	ok := withHead(methods)
	return &route{app: app, ok: ok, allow: strings.Join(ok, ", ")}
}

func withHead(methods []string) []string {
	var out []string
	for _, m := range methods {
		out = append(out, m)
		if m == "GET" {
			out = append(out, "HEAD")
		}
	}
	return out
}

// Serve answers with the App at the request's path.
func (m *Mux) Serve(req Request, res Response) error {
	r := m.at(req.Path())
	if r == nil {
		res.SetHeader("Content-Type", ContentTypeText)
		return res.Reply(404, notFound)
	}
	return r.Serve(req, res)
}

// Serve answers with the app if the method is allowed.
func (r *route) Serve(req Request, res Response) error {
	if len(r.ok) == 0 {
		return r.app.Serve(req, res)
	}
	method := req.Method()
	for _, ok := range r.ok {
		if ok == method {
			return r.app.Serve(req, res)
		}
	}
	res.SetHeader("Allow", r.allow)
	res.SetHeader("Content-Type", ContentTypeText)
	return res.Reply(405, methodNotAllowed)
}

// at is the route at a path, nil if there is none.
func (m *Mux) at(path string) *route {
	if len(path) >= len(m.routes) {
		return nil
	}
	for _, r := range m.routes[len(path)] {
		if r.path == path {
			return r
		}
	}
	return nil
}

// Paths implements Router.
func (m *Mux) Paths() []string { return m.paths }

// Start starts every App that is a Starter, in order. If one fails, those that
// were started are stopped again.
func (m *Mux) Start(ctx context.Context) error {
	for i, a := range m.apps {
		s, ok := a.(Starter)
		if !ok {
			continue
		}
		if err := s.Start(ctx); err != nil {
			return errors.Join(err, stop(ctx, m.apps[:i]))
		}
	}
	return nil
}

// Stop stops every App that is a Stopper, last first.
func (m *Mux) Stop(ctx context.Context) error { return stop(ctx, m.apps) }

func stop(ctx context.Context, apps []App) error {
	var errs []error
	for i := len(apps) - 1; i >= 0; i-- {
		if s, ok := apps[i].(Stopper); ok {
			errs = append(errs, s.Stop(ctx))
		}
	}
	return errors.Join(errs...)
}
