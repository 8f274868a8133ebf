package stacked

import (
	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/suite"
)

// Mount is the whole suite, each app at its name, and those of all that have layers around them.
func Mount(all []App) (apps.App, error) {
	var routes []apps.Route
	mounted := map[string]bool{} // apps that differ in parameters alone are one
	for _, a := range all {
		w, err := a.whole()
		if err != nil {
			return nil, err
		}
		if w.path != "" && !mounted[w.path] {
			mounted[w.path] = true
			routes = append(routes, apps.Route{Path: w.path, App: w.app})
		}
	}
	return suite.Mux(routes...), nil
}

// Only is one app alone, at the same path as Mount has it.
func Only(a App) (apps.App, error) {
	w, err := a.whole()
	switch {
	case err != nil:
		return nil, err
	case w.path == "":
		return suite.Only(w.inner), nil
	}
	return apps.NewMux(apps.Route{Path: w.path, App: w.app}), nil
}
