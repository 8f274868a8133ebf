package request

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fmt"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/scenarios"
	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/external"
)

// asked is a request with a scenario, changed by change.
func asked(change func(*Run)) Run {
	r := Run{Scenarios: []string{"smoke"}, Servers: []string{"nethttp"}}
	if change != nil {
		change(&r)
	}
	return r
}

// What is asked wrongly is told by its option.
func TestParseRefuses(t *testing.T) {
	for want, r := range map[string]Run{
		"run: no scenario: name one with --scenario":                      {},
		`unknown scenario "smok": did you mean "smoke"?`:                  asked(func(r *Run) { r.Scenarios = []string{"smok"} }),
		"/none.yaml: no such file":                                        asked(func(r *Run) { r.ScenarioFiles = []string{"/none.yaml"} }),
		`app "helo"`:                                                      asked(func(r *Run) { r.Apps = []string{"hello", "helo"} }),
		"run: --launches -1: less than 1":                                 asked(func(r *Run) { r.Launches = -1 }),
		"run: --rounds -1: less than 1":                                   asked(func(r *Run) { r.Rounds = -1 }),
		"run: --slice 1µs: not within 1ms and 1h":                         asked(func(r *Run) { r.Slice = time.Microsecond }),
		"run: --slice 2h0m0s: not within 1ms and 1h":                      asked(func(r *Run) { r.Slice = 2 * time.Hour }),
		"run: --budget -1s: negative":                                     asked(func(r *Run) { r.Budget = -time.Second }),
		`run: --env: "GOGC" is not of the form NAME=VALUE`:                asked(func(r *Run) { r.Env = []string{"GOGC"} }),
		`run: --binary "base" is not of the form VERSION=PATH`:            asked(func(r *Run) { r.Binaries = []string{"base"} }),
		`run: --binary "=path" is not of the form VERSION=PATH`:           asked(func(r *Run) { r.Binaries = []string{"=path"} }),
		`run: --pass "never": neither a time within 10ms and 1h nor none`: asked(func(r *Run) { r.Pass = "never" }),
		`run: --pass "1ms": neither a time within 10ms and 1h nor none`:   asked(func(r *Run) { r.Pass = "1ms" }),
		`run: --precision "two": not a percentage within 0 and 100`:       asked(func(r *Run) { r.Precision = "two" }),
		`run: --find-slo: "p98<10ms": unknown percentile`:                 asked(func(r *Run) { r.FindSLO = "p98<10ms" }),
		"run: --find-slo can't be given with --precision":                 asked(func(r *Run) { r.FindSLO, r.Precision = "p99<10ms", "2%" }),
	} {
		if _, err := r.parse(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// The plan gets what was asked for; files of scenarios stand for themselves where none is
// named, and take precedence where one is.
func TestParse(t *testing.T) {
	file := filepath.Join(t.TempDir(), "own.yaml")
	if err := os.WriteFile(file, []byte("name: smoke\ndoc: of my own\nconnections: 3\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	p, err := asked(func(r *Run) {
		r.ScenarioFiles, r.Apps, r.Launches, r.Rounds, r.Slice, r.Budget = []string{file}, []string{"json"}, 2, 4, time.Second, time.Minute
		r.Pass, r.Precision, r.Seed, r.Binaries, r.ServerDirs = "2s", "2%", 7, []string{"base=bin/benchctl"}, []string{"servers"}
	}).parse()
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Scenarios) != 1 || p.Scenarios[0].Connections != 3 || len(p.Apps) != 1 || p.Apps[0].Name != "json" || p.Launches != 2 || p.Rounds != 4 || p.Slice != time.Second || p.Budget != time.Minute {
		t.Errorf("%+v", p)
	}
	if p.Pass != 2*time.Second || p.NoPass || p.precision != 0.02 || p.Seed != 7 || p.SLO != nil || !filepath.IsAbs(p.binaries["base"]) || !filepath.IsAbs(p.dirs[0]) {
		t.Errorf("%+v", p)
	}
	p, err = Run{ScenarioFiles: []string{file}, Pass: NoPass, FindSLO: "p99<10ms"}.parse()
	if err != nil || len(p.Scenarios) != 1 || p.Scenarios[0].Doc != "of my own" || !p.NoPass || p.SLO == nil {
		t.Errorf("of a file alone: %+v, %v", p, err)
	}
}

func TestParsePrecision(t *testing.T) {
	for text, want := range map[string]float64{"": 0, "2%": 0.02, "2": 0.02, "0.5 %": 0.005} {
		if got, err := parsePrecision(text); err != nil || got != want {
			t.Errorf("%q is %g, %v", text, got, err)
		}
	}
	for _, text := range []string{"0", "-1%", "100%", "NaN", "two", "%", "2%%"} {
		if got, err := parsePrecision(text); err == nil {
			t.Errorf("%q is %g", text, got)
		}
	}
}

// planning is a plan of candidates.
func planning(candidates []servers.Candidate) (p parsed) {
	p.Candidates, p.Scenarios = candidates, []scenarios.Scenario{{Name: "own", Layers: []string{"etag"}}}
	return p
}

// A candidate that is in no plan is passed over, and told of if it was named.
func TestPlanned(t *testing.T) {
	web := servers.Candidate{Name: "web", Server: servers.Server{Name: "web", Manifest: &external.Manifest{Apps: []string{"hello", "json"}}}}
	h2 := servers.Candidate{Name: "h2", Server: servers.Server{Name: "h2", Protocol: servers.H2C}}
	in := servers.Candidate{Name: "in"}
	m := results.Manifest{Blocks: make([]results.Block, 1), Candidates: []results.Candidate{{Name: "in"}}}
	for _, c := range []struct {
		named []string
		err   string
	}{
		{[]string{"all"}, ""}, {[]string{"in", "all"}, ""},
		{[]string{"web"}, `run: candidate "web" carries none of the apps: it carries hello, json`},
		{[]string{"h2"}, `run: candidate "h2" speaks h2c, which takes a scenario with engine vegeta`},
	} {
		got, err := planning([]servers.Candidate{web, h2, in}).planned(m, c.named, nil)
		if c.err == "" && (err != nil || len(got) != 1 || got[0].Name != "in") || c.err != "" && (err == nil || err.Error() != c.err) {
			t.Errorf("%q: %v, %v", c.named, got, err)
		}
	}
	m.Blocks[0] = results.Block{Scenario: "around", Load: scenarios.Load{Events: []scenarios.Event{{Do: scenarios.KillMain}, {Do: "reload"}}}}
	engine := servers.Candidate{Name: "engine"}
	for _, c := range []servers.Candidate{engine, web} {
		want := fmt.Sprintf(`run: candidate %q does not offer "reload", which scenario around takes: see benchctl list servers --json`, c.Name)
		if _, err := planning([]servers.Candidate{c, in}).planned(m, []string{c.Name}, nil); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	m.Blocks[0] = results.Block{Scenario: "concurrency-1", App: "etag+hello"}
	if _, err := planning([]servers.Candidate{web, in}).planned(m, []string{"web"}, nil); err == nil || err.Error() != `run: candidate "web" carries none of the apps: only servers in Go, and others with twins: wsgi, serve stacks` {
		t.Errorf("of layers: %v", err)
	}
	limited := servers.Candidate{Name: "engine+body-limit", Layers: "body-limit"}
	for app, want := range map[string]string{
		"upload?bytes=2000000": "has replies that a load can't judge: app upload?bytes=2000000 can't be measured: it answers 413, where the app alone answers 200",
		"hello":                "is measured in no scenario of the run",
	} {
		m.Blocks[0] = results.Block{Scenario: "smoke", App: app}
		if _, err := planning([]servers.Candidate{limited, in}).planned(m, []string{limited.Name}, nil); err == nil || err.Error() != `run: candidate "engine+body-limit" `+want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	m.Blocks[0] = results.Block{Scenario: "own", App: "hello"}
	if _, err := planning([]servers.Candidate{web, in}).planned(m, []string{"web"}, nil); err == nil || err.Error() != `run: candidate "web" carries none of the apps: only servers in Go carry layers, by the app contract` {
		t.Errorf("in a scenario of layers: %v", err)
	}
	if _, err := planning([]servers.Candidate{web}).planned(results.Manifest{}, []string{"web"}, os.ErrInvalid); !errors.Is(err, os.ErrInvalid) {
		t.Errorf("without a plan: %v", err)
	}
}
