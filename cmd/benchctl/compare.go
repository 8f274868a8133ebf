package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/benchctl/benchctl/report/text"
	"github.com/benchctl/benchctl/results/judge"
)

// compareFlags are the flags of "benchctl compare".
type compareFlags struct {
	judge.Question
	json bool
}

func compareCommand(e env) *cobra.Command {
	var f compareFlags
	cmd := &cobra.Command{
		Use:   "compare A B",
		Short: "Compare two candidates of a run, or two runs; exit 1 if B is slower or worse",
		Long: `Compare B with A: two candidates of one run, two versions of one run's
candidates (@base @head), or two runs. The ratio is B/A with its 95 % confidence
interval. CAN SEE is the difference that such data resolves in 80 % of cases.
What was watched around events is compared by the difference B-A.

The exit code is 1 if a cell of B is slower than that of A: it serves fewer
requests per second, or takes more CPU time per request; or if it is worse: it
loses more requests around events, or stalls for longer. The whole interval must
show it, also after the correction for the number of comparisons (Holm). The exit
code is 1 as well if a cell cannot be compared.`,
		Example: "  benchctl compare nethttp fasthttp\n  benchctl compare @base @head --tolerance 2\n  benchctl compare 20260101-0300 20260102-0300",
		Args:    takes("A, a candidate or a run,", "B, a candidate or a run,"),
		RunE: func(_ *cobra.Command, args []string) error {
			f.A, f.B, f.Store = args[0], args[1], e.storeDir(f.Store)
			return e.compare(f)
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&f.Run, "run", "latest", "the run whose candidates are compared")
	fs.StringVar(&f.Store, "store", "", "directory of the runs (default $BENCHCTL_STORE or results/runs)")
	fs.Float64Var(&f.Tolerance, "tolerance", 0, "difference in % that passes")
	fs.Float64Var(&f.Alpha, "family-alpha", 0.05, "probability of any false finding among all comparisons")
	fs.BoolVar(&f.Force, "force", false, "compare runs of different machines")
	fs.BoolVar(&f.json, "json", false, "print JSON")
	return cmd
}

func (e env) compare(f compareFlags) error {
	answer, err := f.Answer()
	for _, remark := range answer.Remarks {
		e.say("benchctl: compare: %s", remark)
	}
	if err != nil {
		return failed(err)
	}
	all, missing := answer.Comparisons, answer.Missing
	if len(all) == 0 && len(missing) == 0 {
		return fail(exitFound, fmt.Errorf("compare %s %s: no scenario and app has both, with enough slices or repetitions to compare", f.A, f.B))
	}
	switch {
	case f.json:
		err = e.printJSON(all)
	case len(all) > 0:
		err = text.Comparisons(e.stdout, all, e.width)
	}
	if err != nil {
		return unable(err)
	}
	for _, m := range missing {
		e.say("benchctl: compare: %s", m)
	}
	if answer.Regressed() {
		return &failure{code: exitFound}
	}
	return nil
}
