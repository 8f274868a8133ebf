package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/bench/agent"
	"github.com/benchctl/benchctl/bench/harness"
	"github.com/benchctl/benchctl/bench/measure"
	"github.com/benchctl/benchctl/bench/plan"
	"github.com/benchctl/benchctl/internal/stats"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/scenarios"
	"github.com/benchctl/benchctl/scenarios/slo"
	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/control"
	"github.com/benchctl/benchctl/servers/external"
)

// resolve turns the names of a command line into a plan. All names are checked
// before anything is started.
func (e env) resolve(ctx context.Context, f runFlags) (results.Manifest, []servers.Candidate, map[string]string, error) {
	none := func(err error) (results.Manifest, []servers.Candidate, map[string]string, error) {
		return results.Manifest{}, nil, nil, err
	}
	if err := f.check(); err != nil {
		return none(usage(err))
	}
	chosen, err := chooseScenarios(f.scenarios, f.scenarioFiles)
	if err != nil {
		return none(usage(err))
	}
	for _, name := range f.apps {
		if _, err := suite.Parse(name); err != nil {
			return none(usage(err))
		}
	}
	dirs, err := absolute(f.serverDirs)
	if err != nil {
		return none(usage(err))
	}
	binaries, err := parseBinaries(f.binaries)
	if err != nil {
		return none(usage(err))
	}
	objective, err := f.objective()
	if err != nil {
		return none(usage(err))
	}
	pass, err := f.passLength()
	if err != nil {
		return none(usage(err))
	}
	candidates, notes, err := chooseCandidates(ctx, dirs, f.servers, binaries)
	if err != nil {
		return none(err)
	}
	if f.seed == 0 {
		f.seed = uint64(rand.Uint32())
	}
	m, err := plan.New(plan.Request{
		Scenarios: chosen, Apps: f.apps, Candidates: candidates, Launches: f.launches, Rounds: f.rounds,
		Slice: f.slice, Budget: f.budget, Pass: pass, NoPass: f.pass == noPass, Seed: f.seed, SLO: objective,
	})
	if len(m.Blocks) > 0 { // of a plan without candidates, their lack is told first
		var unplanned error
		if candidates, unplanned = planned(m, candidates, f.servers); unplanned != nil {
			err = unplanned
		}
	}
	if err != nil {
		return none(usage(err))
	}
	for _, note := range append(notes, m.Notes...) {
		e.say("benchctl: %s", note)
	}
	if m.Precision, err = parsePrecision(f.precision); err != nil {
		return none(usage(err))
	}
	if m.Precision > 0 && (m.Launches < stats.MinLaunches || len(candidates) < 2) {
		return none(usage(fmt.Errorf("run: --precision takes at least %d launches and 2 candidates", stats.MinLaunches)))
	}
	m.ServerDirs, m.Notes, m.Binaries, m.Env = dirs, append(notes, m.Notes...), f.binaries, f.env
	if len(f.env) > 0 {
		m.Notes = append(m.Notes, "candidates run with "+strings.Join(f.env, " ")+" in their environment")
	}
	return m, candidates, binaries, nil
}

// planned is the candidates that are in the plan. One that was named itself must be.
func planned(m results.Manifest, all []servers.Candidate, named []string) ([]servers.Candidate, error) {
	var in []servers.Candidate
	for _, c := range all {
		switch {
		case slices.ContainsFunc(m.Candidates, func(o results.Candidate) bool { return o.Name == c.Name }):
			in = append(in, c)
		case slices.Contains(named, c.Name):
			return nil, fmt.Errorf("run: candidate %q %s", c.Name, unplanned(c.Server))
		}
	}
	return in, nil
}

// unplanned is why a server is in no plan.
func unplanned(s servers.Server) string {
	if s.Protocol != "" {
		return fmt.Sprintf("speaks %s, which takes a scenario with engine %s", s.Protocol, scenarios.Vegeta)
	}
	return "carries none of the apps: it carries " + strings.Join(s.Manifest.Apps, ", ")
}

// check refuses numbers that mean nothing.
func (f runFlags) check() error {
	switch {
	case len(f.scenarios) == 0 && len(f.scenarioFiles) == 0:
		return errors.New("run: no scenario: name one with --scenario, see benchctl list scenarios")
	case f.launches < 0:
		return fmt.Errorf("run: --launches %d: less than 1", f.launches)
	case f.rounds < 0:
		return fmt.Errorf("run: --rounds %d: less than 1", f.rounds)
	case f.slice < 0 || f.slice > 0 && f.slice < time.Millisecond || f.slice > time.Hour:
		return fmt.Errorf("run: --slice %v: not within 1ms and 1h", f.slice)
	case f.budget < 0:
		return fmt.Errorf("run: --budget %v: negative", f.budget)
	}
	if err := control.CheckEnv(f.env); err != nil {
		return fmt.Errorf("run: --env: %w", err)
	}
	return nil
}

// noPass is the value of --pass that leaves passes out.
const noPass = "none"

// passLength is what --pass asks for; 0 if it leaves the length open.
func (f runFlags) passLength() (time.Duration, error) {
	if f.pass == "" || f.pass == noPass {
		return 0, nil
	}
	d, err := time.ParseDuration(f.pass)
	if err != nil || d < 10*time.Millisecond || d > time.Hour {
		return 0, fmt.Errorf("run: --pass %q: neither a time within 10ms and 1h nor %s", f.pass, noPass)
	}
	return d, nil
}

// objective is what --find-slo asks for, nil if it does not.
func (f runFlags) objective() (*slo.Objective, error) {
	switch {
	case f.findSLO == "":
		return nil, nil
	case f.precision != "":
		return nil, errors.New("run: --find-slo can't be given with --precision: a search takes all of its rounds")
	}
	o, err := slo.Parse(f.findSLO)
	if err != nil {
		return nil, fmt.Errorf("run: --find-slo: %w", err)
	}
	return &o, nil
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

// chooseScenarios finds those named; without names, those of the files.
func chooseScenarios(names, files []string) ([]scenarios.Scenario, error) {
	all, err := scenarios.Builtin()
	if err != nil {
		return nil, err
	}
	named := len(names) > 0
	for _, file := range files {
		s, err := scenarios.ReadFile(file)
		if err != nil {
			return nil, err
		}
		all = scenarios.With(all, s)
		if !named {
			names = append(names, s.Name)
		}
	}
	return scenarios.Find(all, names)
}

func absolute(dirs []string) ([]string, error) {
	var all []string
	for _, dir := range dirs {
		path, err := filepath.Abs(dir)
		if err != nil {
			return nil, err
		}
		all = append(all, path)
	}
	return all, nil
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

// skips are the candidates of groups that are not installed.
type skips []skip

type skip struct {
	candidate string
	missing   *external.NotInstalledError
}

// fewSkipped is how many skipped candidates have a note each. Where little is installed
// there would be a screenful before every table.
const fewSkipped = 3

// notes tell of the skipped: each by itself with what it lacks, or many in one line.
func (s skips) notes() []string {
	if len(s) > fewSkipped {
		var names []string
		for _, one := range s {
			names = append(names, one.candidate)
		}
		return []string{fmt.Sprintf("skipped %d servers that are not installed: %s; benchctl list servers tells how to install them", len(s), strings.Join(names, ", "))}
	}
	var notes []string
	for _, one := range s {
		notes = append(notes, fmt.Sprintf("skipped %s: %s", one.candidate, oneLine(one.missing)))
	}
	return notes
}

// chooseCandidates finds the candidates that can run here, with their versions,
// and notes on those of groups that can't. One that was named itself must.
func chooseCandidates(ctx context.Context, dirs, names []string, binaries map[string]string) (chosen []servers.Candidate, notes []string, err error) {
	all, err := servers.All(dirs...)
	if err != nil {
		return nil, nil, usage(err)
	}
	choice, err := servers.Choose(all, names)
	if err != nil {
		return nil, nil, usage(err)
	}
	var skipped skips
	for i, c := range choice.Candidates {
		err := c.Server.Check(ctx)
		var missing *external.NotInstalledError
		switch {
		case errors.As(err, &missing) && !choice.Named[i]:
			skipped = append(skipped, skip{c.Name, missing})
			continue
		case err != nil:
			return nil, nil, unable(err)
		}
		note, err := setVersion(ctx, &c, binaries)
		if err != nil {
			return nil, nil, err
		}
		if note != "" {
			notes = append(notes, note)
		}
		chosen = append(chosen, c)
	}
	notes = append(notes, skipped.notes()...)
	if len(chosen) == 0 {
		return nil, nil, unable(fmt.Errorf("run: none of the servers %s is installed\n%s", strings.Join(names, ","), strings.Join(notes, "\n")))
	}
	return chosen, notes, nil
}

func oneLine(missing *external.NotInstalledError) string {
	if hint := missing.Hint(); hint != "" {
		return missing.Error() + "; " + hint
	}
	return missing.Error()
}

// setVersion completes the candidate with the version that there is, and refuses
// another one that was asked for. That a server does not tell its version is a note.
func setVersion(ctx context.Context, c *servers.Candidate, binaries map[string]string) (note string, err error) {
	if _, ok := binaries[c.Version]; ok && c.Server.Engine != nil {
		return "", nil
	}
	there, err := c.Server.Version(ctx)
	switch {
	case err != nil && (c.Version != "" || ctx.Err() != nil):
		return "", unable(err)
	case err != nil:
		return fmt.Sprintf("%s: its version is not known: %v", c.Name, err), nil
	}
	if c.Version != "" && c.Version != there {
		return "", &failure{
			code: exitUsage, err: fmt.Errorf("candidate %q: the version here is %q", c.Name, there),
			hint: "name a build of benchctl that carries the other version: --binary " + c.Version + "=PATH",
		}
	}
	c.Version = there
	return "", nil
}

// prepareResume opens a run and finds its candidates again.
func (e env) prepareResume(cmd *cobra.Command, f runFlags) (*results.Store, harness.Config, error) {
	config := harness.Config{Setup: agent.Setup{Benchctl: e.executable, Guard: []string{e.executable, guardCommand}}, Sink: e.sink()}
	if err := aloneWithResume(cmd); err != nil {
		return nil, config, usage(err)
	}
	dir, err := results.Find(e.storeDir(f.out), f.resume)
	if err != nil {
		return nil, config, usage(err)
	}
	store, err := results.Reopen(dir)
	if err != nil {
		return nil, config, unable(err)
	}
	config.Store = store
	if err := e.resumeConfig(cmd.Context(), store.Manifest(), &config); err != nil {
		store.Close()
		return nil, config, err
	}
	return store, config, nil
}

func (e env) resumeConfig(ctx context.Context, m results.Manifest, config *harness.Config) (err error) {
	here := measure.Environment()
	if here.Fingerprint != m.Environment.Fingerprint {
		return unable(fmt.Errorf("resume run %s: it was begun on another machine, or one set up otherwise, which can't be continued on this one: %s",
			m.ID, strings.Join(m.Environment.Differences(here), "; ")))
	}
	if m.Environment.ServerCPUs != "" {
		if config.ServerCPUs, config.LoaderCPUs, err = processors(m.Environment.ServerCPUs, m.Environment.LoaderCPUs); err != nil {
			return usage(err)
		}
	}
	config.Env = m.Env
	if config.Binaries, err = parseBinaries(m.Binaries); err != nil {
		return usage(err)
	}
	var names []string
	for _, c := range m.Candidates {
		names = append(names, c.Name)
	}
	config.Candidates, _, err = chooseCandidates(ctx, m.ServerDirs, names, config.Binaries)
	if err != nil {
		return err
	}
	for i, c := range config.Candidates {
		if c.Version != m.Candidates[i].Version {
			return unable(fmt.Errorf("resume run %s: %s is of version %q now and was %q", m.ID, c.Name, c.Version, m.Candidates[i].Version))
		}
	}
	return nil
}

// aloneWithResume refuses flags that the resumed run has decided.
func aloneWithResume(cmd *cobra.Command) error {
	var wrong error
	cmd.Flags().Visit(func(f *pflag.Flag) {
		switch f.Name {
		case "resume", "out", "json", "wide":
		default:
			wrong = fmt.Errorf("run: --%s can't be given with --resume: the run that goes on has decided it", f.Name)
		}
	})
	return wrong
}

// rerunCommand is the command line that repeats the run: the flags as given,
// with the seed that was drawn.
func rerunCommand(cmd *cobra.Command, m results.Manifest) string {
	words := []string{"benchctl", "run"}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		value := f.Value.String()
		list, isList := f.Value.(pflag.SliceValue)
		if isList && f.Value.Type() == "stringArray" { // whose values may have commas
			for _, one := range list.GetSlice() {
				words = append(words, "--"+f.Name+"="+shellQuote(one))
			}
			return
		}
		if isList {
			value = strings.Join(list.GetSlice(), ",")
		}
		switch f.Name {
		case "seed", "json", "wide", "out":
		default:
			words = append(words, "--"+f.Name+"="+shellQuote(value))
		}
	})
	return strings.Join(append(words, fmt.Sprintf("--seed=%d", m.Seed)), " ")
}

// shellQuote makes one word for a shell.
func shellQuote(s string) string {
	safe := strings.IndexFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("@%+=:,./_-", r))
	}) < 0
	if safe && s != "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
