package adapter

import (
	"slices"
	"strings"

	"github.com/benchctl/benchctl/apps"
)

// Paths are what the router of a framework is to have routes at for app: the app's own paths
// where it tells them, or else every, a pattern for all. Whatever has no route there goes to
// the app by the framework's hook for unknown paths, so that the app is asked alike.
func Paths(app apps.App, every string) []string {
	r, ok := app.(apps.Router)
	if !ok || r.Paths() == nil || slices.ContainsFunc(r.Paths(), isPattern) {
		return []string{every}
	}
	return r.Paths()
}

// isPattern tells whether a router may take a path for a pattern.
func isPattern(path string) bool { return strings.ContainsAny(path, ":*{}?+") }
