package scenarios

import (
	"maps"
	"slices"

	"github.com/benchctl/benchctl/apps/stacked"
	"github.com/benchctl/benchctl/internal/strict"
)

func parse(file string, data []byte) (Scenario, error) {
	s := Scenario{Load: Load{Engine: Raw}, Apps: []string{"hello"}}
	doc, err := strict.Parse(file, data)
	if err != nil {
		return s, err
	}
	g := make(given)
	fields := s.Load.fields(g)
	maps.Copy(fields, s.own(g))
	if err := doc.Fields(fields, "name", "connections"); err != nil {
		return s, err
	}
	if n := g[rankBy]; n.Line() > 0 && (s.SLO != nil || s.Watched()) {
		return s, n.Errorf("a search is ranked by its rate, and events and race by what is lost")
	}
	return s, g.agree(s.Load)
}

// rankBy is the key of what rows are ranked by.
const rankBy = "rank-by"

// own binds the keys of the scenario that are not of its load.
func (s *Scenario) own(g given) strict.Fields {
	return strict.Fields{
		"name": strict.Name(&s.Name), "doc": strict.Line(&s.Doc), "group": strict.Name(&s.Group),
		"apps": instances(&s.Apps), "profiles": profiles(&s.Profiles), "layers": around(&s.Layers),
		rankBy: func(n strict.Node) error {
			g[rankBy] = n
			return strict.OneOf(&s.RankBy, ByThroughput, ByServerCPU)(n)
		},
	}
}

// profiles takes a list of profiles' names.
func profiles(list *[]string) func(strict.Node) error {
	return func(n strict.Node) error {
		err := n.Items(func(item strict.Node) error {
			var name string
			if err := strict.Name(&name)(item); err != nil {
				return err
			}
			if slices.Contains(*list, name) {
				return item.Errorf("profile %s is listed twice", name)
			}
			*list = append(*list, name)
			return nil
		})
		if err == nil && len(*list) < 2 {
			err = n.Errorf("at least two profiles are needed, to be compared")
		}
		return err
	}
}

// instances takes a list of apps with their parameters, and with layers around them.
func instances(list *[]string) func(strict.Node) error {
	return spelled("app", list, func(text string) (string, error) {
		app, err := stacked.Parse(text)
		return app.Name, err
	})
}

// around takes a list of layers, each of which may be several.
func around(list *[]string) func(strict.Node) error {
	return spelled("layer", list, func(text string) (string, error) {
		l, err := stacked.ParseLayers(text)
		return l.String(), err
	})
}

// spelled takes a list of one text at least, none twice. Read gives the one spelling of a text.
func spelled(what string, list *[]string, read func(string) (string, error)) func(strict.Node) error {
	return func(n strict.Node) error {
		*list = nil
		err := n.Items(func(item strict.Node) error {
			text, err := item.Text()
			if err != nil {
				return err
			}
			one, err := read(text)
			if err != nil {
				return item.Errorf("%w", err)
			}
			if slices.Contains(*list, one) {
				return item.Errorf("%s %s is listed twice", what, one)
			}
			*list = append(*list, one)
			return nil
		})
		if err == nil && len(*list) == 0 {
			err = n.Errorf("at least one %s is needed", what)
		}
		return err
	}
}
