package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/benchctl/benchctl/apps/stacked"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/scenarios"
	"github.com/benchctl/benchctl/servers"
)

// Layered are the candidates, each that carries layers followed by those that the key layers of the
// scenarios makes of it, and the names of the latter.
func Layered(all []scenarios.Scenario, candidates []servers.Candidate) (both []servers.Candidate, made []string, err error) {
	known := func(name string) bool {
		is := func(c servers.Candidate) bool { return c.Name == name }
		return slices.ContainsFunc(candidates, is) || slices.ContainsFunc(both, is)
	}
	for _, c := range candidates {
		both = append(both, c)
		if !c.Contract() || c.Layers != "" {
			continue
		}
		for _, s := range all {
			for _, layers := range s.Layers {
				with, err := c.With(layers)
				if err != nil {
					return nil, nil, err
				}
				if !known(with.Name) {
					both, made = append(both, with), append(made, with.Name)
				}
			}
		}
	}
	return both, made, nil
}

// of reports whether a candidate is measured in a scenario by its layers.
func (r Request) of(s scenarios.Scenario, c servers.Candidate) bool {
	made := slices.Contains(r.Made, c.Name)
	if len(s.Layers) == 0 {
		return !made
	}
	return c.Contract() && (!made || slices.Contains(s.Layers, c.Layers))
}

// layered has the requests of a block carry what the layers of its candidates act on, and takes out
// candidates whose replies a load can't judge, which is told.
func (r Request) layered(b *results.Block) (notes []string, err error) {
	in := slices.DeleteFunc(slices.Clone(r.Candidates), func(c servers.Candidate) bool {
		return c.Layers == "" || slices.Contains(b.Without, c.Name)
	})
	for _, c := range in {
		l, err := stacked.ParseLayers(c.Layers)
		if err != nil {
			return nil, err
		}
		for _, f := range l.Fields() {
			if !slices.Contains(b.Fields, f) {
				b.Fields = append(b.Fields, f)
			}
		}
	}
	checked := make(map[string]error)
	for _, c := range in {
		why, known := checked[c.Layers]
		if !known {
			why = b.Ask(c.Layers).Check()
			checked[c.Layers] = why
		}
		if why != nil {
			b.Without = append(b.Without, c.Name)
			notes = append(notes, fmt.Sprintf("%s: without %s: %v", b.Scenario, c.Name, why))
		}
	}
	return notes, nil
}

// leftOut tells which candidates of the run are not in a block, where that may surprise.
func (r Request) leftOut(m results.Manifest) (notes []string) {
	for _, b := range m.Blocks {
		var without, reasons []string
		bare := map[string][]string{} // of those without, those that carry no layers, by the reason
		for _, c := range r.Candidates {
			if !slices.Contains(b.Without, c.Name) || !slices.ContainsFunc(m.Candidates, func(o results.Candidate) bool { return o.Name == c.Name }) {
				continue
			}
			without = append(without, c.Name)
			if err := r.Bare(c, b); err != nil {
				reasons, bare[err.Error()] = append(reasons, err.Error()), append(bare[err.Error()], c.Name)
			}
		}
		if b.Load.Watched() && len(without) > 0 {
			notes = append(notes, fmt.Sprintf("%s: not offered, or its app not carried, by %s", b.Scenario, strings.Join(without, ", ")))
			continue
		}
		slices.Sort(reasons)
		for _, why := range slices.Compact(reasons) {
			notes = append(notes, fmt.Sprintf("%s, %s: without %s: %s", b.Scenario, b.App, strings.Join(bare[why], ", "), why))
		}
	}
	return notes
}

// Layers reports whether a scenario compares layers, which servers in Go alone carry.
func (r Request) Layers(scenario string) bool {
	return slices.ContainsFunc(r.Scenarios, func(s scenarios.Scenario) bool { return s.Name == scenario && len(s.Layers) > 0 })
}

// Bare is why a candidate does not carry the layers of a block; nil if it does, or if the block has none.
func (r Request) Bare(c servers.Candidate, b results.Block) error {
	if r.Layers(b.Scenario) && !c.Contract() {
		return servers.ErrNoLayers
	}
	return r.lacks(c, b.Ask(""))
}

// lacks is why a candidate can't serve the stack of an app; nil if it can, or if the app has none.
func (r Request) lacks(c servers.Candidate, asked stacked.App) error {
	if !asked.Stacked() {
		return nil
	}
	return cmp.Or(c.CheckStack(asked), r.NoStacks[c.Server.Name])
}
