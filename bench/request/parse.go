package request

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/benchctl/benchctl/apps/stacked"
	"github.com/benchctl/benchctl/bench/plan"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/scenarios"
	"github.com/benchctl/benchctl/scenarios/slo"
	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/control"
)

// parsed is what a request says of a plan, but for its candidates.
type parsed struct {
	plan.Request
	dirs      []string // absolute
	binaries  map[string]string
	precision float64 // a share; 0: none
	notes     []string
}

// parse reads all that needs nothing of this machine but files.
func (r Run) parse() (parsed, error) {
	p := parsed{Request: plan.Request{
		Launches: r.Launches, Rounds: r.Rounds, Slice: r.Slice, Budget: r.Budget, NoPass: r.Pass == NoPass, Seed: r.Seed,
	}}
	if p.Seed == 0 {
		p.Seed = uint64(rand.Uint32())
	}
	for _, part := range []func(*parsed) error{r.check, r.readScenarios, r.readApps, r.readPaths, r.readPass, r.readPrecision} {
		if err := part(&p); err != nil {
			return p, err
		}
	}
	return p, nil
}

// check refuses numbers that mean nothing.
func (r Run) check(*parsed) error {
	switch {
	case len(r.Scenarios) == 0 && len(r.ScenarioFiles) == 0:
		return errors.New("run: no scenario: name one with --scenario, see benchctl list scenarios")
	case r.Launches < 0:
		return fmt.Errorf("run: --launches %d: less than 1", r.Launches)
	case r.Rounds < 0:
		return fmt.Errorf("run: --rounds %d: less than 1", r.Rounds)
	case r.Slice < 0 || r.Slice > 0 && r.Slice < time.Millisecond || r.Slice > time.Hour:
		return fmt.Errorf("run: --slice %v: not within 1ms and 1h", r.Slice)
	case r.Budget < 0:
		return fmt.Errorf("run: --budget %v: negative", r.Budget)
	}
	if err := control.CheckEnv(r.Env); err != nil {
		return fmt.Errorf("run: --env: %w", err)
	}
	return nil
}

// readScenarios finds those named; without names, those of the files.
func (r Run) readScenarios(p *parsed) error {
	all, err := scenarios.Builtin()
	if err != nil {
		return err
	}
	names := r.Scenarios
	for _, file := range r.ScenarioFiles {
		s, err := scenarios.ReadFile(file)
		if err != nil {
			return err
		}
		all = scenarios.With(all, s)
		if len(r.Scenarios) == 0 {
			names = append(names, s.Name)
		}
	}
	p.Scenarios, err = scenarios.Find(all, names)
	return err
}

func (r Run) readApps(p *parsed) error {
	for _, name := range r.Apps {
		if stacked.IsFile(name) {
			if err := p.readStack(name); err != nil {
				return err
			}
			continue
		}
		app, err := stacked.Parse(name)
		if err != nil {
			return err
		}
		p.Apps = append(p.Apps, app)
	}
	_, err := stacked.FrontOf(p.Apps)
	return err
}

// readStack takes the apps of a stack of a file.
func (p *parsed) readStack(name string) error {
	all, warnings, err := stacked.Read(name)
	if err != nil {
		return err
	}
	for _, w := range warnings {
		p.notes = append(p.notes, "warning: "+w)
	}
	p.notes = append(p.notes, fmt.Sprintf("%s is the stack of SHA-256 %.12s", name, all[0].SHA256()))
	p.Apps = append(p.Apps, all...)
	return nil
}

func (r Run) readPaths(p *parsed) (err error) {
	if p.dirs, err = servers.Absolute(r.ServerDirs); err != nil {
		return err
	}
	p.binaries, err = parseBinaries(r.Binaries)
	return err
}

// parseBinaries reads VERSION=PATH.
func parseBinaries(list []string) (map[string]string, error) {
	binaries := make(map[string]string)
	for _, one := range list {
		version, path, ok := strings.Cut(one, "=")
		if !ok || version == "" || path == "" {
			return nil, fmt.Errorf("run: --binary %q is not of the form VERSION=PATH", one)
		}
		absolute, err := filepath.Abs(path)
		if err != nil {
			return nil, err
		}
		binaries[version] = absolute
	}
	return binaries, nil
}

// readPass reads how long a pass is, if that is not left open.
func (r Run) readPass(p *parsed) error {
	if r.Pass == "" || r.Pass == NoPass {
		return nil
	}
	d, err := time.ParseDuration(r.Pass)
	if err != nil || d < 10*time.Millisecond || d > time.Hour {
		return fmt.Errorf("run: --pass %q: neither a time within 10ms and 1h nor %s", r.Pass, NoPass)
	}
	p.Request.Pass = d
	return nil
}

// readPrecision reads at which precision a block ends, or the objective of a search, which
// takes all of its rounds.
func (r Run) readPrecision(p *parsed) (err error) {
	if p.precision, err = parsePrecision(r.Precision); err != nil || r.FindSLO == "" {
		return err
	}
	if r.Precision != "" {
		return errors.New("run: --find-slo can't be given with --precision: a search takes all of its rounds")
	}
	o, err := slo.Parse(r.FindSLO)
	if err != nil {
		return fmt.Errorf("run: --find-slo: %w", err)
	}
	p.SLO = &o
	return nil
}

// parsePrecision reads a percentage, "2%" or "2", as a share; "" is 0.
func parsePrecision(text string) (float64, error) {
	if text == "" {
		return 0, nil
	}
	percent, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(text, "%")), 64)
	if err != nil || !(percent > 0 && percent < 100) {
		return 0, fmt.Errorf("run: --precision %q: not a percentage within 0 and 100, such as 2%%", text)
	}
	return percent / 100, nil
}

// planned is the candidates that are in a plan, which came with an error or without. One
// that was named itself must be in it.
func (p parsed) planned(m results.Manifest, named []string, err error) ([]servers.Candidate, error) {
	if len(m.Blocks) == 0 {
		return nil, err
	}
	var in []servers.Candidate
	for _, c := range p.Candidates {
		switch {
		case slices.ContainsFunc(m.Candidates, func(o results.Candidate) bool { return o.Name == c.Name }):
			in = append(in, c)
		case slices.Contains(named, c.Name): // which tells more than that there is nothing to measure
			return nil, fmt.Errorf("run: candidate %q %s", c.Name, p.unplanned(c, m.Blocks))
		}
	}
	return in, err
}

// unplanned is why a candidate is in no block of a plan.
func (p parsed) unplanned(c servers.Candidate, blocks []results.Block) string {
	if c.Server.Protocol != "" {
		return fmt.Sprintf("speaks %s, which takes a scenario with engine %s", c.Server.Protocol, scenarios.Vegeta)
	}
	for _, b := range blocks {
		if what := plan.NotOffered(c, b.Load); what != "" {
			return fmt.Sprintf("does not offer %q, which scenario %s takes: see benchctl list servers --json", what, b.Scenario)
		}
	}
	if c.Layers != "" {
		return unjudged(c, blocks)
	}
	if !slices.ContainsFunc(blocks, func(b results.Block) bool { return p.Bare(c, b) == nil }) {
		return fmt.Sprintf("carries none of the apps: %v", p.Bare(c, blocks[0]))
	}
	return "carries none of the apps: it carries " + strings.Join(c.Apps(), ", ")
}

// unjudged is why no load can judge the replies of a candidate with layers.
func unjudged(c servers.Candidate, blocks []results.Block) string {
	for _, b := range blocks {
		if err := b.Ask(c.Layers).Check(); err != nil {
			return fmt.Sprintf("has replies that a load can't judge: %v", err)
		}
	}
	return "is measured in no scenario of the run"
}
