package report

import (
	"fmt"
	"testing"

	"github.com/benchctl/benchctl/results/judge"
)

// measured is a cell of a sweep.
func measured(scenario, app, candidate string, rps float64) judge.Cell {
	return judge.Cell{
		Scenario: scenario, App: app, Candidate: candidate, Server: candidate, Class: "engine", Verdict: judge.Valid, Rank: 1, RankedBy: judge.MetricThroughput,
		Figures: judge.Figures{judge.MetricThroughput: {Value: rps, Low: rps - 1, High: rps + 1}},
	}
}

// told is what a series has, in a line for each candidate.
func told(s Series) (lines []string) {
	for _, l := range s.Lines {
		line := l.Candidate
		for _, p := range l.Points {
			line += fmt.Sprintf(" %g:%g", p.X, p.Estimate.Value)
			if p.Degraded {
				line += "?"
			}
		}
		lines = append(lines, line)
	}
	return lines
}

func TestSeriesOfScenarios(t *testing.T) {
	s := &judge.Summary{Cells: []judge.Cell{
		measured("concurrency-64", "hello", "a", 64), measured("concurrency-64", "hello", "b", 6),
		measured("concurrency-1", "hello", "a", 1), measured("concurrency-1", "hello", "b", 7),
		measured("concurrency-16", "hello", "a", 16), measured("concurrency-16", "hello", "once", 5),
		measured("concurrency-1", "json", "a", 1), measured("concurrency-16", "json", "a", 16), // two tables are no series
		measured("smoke", "hello", "a", 1),
	}}
	s.Cells[2].Verdict = judge.Degraded
	s.Cells[3].Verdict = judge.Invalid
	all := New(s).Series()
	if len(all) != 1 {
		t.Fatalf("%d series, want 1", len(all))
	}
	got := all[0]
	if want := "[a 1:1? 16:16 64:64]"; fmt.Sprint(told(got)) != want { // b counts at one number of connections, as once does
		t.Errorf("lines %v, want %s", told(got), want)
	}
	if got.Of != "concurrency" || got.Where != "hello" || got.Class.Name != "engine" || got.Metric.Name != judge.MetricThroughput || got.Name != "concurrency-hello_engine" {
		t.Errorf("series %q of %q at %q, class %q, metric %q", got.Name, got.Of, got.Where, got.Class.Name, got.Metric.Name)
	}
}

func TestSeriesOfParameters(t *testing.T) {
	var cells []judge.Cell
	for _, bytes := range []string{"10000", "10", "100"} {
		cells = append(cells, measured("sizes", "size?bytes="+bytes, "a", 1), measured("sizes", "other?a=1&b="+bytes, "a", 1), measured("sizes", "word?is=x"+bytes, "a", 1))
	}
	all := New(&judge.Summary{Cells: cells}).Series()
	if len(all) != 1 || all[0].Of != "size bytes" || all[0].Where != "sizes" {
		t.Fatalf("series %+v, want that of the bytes alone", all)
	}
	if want := "[a 10:1 100:1 10000:1]"; fmt.Sprint(told(all[0])) != want {
		t.Errorf("lines %v, want %s", told(all[0]), want)
	}
}

// Where requests are offered at a rate, each candidate's points are at its own rates.
func TestSeriesOfOfferedRates(t *testing.T) {
	var cells []judge.Cell
	for i, share := range []string{"50", "70", "85"} {
		for _, name := range []string{"a", "b"} {
			c := measured("latency-"+share, "hello", name, float64(i+1))
			rate := map[string][]float64{"a": {1000, 1400, 1700}, "b": {10, 14, 17}}[name][i]
			p99 := 10 * float64(i+1)
			c.Offered, c.Latency = &rate, &judge.Latency{P99: &p99}
			cells = append(cells, c)
		}
	}
	all := New(&judge.Summary{Cells: cells}).Series()
	if len(all) != 2 {
		t.Fatalf("series %+v, want those of p99, which is known, and of what ranks", all)
	}
	for i, want := range []struct{ metric, lines string }{
		{"p99", "[a 1000:10 1400:20 1700:30 b 10:10 14:20 17:30]"},
		{judge.MetricThroughput, "[a 1000:1 1400:2 1700:3 b 10:1 14:2 17:3]"},
	} {
		s := all[i]
		if s.Of != "offered rate" || s.Unit != "req/s" || s.Metric.Name != want.metric || fmt.Sprint(told(s)) != want.lines {
			t.Errorf("series of %s by %s (%s): %v, want that of %s by the offered rate: %s", s.Metric.Name, s.Of, s.Unit, told(s), want.metric, want.lines)
		}
	}
	cells[0].Offered = nil
	if all := New(&judge.Summary{Cells: cells}).Series(); len(all) != 1 || all[0].Of != "latency" {
		t.Errorf("series %+v: a rate is not known", all)
	}
}

// Tables that are ranked by different figures have no curve together.
func TestNoSeriesOfSeveralMetrics(t *testing.T) {
	cells := []judge.Cell{measured("rate-1", "hello", "a", 1), measured("rate-2", "hello", "a", 2), measured("rate-3", "hello", "a", 3)}
	cells[2].RankedBy = judge.MetricServerCPU
	cells[2].Figures[judge.MetricServerCPU] = &judge.Estimate{Value: 1}
	if all := New(&judge.Summary{Cells: cells}).Series(); len(all) != 0 {
		t.Errorf("series %+v", all)
	}
}
