package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/benchctl/benchctl/internal/nearest"
	"github.com/benchctl/benchctl/report"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/judge"
)

type compareFlags struct {
	run, store string
	tolerance  float64
	alpha      float64
	force      bool
	json       bool
}

func compareCommand(e env) *cobra.Command {
	var f compareFlags
	cmd := &cobra.Command{
		Use:   "compare A B",
		Short: "Compare two candidates of a run, or two runs; exit 1 if B is slower",
		Long: `Compare B with A: two candidates of one run, two versions of one run's
candidates (@base @head), or two runs. The ratio is B/A with its 95 % confidence
interval. The exit code is 1 if any cell of B is slower than A, that is, serves
fewer requests per second or takes more CPU time per request, and the whole
interval says so, also when corrected for the number of comparisons (Holm).
CAN SEE is the difference that such data would resolve in 80 % of cases.`,
		Example: "  benchctl compare nethttp fasthttp\n  benchctl compare @base @head --tolerance 2\n  benchctl compare 20260101-0300 20260102-0300",
		Args:    takes("A, a candidate or a run,", "B, a candidate or a run,"),
		RunE:    func(_ *cobra.Command, args []string) error { return e.compare(args[0], args[1], f) },
	}
	fs := cmd.Flags()
	fs.StringVar(&f.run, "run", "latest", "the run whose candidates are compared")
	fs.StringVar(&f.store, "store", "", "directory of the runs (default $BENCHCTL_STORE or results/runs)")
	fs.Float64Var(&f.tolerance, "tolerance", 0, "difference in % that is let pass")
	fs.Float64Var(&f.alpha, "family-alpha", 0.05, "probability of any false finding among all comparisons")
	fs.BoolVar(&f.force, "force", false, "compare runs of different machines all the same")
	fs.BoolVar(&f.json, "json", false, "print JSON")
	return cmd
}

func (e env) compare(a, b string, f compareFlags) error {
	if f.tolerance < 0 {
		return usage(fmt.Errorf("compare: --tolerance %g: negative", f.tolerance))
	}
	if !(f.alpha > 0 && f.alpha <= 1) {
		return usage(fmt.Errorf("compare: --family-alpha %g: not within 0 and 1", f.alpha))
	}
	all, missing, err := e.comparisons(a, b, f)
	if err != nil {
		return err
	}
	judge.CorrectFamily(all, f.alpha)
	if len(all) == 0 && len(missing) == 0 {
		return fail(exitFound, fmt.Errorf("compare %s %s: no scenario and app has both, with enough slices to compare", a, b))
	}
	switch {
	case f.json:
		err = e.printJSON(all)
	case len(all) > 0:
		err = e.printComparisons(all)
	}
	if err != nil {
		return unable(err)
	}
	for _, m := range missing {
		e.say("benchctl: compare: %s", m)
	}
	for _, c := range all {
		if c.Worse && c.Decides {
			return &failure{code: exitFound}
		}
	}
	if len(missing) > 0 {
		return &failure{code: exitFound}
	}
	return nil
}

// comparisons finds out what A and B are. missing says what can't be compared.
func (e env) comparisons(a, b string, f compareFlags) (all []judge.Comparison, missing []string, err error) {
	store := e.storeDir(f.store)
	dirA, errA := results.Find(store, a)
	dirB, errB := results.Find(store, b)
	if errA == nil && errB == nil {
		return e.compareRuns(dirA, dirB, f)
	}
	for _, err := range []error{errA, errB} {
		if errors.Is(err, results.ErrAmbiguous) {
			return nil, nil, usage(err)
		}
	}
	dir, err := results.Find(store, f.run)
	if err != nil {
		return nil, nil, usage(err)
	}
	summary, err := summarize(dir)
	if err != nil {
		return nil, nil, unable(err)
	}
	pairs, err := candidatePairs(summary, a, b)
	if err != nil {
		return nil, nil, usage(err)
	}
	for _, p := range pairs {
		compared, lacking := judge.CompareCandidates(summary, p[0], p[1], f.tolerance/100)
		all, missing = append(all, compared...), append(missing, lacking...)
	}
	e.tellPartial(summary.Run.ID, summary.Run.Status)
	return all, missing, nil
}

// tellPartial says that figures are of fewer slices than were planned.
func (e env) tellPartial(run, status string) {
	if status == judge.StatusPartial {
		e.say("benchctl: compare: run %s is partial: it was ended before every planned slice was measured", run)
	}
}

func (e env) compareRuns(dirA, dirB string, f compareFlags) (all []judge.Comparison, missing []string, err error) {
	a, err := results.Read(dirA)
	if err != nil {
		return nil, nil, unable(err)
	}
	b, err := results.Read(dirB)
	if err != nil {
		return nil, nil, unable(err)
	}
	e.tellPartial(a.Manifest.ID, judge.Status(a))
	e.tellPartial(b.Manifest.ID, judge.Status(b))
	if ea, eb := a.Manifest.Environment, b.Manifest.Environment; ea.Fingerprint != eb.Fingerprint {
		differences := strings.Join(ea.Differences(eb), "; ")
		if !f.force {
			return nil, nil, &failure{
				code: exitUsage, err: fmt.Errorf("compare: the runs were measured on different machines, or one set up otherwise: %s", differences),
				hint: "their ratio says little about the servers; --force prints it",
			}
		}
		e.say("benchctl: compare: the runs differ in %s", differences)
	}
	if ea, eb := a.Manifest.Env, b.Manifest.Env; !slices.Equal(ea, eb) {
		e.say("benchctl: compare: the candidates' environment was %s in %s, and %s in %s",
			orFixed(ea), a.Manifest.ID, orFixed(eb), b.Manifest.ID)
	}
	all, missing, err = judge.CompareRuns(a, b, f.tolerance/100)
	return all, missing, unable(err)
}

// orFixed is the variables that were set for candidates.
func orFixed(env []string) string {
	if len(env) == 0 {
		return "the usual one"
	}
	return "with " + strings.Join(env, " ")
}

// candidatePairs are the two candidates or, for versions such as @base and
// @head, each candidate of the one with its like of the other.
func candidatePairs(s *judge.Summary, a, b string) ([][2]string, error) {
	var names []string
	seen := make(map[string]bool)
	for _, c := range s.Cells {
		if !seen[c.Candidate] {
			seen[c.Candidate] = true
			names = append(names, c.Candidate)
		}
	}
	if strings.HasPrefix(a, "@") && strings.HasPrefix(b, "@") {
		return versionPairs(names, a, b)
	}
	for _, name := range []string{a, b} {
		if !seen[name] {
			return nil, fmt.Errorf("compare: run %s has no candidate %q%s", s.Run.ID, name, nearest.Hint(name, names))
		}
	}
	return [][2]string{{a, b}}, nil
}

func versionPairs(names []string, a, b string) ([][2]string, error) {
	var pairs [][2]string
	for _, name := range names {
		other := strings.Replace(name, a, b, 1)
		if !strings.Contains(name, a) {
			continue
		}
		for _, o := range names {
			if o == other {
				pairs = append(pairs, [2]string{name, other})
			}
		}
	}
	if len(pairs) == 0 {
		return nil, fmt.Errorf("compare: no candidate is there both as %s and as %s: there are %s", a, b, strings.Join(names, ", "))
	}
	return pairs, nil
}

func (e env) printComparisons(all []judge.Comparison) error {
	rows := [][]string{{"SCENARIO", "APP", "METRIC", "A", "B", "B/A", "95 % INTERVAL", "CAN SEE", "B IS"}}
	unpaired := false
	for _, c := range all {
		unpaired = unpaired || !c.Paired
		rows = append(rows, []string{
			c.Scenario, c.App, metricLabel(c.Metric), report.Printable(c.A), report.Printable(c.B),
			fmt.Sprintf("%.3f", c.Ratio), fmt.Sprintf("%.3f to %.3f", c.Low, c.High), percent(c.MDE), finding(c),
		})
	}
	if err := e.printRows(rows); err != nil {
		return err
	}
	if unpaired {
		fmt.Fprintln(e.stderr, "benchctl: the runs are two sittings: the machine's drift between them is not in the intervals")
	}
	return nil
}

// percent shows a share; one that is not known is empty.
func percent(share *float64) string {
	if share == nil {
		return ""
	}
	return fmt.Sprintf("%.1f %%", 100**share)
}

// metricLabel is a metric with its unit: "server CPU, µs/req".
func metricLabel(metric string) string {
	m := judge.MetricNamed(metric).For("the objective")
	return m.Head + ", " + m.Unit
}

func finding(c judge.Comparison) string {
	switch {
	case c.Worse && !c.Decides:
		return "worse"
	case c.Better && !c.Decides:
		return "better"
	case c.Worse:
		return "slower"
	case c.Better:
		return "faster"
	}
	return "not told apart"
}
