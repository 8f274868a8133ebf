package stacked

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/stack"
	"github.com/benchctl/benchctl/apps/suite"
)

// Mount is the whole suite, each app at its name, and beside it the stacks of all apps that have one.
func Mount(all []App) (apps.App, error) {
	routes, err := routesOf(all)
	if err != nil {
		return nil, err
	}
	return suite.Mux(routes...), nil
}

// Around is an app with layers around it, by their names; "" are none.
func Around(layers string, app apps.App) (apps.App, error) {
	if layers == "" {
		return app, nil
	}
	l, err := ParseLayers(layers)
	if err != nil {
		return nil, err
	}
	return l.around(app)
}

// Only is one app alone, at the same path as Mount has it.
func Only(a App) (apps.App, error) {
	routes, err := routesOf([]App{a})
	if err != nil || len(routes) > 0 {
		return apps.NewMux(routes...), err
	}
	w, err := a.whole()
	if err != nil {
		return nil, err
	}
	return suite.Only(w.inner), nil
}

// routesOf are the routes to the stacks of apps. A stack is built once, whatever is asked of it.
func routesOf(all []App) (routes []apps.Route, err error) {
	built, routed := map[string]apps.App{}, map[string]bool{}
	for _, a := range all {
		w, err := a.whole()
		if err != nil {
			return nil, err
		}
		if w.node == nil || routed[w.path()] { // as of apps that differ in parameters alone
			continue
		}
		m := mounted{built[w.root], w.at, built[w.root] == nil}
		if m.first {
			if m.stack, err = stack.Build(w.node); err != nil {
				return nil, err
			}
			built[w.root] = m.stack
		}
		routed[w.path()] = true
		routes = append(routes, apps.Route{Path: w.path(), App: m})
	}
	return routes, nil
}

// mounted serves a stack to requests for a path. Those of a stack of layers around an app, which knows no
// paths, go on as they are, and others cost an allocation.
type mounted struct {
	stack apps.App
	at    string // of the request as the stack sees it; "": as it is
	first bool   // it starts and stops the stack
}

// Serve implements apps.App.
func (m mounted) Serve(req apps.Request, res apps.Response) error {
	if m.at != "" {
		req = stack.WithPath(req, m.at)
	}
	return m.stack.Serve(req, res)
}

// Start implements apps.Starter.
func (m mounted) Start(ctx context.Context) error {
	if s, ok := m.stack.(apps.Starter); ok && m.first {
		return s.Start(ctx)
	}
	return nil
}

// Stop implements apps.Stopper.
func (m mounted) Stop(ctx context.Context) error {
	if s, ok := m.stack.(apps.Stopper); ok && m.first {
		return s.Stop(ctx)
	}
	return nil
}

// WriteFile writes apps for ReadFile.
func WriteFile(path string, all []App) error {
	text, err := json.Marshal(all)
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o644) // for servers that run as other users
}

// ReadFile reads the apps of a file that WriteFile wrote.
func ReadFile(path string) (all []App, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return all, nil
}
