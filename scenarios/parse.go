package scenarios

import (
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
	fields["name"], fields["doc"], fields["apps"] = strict.Name(&s.Name), strict.Line(&s.Doc), instances(&s.Apps)
	fields["group"] = strict.Name(&s.Group)
	if err := doc.Fields(fields, "name", "connections"); err != nil {
		return s, err
	}
	return s, g.agree(s.Load)
}

// instances takes a list of apps with their parameters, and with layers around them.
func instances(list *[]string) func(strict.Node) error {
	return func(n strict.Node) error {
		*list = nil
		err := n.Items(func(item strict.Node) error {
			text, err := item.Text()
			if err != nil {
				return err
			}
			app, err := stacked.Parse(text)
			if err != nil {
				return item.Errorf("%w", err)
			}
			if slices.Contains(*list, app.Name) {
				return item.Errorf("app %s is listed twice", app.Name)
			}
			*list = append(*list, app.Name)
			return nil
		})
		if err == nil && len(*list) == 0 {
			err = n.Errorf("at least one app is needed")
		}
		return err
	}
}
