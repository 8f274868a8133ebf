package servers

import (
	"context"
	"errors"
	"slices"

	"github.com/benchctl/benchctl/servers/control"
	"github.com/benchctl/benchctl/servers/external"
)

// Listed is a server as "benchctl list servers --json" shows it.
type Listed struct {
	Name      string   `json:"name"`
	Class     string   `json:"class"`
	Version   string   `json:"version,omitempty"`
	Profiles  []string `json:"profiles"` // "default" first
	Installed bool     `json:"installed"`
	Install   string   `json:"install,omitempty"` // how to, where it is not and that is known
	Doc       string   `json:"doc"`
	Home      string   `json:"home,omitempty"`
	Verbs     []Verb   `json:"verbs"` // that can be asked of it while it runs
	Offers    []Offer  `json:"offers"`
	Lacks     string   `json:"-"` // what is missing
}

// Offer is a facility that the default profile of a server offers, and what its vendor
// documents of it.
type Offer struct {
	Facility control.Facility `json:"facility"`
	Promise  string           `json:"promise,omitempty"` // in one sentence; absent where none is known
	Source   string           `json:"source,omitempty"`  // URL of the promise
}

// offers are those of the server in the order of control.Facilities, never nil.
func (s Server) offers() []Offer {
	all, of := []Offer{}, Candidate{Server: s, Profile: "default"}.Facilities()
	for _, name := range control.Facilities {
		if o, ok := of[name]; ok {
			all = append(all, Offer{name, o.Promise, o.Source})
		}
	}
	return all
}

// List tells which servers are installed, in which version. Those of a class are together,
// the classes in the order that they first come in.
func List(ctx context.Context, all []Server) ([]Listed, error) {
	var list []Listed
	for _, s := range byClass(all) {
		one := Listed{Name: s.Name, Class: s.Class, Profiles: s.Profiles(), Doc: s.Doc, Home: s.Home, Verbs: s.Verbs(), Offers: s.offers()}
		err := s.Check(ctx)
		var missing *external.NotInstalledError
		switch {
		case errors.As(err, &missing):
			one.Install, one.Lacks = missing.Hint(), missing.Error()
		case err != nil:
			return nil, err
		default:
			one.Installed = true
			if one.Version, err = s.Version(ctx); err != nil {
				return nil, err
			}
		}
		list = append(list, one)
	}
	return list, nil
}

func byClass(all []Server) []Server {
	first := func(class string) int {
		return slices.IndexFunc(all, func(s Server) bool { return s.Class == class })
	}
	return slices.SortedStableFunc(slices.Values(all), func(a, b Server) int { return first(a.Class) - first(b.Class) })
}
