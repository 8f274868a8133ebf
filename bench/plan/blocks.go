package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/benchctl/benchctl/apps/stacked"
	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/internal/misuse"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/scenarios"
	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/control"
)

// unmixed refuses slices and events in one run: a load that is watched takes as many
// repetitions as there are launches, with a process of its own each, and slices take many
// rounds in each.
func unmixed(blocks []results.Block) error {
	for _, b := range blocks {
		if b.Load.Watched() != blocks[0].Load.Watched() {
			return &misuse.Error{
				Err:    fmt.Errorf("plan: %s and %s can't be of one run: one compares in slices, the other watches each request", blocks[0].Scenario, b.Scenario),
				Remedy: "run them one after the other",
			}
		}
	}
	return nil
}

// carriesNone tells whether a candidate carries the app of no block.
func carriesNone(blocks []results.Block, name string) bool {
	return !slices.ContainsFunc(blocks, func(b results.Block) bool { return !slices.Contains(b.Without, name) })
}

// without is the candidates that do not carry an app, one of a mix, or layers around it, that speak
// what the scenario's engine does not, or that are not of the scenario.
func (r Request) without(s scenarios.Scenario, asked stacked.App, app suite.Instance) []string {
	var names []string
	for _, c := range r.Candidates {
		switch {
		case !r.of(s, c),
			r.lacks(c, asked) != nil,
			c.Server.Protocol != "" && s.Engine != scenarios.Vegeta,
			slices.ContainsFunc(app.Parts(), func(p suite.Part) bool { return !c.Carries(p.Spec.Name) }),
			s.Streams > 0 && !c.Carries(heldOpen),
			NotOffered(c, s.Load) != "":
			names = append(names, c.Name)
		}
	}
	return names
}

// heldOpen is the app of a load's streams, which candidates have to carry beside that of the scenario.
var heldOpen, _, _ = strings.Cut(scenarios.Held, "?")

// NotOffered is what a load asks of a candidate that it does not declare: a verb, or a change
// of what it reads; "" if it declares all.
func NotOffered(c servers.Candidate, offer scenarios.Load) string {
	for _, e := range offer.Events {
		offered := c.Offers(control.Verb(e.Do))
		switch {
		case e.IsFault():
			continue
		case e.IsChange():
			offered = c.Breaks()
		}
		if !offered {
			return e.Do
		}
	}
	return ""
}

// blocks pairs a scenario with its apps, or with those asked for instead.
func (r Request) blocks(s scenarios.Scenario) (blocks []results.Block, notes []string, err error) {
	apps := r.Apps
	if len(apps) == 0 {
		for _, name := range s.Apps {
			apps = append(apps, stacked.App{Name: name})
		}
	}
	offer := s.Load
	if r.SLO != nil && !offer.Watched() {
		offer = offer.Search(*r.SLO)
	}
	for _, asked := range apps {
		app, err := asked.Instance()
		if err != nil {
			return nil, nil, err
		}
		if err := asked.Check(); err != nil && (asked.Stacked() || !offer.Watched()) {
			return nil, nil, err
		}
		b := results.NewBlock(s.Name, asked)
		b.App, b.Load, b.Without = app.String(), offer, r.without(s, asked, app)
		b.Work, b.Spread, b.Wait, b.RankBy = app.Work(), spread(app), wait(app), s.RankBy
		more, err := r.layered(&b)
		if err != nil {
			return nil, nil, err
		}
		blocks, notes = append(blocks, b), append(notes, more...)
	}
	return blocks, notes, nil
}

// spread is the time that the body of a reply takes at least; 0 for a mix.
func spread(app suite.Instance) time.Duration {
	if parts := app.Parts(); len(parts) == 1 {
		return parts[0].Exchange().Spread
	}
	return 0
}

// wait is the time that a reply takes at least, the longest of a mix.
func wait(app suite.Instance) (longest time.Duration) {
	if app.Loadable() != nil {
		return 0
	}
	for _, p := range app.Parts() {
		longest = max(longest, p.Exchange().AtLeast)
	}
	return longest
}
