package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/benchctl/benchctl/bench/harness"
	"github.com/benchctl/benchctl/bench/launch"
	"github.com/benchctl/benchctl/bench/measure"
	"github.com/benchctl/benchctl/bench/plan"
	"github.com/benchctl/benchctl/bench/request"
	"github.com/benchctl/benchctl/report"
	"github.com/benchctl/benchctl/report/site"
	"github.com/benchctl/benchctl/report/text"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/judge"
)

// runFlags are the flags of "benchctl run".
type runFlags struct {
	request.Run
	out, resume string
	json, wide  bool
	open, live  bool
}

// envUsage is the help of --env.
const envUsage = "NAME=VALUE for the environment of candidates, which does not inherit yours; may be repeated"

func runCommand(e env) *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run --scenario=S[,S]",
		Short: "Measure candidates against each other and print the table",
		Long: `Measure candidates against each other. Progress goes to standard error, the
table to standard output. The directory of the run has every slice, the latency
histograms, summary.json and a report with plots.

A candidate is name[@version][:profile][+layers][#label]. The label lets one server run
twice. "all", "go" and the classes ("wsgi", ...) are groups of servers; servers
of a group that are not installed are skipped. "wsgi:tuned" uses the profile of
the servers that have it.

The exit code is 1 if a row is invalid.`,
		Example: `  benchctl run --scenario=concurrency-256
  benchctl run --scenario=smoke,concurrency-64 --servers nethttp,fasthttp --apps hello,json
  benchctl run --scenario=concurrency-256 --servers nethttp,nethttp#b --budget 60s
  benchctl run --scenario=concurrency-64 --servers nethttp,fasthttp --apps 'compress+etag+template'
  benchctl run --scenario=latency-50 --find-slo='p99<10ms'
  benchctl run --resume latest`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return e.run(cmd, f) },
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	fs.StringSliceVar(&f.Scenarios, "scenario", nil, "scenarios or patterns, see benchctl list scenarios")
	fs.StringArrayVar(&f.ScenarioFiles, "scenario-file", nil, "YAML file with a scenario, in place of a built-in one of its name; may be repeated")
	fs.StringSliceVar(&f.Servers, "servers", []string{"all"}, "candidates, see benchctl list servers")
	fs.StringArrayVar(&f.ServerDirs, "server-dir", nil, "directory with manifests of further servers; may be repeated")
	fs.StringSliceVar(&f.Apps, "apps", nil, "apps instead of the scenarios' own, see benchctl list apps; with layers around them, as compress+etag+template; or the stack of FILE[#NAME]")
	fs.StringArrayVar(&f.Binaries, "binary", nil, "VERSION=PATH: another build of benchctl, for engines named name@VERSION; may be repeated")
	fs.StringArrayVar(&f.Env, "env", nil, envUsage)
	fs.StringVar(&f.RunAs, "run-as", "", runAsUsage)
	fs.IntVar(&f.Launches, "launches", 0, fmt.Sprintf("fresh starts of every candidate (default %d)", plan.DefaultLaunches))
	fs.IntVar(&f.Rounds, "rounds", 0, fmt.Sprintf("rounds per launch (default as many as the budget allows, or %d)", plan.DefaultRounds))
	fs.DurationVar(&f.Slice, "slice", 0, "counted part of a slice (default 150ms, longer for slow candidates)")
	fs.StringVar(&f.Pass, "pass", "", "load without a break that slices are compared with, such as 10s, or none (default some seconds, longer for slow replies)")
	fs.DurationVar(&f.Budget, "budget", 0, "limit of the whole run's time, which the run uses to the full")
	fs.StringVar(&f.Precision, "precision", "", "end a block when all its ratios are known to this half-width, such as 2%")
	fs.StringVar(&f.FindSLO, "find-slo", "", "search for the highest rate that meets an objective, such as 'p99<10ms', in place of the scenarios' rates")
	fs.Uint64Var(&f.Seed, "seed", 0, "seed of the order and of the intervals (default random, and recorded)")
	fs.StringVar(&f.out, "out", "", "directory that stores runs (default $BENCHCTL_STORE or results/runs)")
	fs.StringVar(&f.resume, "resume", "", "continue this run: an id, the start of one, a directory, or latest")
	fs.StringVar(&f.ServerCPUs, "server-cpus", "", "processors of the servers, such as 0-1 (default the first half)")
	fs.StringVar(&f.LoaderCPUs, "loader-cpus", "", "processors of the load generator (default the second half)")
	fs.BoolVar(&f.json, "json", false, "print summary.json instead of the table")
	fs.BoolVar(&f.wide, "wide", false, "print every column of the table")
	fs.BoolVar(&f.live, "live", false, "serve the report on the loopback while the run goes on")
	fs.BoolVar(&f.open, "open", false, openUsage)
	for flag, names := range map[string]func() []string{"scenario": scenarioNames, "servers": serverNames, "apps": loadedApps} {
		_ = cmd.RegisterFlagCompletionFunc(flag, completeList(names)) // it fails for a flag that is not there
	}
	return cmd
}

// run measures, and then shows what there is, also when the measuring ended
// early.
func (e env) run(cmd *cobra.Command, f runFlags) error {
	config, err := e.prepare(cmd, f)
	if err != nil {
		return err
	}
	store := config.Store
	defer store.Close()
	ctx := cmd.Context()
	progress := newProgress(e, store)
	if f.live {
		if progress.view, err = e.startView(store.Dir(), store.ReportDir()); err != nil {
			return unable(err)
		}
		e.say("benchctl: run: live at %s", progress.view.url)
	}
	config.Observe = progress.observe
	measured := harness.Run(ctx, config)
	progress.end()
	if f.live {
		progress.view.end()
	}
	return e.finish(ctx, store, f, measured)
}

// finish writes and prints the results and turns the outcome into an exit code.
func (e env) finish(ctx context.Context, store *results.Store, f runFlags, measured error) error {
	interrupted := ctx.Err() != nil
	if measured != nil && !interrupted && !errors.Is(measured, launch.ErrBudget) {
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
	page := filepath.Join(store.ReportDir(), site.Index)
	fmt.Fprintf(e.stderr, "report: %s\n", page)
	if f.open {
		if err := e.open(page); err != nil {
			e.say("benchctl: run: %v", err) // the run is done all the same
		}
	}
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
	case errors.Is(measured, launch.ErrBudget):
		return &failure{code: code, err: fmt.Errorf("run: %w", launch.ErrBudget), hint: resumeHint(store)}
	case code != exitDone:
		return &failure{code: code}
	}
	return nil
}

func resumeHint(store *results.Store) string {
	return "continue with: benchctl run --resume " + store.Dir()
}

// prepare begins a new run, or takes up the one to resume. The store of its configuration is
// open.
func (e env) prepare(cmd *cobra.Command, f runFlags) (launch.Config, error) {
	programs := request.Programs{Version: version(), Benchctl: e.executable, Guard: []string{e.executable, guardCommand}, Sink: e.sink()}
	var ready request.Ready
	var err error
	if f.resume != "" {
		if err := aloneWithResume(cmd); err != nil {
			return launch.Config{}, usage(err)
		}
		ready, err = request.Resume(cmd.Context(), e.storeDir(f.out), f.resume, programs)
	} else {
		f.Command = rerunCommand(cmd)
		ready, err = f.Begin(cmd.Context(), e.storeDir(f.out), programs)
	}
	for _, note := range ready.Notes {
		e.say("benchctl: %s", note)
	}
	e.warnOf(ready.Warnings)
	if err != nil {
		return launch.Config{}, failed(err)
	}
	return ready.Config, nil
}

// warnOf says warnings.
func (e env) warnOf(warnings []measure.Warning) {
	for _, w := range warnings {
		e.say("benchctl: warning: %s", w)
	}
}

// aloneWithResume refuses flags that the resumed run has decided.
func aloneWithResume(cmd *cobra.Command) error {
	var wrong error
	cmd.Flags().Visit(func(f *pflag.Flag) {
		switch f.Name {
		case "resume", "out", "json", "wide", "open", "live":
		default:
			wrong = fmt.Errorf("run: --%s can't be given with --resume: the run that goes on has decided it", f.Name)
		}
	})
	return wrong
}

// rerunCommand is the command line that repeats the run, the flags as given, but for the
// seed, which may be drawn yet.
func rerunCommand(cmd *cobra.Command) string {
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
		case "seed", "json", "wide", "out", "open", "live":
		default:
			words = append(words, "--"+f.Name+"="+shellQuote(value))
		}
	})
	return strings.Join(words, " ")
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
