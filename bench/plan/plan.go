// Package plan turns what was asked into what is measured when: launches, rounds
// and the order of candidates in each round. It is pure: the same request and
// seed give the same plan.
package plan

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/benchctl/benchctl/apps/stacked"
	"github.com/benchctl/benchctl/internal/misuse"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/scenarios"
	"github.com/benchctl/benchctl/scenarios/slo"
	"github.com/benchctl/benchctl/servers"
)

// Defaults of a run.
const (
	DefaultLaunches = 6
	DefaultRounds   = 16
	SearchRounds    = 24 // of the search of a rate, which takes about ten to come near
)

// Request is what was asked for. Zero Launches, Rounds and Slice take the
// defaults.
type Request struct {
	Scenarios  []scenarios.Scenario
	Apps       []stacked.App // instead of the scenarios' own, if not empty
	Candidates []servers.Candidate
	// Made are the names of the candidates that the key layers of scenarios has made of others. They
	// are measured in the blocks of those scenarios alone.
	Made     []string
	Launches int
	Rounds   int
	Slice    time.Duration
	Budget   time.Duration // of the whole run; 0: none
	Pass     time.Duration // of uninterrupted load; 0: by what is seen
	NoPass   bool          // there is none
	Seed     uint64
	// NoStacks is why servers that could serve stacks can't here, by their names.
	NoStacks map[string]error
	NoInit   error // why no candidate can be process 1 of a pid namespace; nil: it can
	// SLO asks for the highest rate that meets it in place of the scenarios' rates;
	// nil: it is not searched.
	SLO *slo.Objective
}

// Bound is how long a run may take, for each block, of which nobody said how long it is to
// take or how much is to be measured: ten minutes with what its report takes. A run of all
// servers would take half an hour, and its answer should come while one waits. One that has
// its usual rounds sooner ends then.
const Bound = 9*time.Minute + 50*time.Second

// bounded tells whether the request says how long the run is to take, or how much is to be
// measured.
func (r Request) bounded() bool {
	return r.Budget > 0 || r.Launches > 0 || r.Rounds > 0 || r.Slice > 0 || r.Pass > 0
}

// watching is the plan of loads that are watched around events: a repetition in each launch.
func (r Request) watching(m results.Manifest) (results.Manifest, error) {
	for option, given := range map[string]bool{"slice": r.Slice > 0, "pass": r.Pass > 0, "find-slo": r.SLO != nil} {
		if given {
			return m, misuse.Of(fmt.Errorf("plan: --%s is of slices, and %s watches each request", option, m.Blocks[0].Scenario))
		}
	}
	m.Launches, m.Rounds = cmp.Or(m.Launches, DefaultLaunches), cmp.Or(m.Rounds, 1)
	return m, nil
}

// New makes the plan: the parts of a manifest that say what is measured.
func New(r Request) (results.Manifest, error) {
	m := results.Manifest{
		Seed: r.Seed, Launches: r.Launches, Rounds: r.Rounds, Slice: r.Slice, Budget: r.Budget,
	}
	for _, s := range r.Scenarios {
		if s.AsInit() && r.NoInit != nil {
			m.Notes = append(m.Notes, fmt.Sprintf("skipped %s: %v", s.Name, r.NoInit))
			continue
		}
		blocks, notes, err := r.blocks(s)
		if err != nil {
			return m, err
		}
		m.Blocks, m.Notes = append(m.Blocks, blocks...), append(m.Notes, notes...)
	}
	if len(m.Blocks) == 0 {
		return m, errors.New("plan: nothing to measure: no scenario can be measured here")
	}
	for _, c := range r.Candidates {
		if carriesNone(m.Blocks, c.Name) {
			m.Notes = append(m.Notes, fmt.Sprintf("skipped %s: it carries none of the apps, speaks what the scenarios do not, or does not offer what they ask of it", c.Name))
			continue
		}
		m.Candidates = append(m.Candidates, results.Candidate{
			Name: c.Name, Server: c.Server.Name, Version: c.Version, Profile: c.Profile, Class: c.Server.Class, Layers: c.Layers, Base: base(c), Reference: c.Reference,
		})
	}
	if err := unmixed(m.Blocks); err != nil {
		return m, err
	}
	if len(m.Candidates) == 0 {
		return m, fmt.Errorf("plan: nothing to measure: %d scenarios, %d candidates that carry their apps", len(r.Scenarios), len(m.Candidates))
	}
	m.Notes, m.Terms = append(m.Notes, r.leftOut(m)...), r.terms(m)
	if m.Blocks[0].Load.Watched() {
		return r.watching(m)
	}
	if !r.bounded() {
		m.Budget, m.Usual = Bound*time.Duration(len(m.Blocks)), true
	}
	budget := m.Budget // that is left for slices
	if !r.NoPass {
		budget -= sharedByPasses(m, budget)
	}
	if m.Launches == 0 {
		m.Launches = launches(m, budget)
	}
	if m.Pass = r.Pass; !r.NoPass {
		m.Passes = passes(m)
	}
	if m.Rounds == 0 {
		m.Rounds, m.Fill = rounds(m, budget), m.Budget > 0
		if m.Usual {
			m.Rounds = min(m.Rounds, usual(m))
		}
	}
	return m, nil
}

// base is the name of what a candidate is compared with: itself without layers, or the engine of a
// framework.
func base(c servers.Candidate) string {
	if c.Layers != "" {
		return c.Bare()
	}
	return c.Server.Base
}

// passes is how many launches begin with passes.
func passes(m results.Manifest) int {
	if Short(m) && isLarge(m) {
		return 1
	}
	return min(Passes, m.Launches)
}
