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
