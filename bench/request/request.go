// Package request turns what was asked for into a run that can be measured: it checks
// numbers and names, finds the candidates that can run here and their versions, divides the
// processors, and begins the run's record, or takes up one that was begun.
//
// Errors name the options of "benchctl run", which the fields of a request are. What was
// asked wrongly is a misuse.Error; others are of what the machine lacks.
package request

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/benchctl/benchctl/bench/agent"
	"github.com/benchctl/benchctl/bench/launch"
	"github.com/benchctl/benchctl/bench/measure"
	"github.com/benchctl/benchctl/bench/plan"
	"github.com/benchctl/benchctl/internal/misuse"
	"github.com/benchctl/benchctl/internal/stats"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/scenarios"
	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/control"
)

// Run asks for a run. Zero values take the defaults.
type Run struct {
	Scenarios     []string // by name; without any, those of the files
	ScenarioFiles []string // in YAML, which take precedence over built-in ones
	Servers       []string // candidates and groups
	ServerDirs    []string // with manifests of further servers
	Apps          []string // instead of the scenarios' own
	Binaries      []string // VERSION=PATH of other builds of benchctl
	Env           []string // NAME=VALUE, in the candidates' environment
	RunAs         string   // user that candidates run as; "": an unprivileged one if this is root

	Launches, Rounds int
	Slice            time.Duration
	Budget           time.Duration // of the whole run; 0: none
	Pass             string        // how long, or NoPass; "": by what is seen
	Precision        string        // "2%", at which a block ends; "": it does not
	FindSLO          string        // "p99<10ms", the objective of a search; "": there is none
	Seed             uint64        // 0: one is drawn
	ServerCPUs       string        // "0-1"; "" is a half of what there is
	LoaderCPUs       string

	Command string // that repeats the run, but for the seed
}

// NoPass is the value of Run.Pass that leaves passes out.
const NoPass = "none"

// Programs are what a run starts.
type Programs struct {
	Version  string   // of benchctl
	Benchctl string   // that serves Go engines
	Guard    []string // command line of the guard
	Sink     []string // command line of the sink, see harness.Calibration
}

func (p Programs) config() launch.Config {
	return launch.Config{Setup: agent.Setup{Benchctl: p.Benchctl, Guard: p.Guard}, Sink: p.Sink}
}

// Ready is a run that can be measured: harness.Run takes its Config, whose Store is open.
// Notes tell what was left out of it and Warnings what stands in its way. There are such
// beside an error too.
type Ready struct {
	Config   launch.Config
	Notes    []string
	Warnings []measure.Warning
}

// Begin begins the record of a run in a store, a directory of runs. All that was asked is
// checked before.
func (r Run) Begin(ctx context.Context, store string, p Programs) (Ready, error) {
	ready := Ready{Config: p.config()}
	c := &ready.Config
	var err error
	if c.ServerCPUs, c.LoaderCPUs, err = Processors(r.ServerCPUs, r.LoaderCPUs); err != nil {
		return ready, misuse.Of(err)
	}
	if info, err := os.Stat(os.TempDir()); err != nil || !info.IsDir() {
		return ready, fmt.Errorf("run: the directory for temporary files is none: %w", cmp.Or(err, fmt.Errorf("TMPDIR: %s", os.TempDir())))
	}
	if err := ready.runAs(r.RunAs); err != nil {
		return ready, err
	}
	m, err := r.resolve(ctx, &ready)
	if err != nil {
		return ready, err
	}
	m.Started = time.Now().UTC().Truncate(time.Millisecond)
	m.ID, m.Benchctl = results.NewID(m.Started), p.Version
	m.Command = strings.TrimSpace(fmt.Sprintf("%s --seed=%d", r.Command, m.Seed))
	m.Environment = measure.Environment()
	m.Environment.ServerCPUs, m.Environment.LoaderCPUs = c.ServerCPUs.String(), c.LoaderCPUs.String()
	ready.Warnings = warnings(m)
	for _, w := range ready.Warnings {
		m.Notes = append(m.Notes, w.String())
	}
	c.Store, err = results.Create(filepath.Join(store, m.ID), m)
	return ready, err
}

// resolve turns names into a plan, and chooses the candidates.
func (r Run) resolve(ctx context.Context, ready *Ready) (results.Manifest, error) {
	none := results.Manifest{}
	asked, err := r.parse()
	if err != nil {
		return none, misuse.Of(err)
	}
	there, err := r.candidates(ctx, ready, asked)
	if err != nil {
		return none, err
	}
	if asked.Candidates, asked.Made, err = plan.Layered(asked.Scenarios, there); err != nil {
		return none, misuse.Of(err)
	}
	if slices.ContainsFunc(asked.Scenarios, func(s scenarios.Scenario) bool { return s.AsInit() }) {
		asked.NoInit = control.CanInit()
	}
	asked.NoStacks = asked.stackless(ctx)
	m, err := plan.New(asked.Request)
	ready.Notes = slices.Concat(ready.Notes, asked.notes, m.Notes)
	ready.Config.Candidates, err = asked.planned(m, r.Servers, err)
	if err != nil {
		return none, misuse.Of(err)
	}
	if asked.precision > 0 && (m.Launches < stats.MinLaunches || len(ready.Config.Candidates) < 2) {
		return none, misuse.Errorf("run: --precision takes at least %d launches and 2 candidates", stats.MinLaunches)
	}
	m.Precision, m.ServerDirs, m.Binaries, m.Env, m.RunAs = asked.precision, asked.dirs, r.Binaries, r.Env, ready.Config.User.String()
	for i, c := range ready.Config.Candidates {
		if m.Candidates[i].RunAs = c.RunsAs(ready.Config.User).String(); m.Candidates[i].RunAs == m.RunAs {
			m.Candidates[i].RunAs = ""
		}
	}
	m.Notes = append([]string{}, ready.Notes...)
	if len(r.Env) > 0 {
		m.Notes = append(m.Notes, "candidates run with "+strings.Join(r.Env, " ")+" in their environment")
	}
	ready.Config.Binaries, ready.Config.Env = asked.binaries, r.Env
	return m, nil
}

// candidates are those that can run here, as the scenarios compare them.
func (r Run) candidates(ctx context.Context, ready *Ready, asked parsed) ([]servers.Candidate, error) {
	choice, err := servers.Find(r.ServerDirs, r.Servers)
	if err != nil {
		return nil, err
	}
	choice, left, err := compared(choice, asked.Scenarios)
	if err != nil {
		return nil, err
	}
	ready.Notes = append(ready.Notes, left...)
	there, notes, err := choice.Installed(ctx, asked.binaries)
	if err != nil {
		return nil, err
	}
	if len(there) == 0 {
		return nil, fmt.Errorf("run: none of the servers %s is installed\n%s", strings.Join(r.Servers, ","), strings.Join(notes, "\n"))
	}
	ready.Notes = append(ready.Notes, notes...)
	return ready.reachable(choice, there, asked.binaries)
}

// warnings are what about this machine stands in the way of a run. What takes time to see is
// left to harness.Calibration.
func warnings(m results.Manifest) []measure.Warning {
	connections := 0
	for _, b := range m.Blocks {
		connections = max(connections, b.Load.AtOnce())
	}
	return measure.ReadConditions().Warnings(len(m.Candidates), connections)
}
