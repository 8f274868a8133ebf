package stack

import (
	"fmt"
	"strconv"

	"github.com/benchctl/benchctl/internal/nearest"
)

// Catalog is what config files can name: a value of each type of Layer, Source and Proxy, with no
// field set, by the name of its About.
type Catalog struct {
	Layers  []Layer
	Sources []Source
	Proxies []Proxy
}

// Layer is the one of a name. The error names the nearest.
func (c Catalog) Layer(name string) (Layer, error) {
	return named("layer", name, c.Layers, func(l Layer) string { return l.About().Name })
}

// Source is the one of a name. The error names the nearest.
func (c Catalog) Source(name string) (Source, error) {
	return named("app", name, c.Sources, func(s Source) string { return s.About().Name })
}

// Proxy is the one of a name. The error names the nearest.
func (c Catalog) Proxy(name string) (Proxy, error) {
	return named("front", name, c.Proxies, func(p Proxy) string { return p.About().Name })
}

func named[T any](what, name string, all []T, nameOf func(T) string) (T, error) {
	var names []string
	for _, one := range all {
		if nameOf(one) == name {
			return one, nil
		}
		names = append(names, nameOf(one))
	}
	var none T
	return none, fmt.Errorf("unknown %s %s%s", what, strconv.Quote(name), nearest.Hint(name, names))
}
