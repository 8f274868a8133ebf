package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/benchctl/benchctl/bench/agent"
	"github.com/benchctl/benchctl/bench/harness"
	"github.com/benchctl/benchctl/bench/measure"
	"github.com/benchctl/benchctl/bench/plan"
	"github.com/benchctl/benchctl/report"
	"github.com/benchctl/benchctl/report/site"
	"github.com/benchctl/benchctl/report/text"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/judge"
	"github.com/benchctl/benchctl/servers/control"
)

// runFlags are the flags of "benchctl run".
type runFlags struct {
	scenarios, scenarioFiles, servers, serverDirs, apps, binaries, env []string

	launches, rounds       int
	slice, budget          time.Duration
	precision, findSLO     string
	pass                   string
	seed                   uint64
	out, resume            string
	serverCPUs, loaderCPUs string
	json, wide             bool
}

// envUsage is the help of --env.
const envUsage = "NAME=VALUE to set in the environment of candidates, which is a small fixed one otherwise; may be repeated"

func runCommand(e env) *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run --scenario=S[,S]",
		Short: "Measure candidates against each other and print the table",
		Long: `Measure candidates against each other. Progress goes to standard error, the
table to standard output; the run's directory keeps every slice, the latency
histograms, summary.json and a report with plots.

A candidate is name[@version][:profile][#label]; the label lets one server run
twice. "all", "go" and the classes ("wsgi", ...) stand for several servers, of
which those that are not installed are skipped; "wsgi:tuned" takes the profile
of those that have it.`,
		Example: `  benchctl run --scenario=concurrency-256
  benchctl run --scenario=smoke,concurrency-64 --servers nethttp,fasthttp --apps hello,json
  benchctl run --scenario=concurrency-256 --servers nethttp,nethttp#b --budget 60s
  benchctl run --scenario=latency-50 --find-slo='p99<10ms'
  benchctl run --resume latest`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return e.run(cmd, f) },
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	fs.StringSliceVar(&f.scenarios, "scenario", nil, "scenarios, see benchctl list scenarios")
	fs.StringArrayVar(&f.scenarioFiles, "scenario-file", nil, "YAML files with scenarios; they take precedence over built-in ones; may be repeated")
	fs.StringSliceVar(&f.servers, "servers", []string{"all"}, "candidates, see benchctl list servers")
	fs.StringArrayVar(&f.serverDirs, "server-dir", nil, "directories with manifests of further servers; may be repeated")
	fs.StringSliceVar(&f.apps, "apps", nil, "apps instead of the scenarios' own, see benchctl list apps")
	fs.StringArrayVar(&f.binaries, "binary", nil, "VERSION=PATH: another build of benchctl, which serves engines named as name@VERSION; may be repeated")
	fs.StringArrayVar(&f.env, "env", nil, envUsage)
	fs.IntVar(&f.launches, "launches", 0, fmt.Sprintf("fresh starts of every candidate (default %d)", plan.DefaultLaunches))
	fs.IntVar(&f.rounds, "rounds", 0, fmt.Sprintf("rounds per launch (default as many as the budget holds, or %d)", plan.DefaultRounds))
	fs.DurationVar(&f.slice, "slice", 0, "counted part of a slice (default 150ms, longer for slow candidates)")
	fs.StringVar(&f.pass, "pass", "", "load without a break that each candidate's slices are held against, such as 10s, or none (default some seconds, longer where replies take long)")
	fs.DurationVar(&f.budget, "budget", 0, "bound of the whole run's time")
	fs.StringVar(&f.precision, "precision", "", "end a block early once all its paired intervals are within this half-width, such as 2%")
	fs.StringVar(&f.findSLO, "find-slo", "", "search the highest rate that meets an objective, such as 'p99<10ms', instead of the scenarios' rates")
	fs.Uint64Var(&f.seed, "seed", 0, "seed of order and intervals (default random, and recorded)")
	fs.StringVar(&f.out, "out", "", "directory to store runs in (default $BENCHCTL_STORE or results/runs)")
	fs.StringVar(&f.resume, "resume", "", "go on with this run: an id, the beginning of one, a directory, or latest")
	fs.StringVar(&f.serverCPUs, "server-cpus", "", "processors of the candidates, such as 0-1 (default the first half)")
	fs.StringVar(&f.loaderCPUs, "loader-cpus", "", "processors of the load generator (default the second half)")
	fs.BoolVar(&f.json, "json", false, "print summary.json instead of the table")
	fs.BoolVar(&f.wide, "wide", false, "print every column of the table")
	return cmd
}

// run measures, and then shows what there is, also when the measuring ended
// early.
func (e env) run(cmd *cobra.Command, f runFlags) error {
	store, config, err := e.prepare(cmd, f)
	if err != nil {
		return err
	}
	defer store.Close()
	ctx := cmd.Context()
	progress := newProgress(e, store)
	config.Observe = progress.observe
	measured := harness.Run(ctx, config)
	progress.end()
	return e.finish(ctx, store, f, measured)
}

// finish writes and prints the results and turns the outcome into an exit code.
func (e env) finish(ctx context.Context, store *results.Store, f runFlags, measured error) error {
	interrupted := ctx.Err() != nil
	if measured != nil && !interrupted && !errors.Is(measured, harness.ErrBudget) {
		return &failure{code: exitEnvironment, err: fmt.Errorf("run %s: %w", store.Manifest().ID, measured), hint: resumeHint(store)}
	}
	record, err := results.Read(store.Dir())
	if err != nil {
		return unable(err)
	}
	summary, err := judge.Summarize(record)
	if err != nil {
		return unable(err)
	}
	if err := store.WriteSummary(summary); err != nil {
		return unable(err)
	}
	if err := site.Write(store.ReportDir(), summary); err != nil {
		return unable(err)
	}
	if err := e.show(summary, store.Dir(), f); err != nil {
		return &failure{code: exitEnvironment, err: err, hint: "the results are in " + store.Dir()}
	}
	fmt.Fprintf(e.stderr, "report: %s\n", filepath.Join(store.ReportDir(), "index.html"))
	return verdictOf(summary, store, interrupted, measured)
}

func (e env) show(s *judge.Summary, dir string, f runFlags) error {
	if f.json {
		content, err := os.ReadFile(filepath.Join(dir, "summary.json"))
		if err == nil {
			_, err = e.stdout.Write(content)
		}
		return wrap("print summary", err)
	}
	return wrap("print table", text.Write(e.stdout, report.New(s), text.Options{Color: e.colour, Wide: f.wide, Width: e.width}))
}

func wrap(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}

func verdictOf(s *judge.Summary, store *results.Store, interrupted bool, measured error) error {
	if interrupted {
		return &failure{code: exitInterrupted, err: errors.Join(errors.New("run: interrupted; what was measured is kept"), besides(measured)), hint: resumeHint(store)}
	}
	code := exitDone
	for _, c := range s.Cells {
		if c.Verdict == judge.Invalid {
			code = exitFound
		}
	}
	switch {
	case errors.Is(measured, harness.ErrBudget):
		return &failure{code: code, err: fmt.Errorf("run: %w", harness.ErrBudget), hint: resumeHint(store)}
	case code != exitDone:
		return &failure{code: code}
	}
	return nil
}

func resumeHint(store *results.Store) string {
	return "go on with: benchctl run --resume " + store.Dir()
}

// prepare makes a new run, or opens the one to resume.
func (e env) prepare(cmd *cobra.Command, f runFlags) (*results.Store, harness.Config, error) {
	if f.resume != "" {
		return e.prepareResume(cmd, f)
	}
	config := harness.Config{Setup: agent.Setup{Benchctl: e.executable, Guard: []string{e.executable, guardCommand}}, Sink: e.sink()}
	var err error
	if config.ServerCPUs, config.LoaderCPUs, err = processors(f.serverCPUs, f.loaderCPUs); err != nil {
		return nil, config, usage(err)
	}
	if info, err := os.Stat(os.TempDir()); err != nil || !info.IsDir() {
		return nil, config, unable(fmt.Errorf("run: the directory for temporary files is none: %w", cmp.Or(err, fmt.Errorf("TMPDIR: %s", os.TempDir()))))
	}
	m, candidates, binaries, err := e.resolve(cmd.Context(), f)
	if err != nil {
		return nil, config, err
	}
	config.Candidates, config.Binaries, config.Env = candidates, binaries, m.Env
	m.Started = time.Now().UTC().Truncate(time.Millisecond)
	m.ID, m.Benchctl = results.NewID(m.Started), version()
	m.Command = rerunCommand(cmd, m)
	m.Environment = measure.Environment()
	m.Environment.ServerCPUs, m.Environment.LoaderCPUs = config.ServerCPUs.String(), config.LoaderCPUs.String()
	m.Notes = append(m.Notes, e.warn(m)...)
	store, err := results.Create(filepath.Join(e.storeDir(f.out), m.ID), m)
	if err != nil {
		return nil, config, unable(err)
	}
	config.Store = store
	return store, config, nil
}

// warn says what about this machine stands in the way of the run, and returns it
// as notes. What takes time to see is left to benchctl calibrate.
func (e env) warn(m results.Manifest) (notes []string) {
	connections := 0
	for _, b := range m.Blocks {
		connections = max(connections, b.Load.AtOnce())
	}
	return e.warnOf(measure.ReadConditions().Warnings(len(m.Candidates), connections))
}

// warnOf says warnings and returns them as notes.
func (e env) warnOf(warnings []measure.Warning) (notes []string) {
	for _, w := range warnings {
		e.say("benchctl: warning: %s", w)
		notes = append(notes, w.String())
	}
	return notes
}

// processors are the sets that were asked for, or halves of what there is.
func processors(server, loader string) (s, l control.CPUs, err error) {
	s, l = control.Split()
	if server != "" {
		if s, err = control.ParseCPUs(server); err != nil {
			return nil, nil, fmt.Errorf("run: --server-cpus: %w", err)
		}
		if err := there(s); err != nil {
			return nil, nil, fmt.Errorf("run: --server-cpus: %w", err)
		}
	}
	if loader != "" {
		if l, err = control.ParseCPUs(loader); err != nil {
			return nil, nil, fmt.Errorf("run: --loader-cpus: %w", err)
		}
		if err := there(l); err != nil {
			return nil, nil, fmt.Errorf("run: --loader-cpus: %w", err)
		}
	}
	return s, l, nil
}

// there refuses processors that benchctl may not run on.
func there(cpus control.CPUs) error {
	all := control.Allowed()
	for _, n := range cpus {
		if len(all) > 0 && !slices.Contains(all, n) {
			return fmt.Errorf("there is no processor %d to run on: there are %s", n, all)
		}
	}
	return nil
}
