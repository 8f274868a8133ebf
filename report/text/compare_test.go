package text_test

import (
	"strings"
	"testing"

	"github.com/benchctl/benchctl/report/text"
	"github.com/benchctl/benchctl/results/judge"
)

func TestComparisons(t *testing.T) {
	mde := 0.015
	pair := judge.Pair{Scenario: "smoke", App: "hello", A: "a", B: "b\x07", Metric: judge.MetricServerCPU, Ratio: 1.25, Low: 1.2, High: 1.3}
	worse, better, shown, lesser := judge.Comparison{Pair: pair, Worse: true, Decides: true}, judge.Comparison{Pair: pair, Better: true, Decides: true}, judge.Comparison{Pair: pair, Worse: true}, judge.Comparison{Pair: pair, Better: true}
	worse.MDE, better.Metric = &mde, judge.MetricSLORate
	var out strings.Builder
	if err := text.Comparisons(&out, []judge.Comparison{worse, better, shown, lesser, {Pair: pair, Decides: true}}, 0); err != nil {
		t.Fatal(err)
	}
	const want = `SCENARIO  APP    METRIC                        A  B      B/A    95 % INTERVAL   CAN SEE  B IS
smoke     hello  server CPU, µs/req            a  b\x07  1.250  1.200 to 1.300  1.5 %    slower
smoke     hello  rate at the objective, req/s  a  b\x07  1.250  1.200 to 1.300           faster
smoke     hello  server CPU, µs/req            a  b\x07  1.250  1.200 to 1.300           worse
smoke     hello  server CPU, µs/req            a  b\x07  1.250  1.200 to 1.300           better
smoke     hello  server CPU, µs/req            a  b\x07  1.250  1.200 to 1.300           not told apart
`
	if got := out.String(); got != want {
		t.Errorf("the table is\n%s", got)
	}
}

// Differences have a table of their own, in the metric's unit.
func TestDifferences(t *testing.T) {
	lost := judge.Comparison{
		Pair:    judge.Pair{Scenario: "reload-64", App: "ident", A: "a", B: "b", Metric: judge.MetricLost},
		Decides: true, Worse: true, Difference: &judge.Difference{A: 0, B: 35.17, Value: 35.17, Low: 30, High: 40.33, MDE: 7},
	}
	stall := lost
	stall.Metric, stall.Worse, stall.Difference = "stall_ms", false, &judge.Difference{A: 12, B: 10, Value: -2, Low: -5.5, High: 1.5, MDE: 4.8}
	var out strings.Builder
	if err := text.Comparisons(&out, []judge.Comparison{lost, stall}, 0); err != nil {
		t.Fatal(err)
	}
	const want = `SCENARIO   APP    METRIC        A  B  A HAS  B HAS  B-A    95 % INTERVAL   CAN SEE  B IS
reload-64  ident  lost, /event  a  b  0      35.2   +35.2  +30.0 to +40.3  7.00     worse
reload-64  ident  stall, ms     a  b  12.0   10.0   -2.00  -5.50 to +1.50  4.80     not told apart
`
	if got := out.String(); got != want {
		t.Errorf("the table is\n%s", got)
	}
	ratio := judge.Comparison{Pair: judge.Pair{Scenario: "smoke", App: "hello", A: "a", B: "b", Metric: judge.MetricServerCPU, Ratio: 1, Low: 0.9, High: 1.1}}
	out.Reset()
	if err := text.Comparisons(&out, []judge.Comparison{lost, ratio}, 0); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); strings.Count(got, "SCENARIO") != 2 || !strings.Contains(got, "not told apart\n\nSCENARIO") {
		t.Errorf("two tables:\n%s", got)
	}
}
