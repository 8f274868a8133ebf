package report_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/report"
	"github.com/benchctl/benchctl/results/judge"
)

// A framework's row tells what it costs over the engine that it runs on, if that is
// in the table too.
func TestOverEngine(t *testing.T) {
	cell := func(name, base string, rank int) judge.Cell {
		rate := &judge.Estimate{Value: 1000, Low: 990, High: 1010}
		return judge.Cell{Scenario: "s", App: "hello", Candidate: name, Base: base, Rank: rank, RankedBy: judge.MetricThroughput, Verdict: judge.Valid, Figures: judge.Figures{judge.MetricThroughput: rate, judge.MetricServerCPU: rate}}
	}
	cpu := func(a, b string, ratio, half float64) judge.Pair {
		return judge.Pair{Scenario: "s", App: "hello", A: a, B: b, Metric: judge.MetricServerCPU, Ratio: ratio, Low: ratio - half, High: ratio + half}
	}
	r := report.New(&judge.Summary{
		Cells: []judge.Cell{cell("nethttp", "", 1), cell("gin", "nethttp", 2), cell("chi", "nethttp", 3), cell("fiber", "fasthttp", 4)},
		Pairs: []judge.Pair{cpu("nethttp", "gin", 1.082, 0.011), cpu("chi", "nethttp", 0.99, 0.02)},
	})
	table := r.Tables[0]
	at := slices.IndexFunc(table.Columns, func(c report.Column) bool { return c.Key == report.OverBase })
	if at < 0 {
		t.Fatal("no such column")
	}
	var got []string
	for _, row := range table.Rows {
		got = append(got, row.Values[at].String())
	}
	if want := []string{"+1.0 % ±2.0", "–", "+8.2 % ±1.1", "–"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	said := strings.Join(table.Findings, "\n")
	for _, want := range []string{
		"gin spends 1.08x [1.07, 1.09] the server CPU per request of nethttp, the engine it runs on.",
		"What chi costs over nethttp, the engine it runs on, can't be told",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("findings are\n%s\nwithout %q", said, want)
		}
	}
}
