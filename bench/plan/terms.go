package plan

import (
	"slices"
	"strings"

	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/results"
)

// terms explain the names that a plan has, each once, in the order in which they come.
func (r Request) terms(m results.Manifest) (all []results.Term) {
	add := func(t results.Term) {
		if t.Doc != "" && !slices.ContainsFunc(all, func(o results.Term) bool { return o.Of == t.Of && o.Name == t.Name }) {
			all = append(all, t)
		}
	}
	for _, s := range r.Scenarios {
		if slices.ContainsFunc(m.Blocks, func(b results.Block) bool { return b.Scenario == s.Name }) {
			add(results.Term{Of: results.TermScenario, Name: s.Name, Doc: s.Doc})
		}
	}
	for _, b := range m.Blocks {
		name, _, _ := strings.Cut(b.App, "?")
		for _, spec := range suite.All() {
			if spec.Name == name {
				add(results.Term{Of: results.TermApp, Name: name, Doc: spec.Doc})
			}
		}
	}
	for _, c := range r.Candidates {
		if slices.ContainsFunc(m.Candidates, func(o results.Candidate) bool { return o.Name == c.Name }) {
			add(results.Term{Of: results.TermServer, Name: c.Server.Name, Doc: c.Server.Doc, Home: c.Server.Home, Source: c.Server.Source()})
			add(results.Term{Of: results.TermProfile, Name: c.Server.Name + ":" + c.Profile, Doc: c.Server.ProfileDoc(c.Profile)})
		}
	}
	return all
}
