package judge_test

import (
	"strings"
	"testing"
	"time"

	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/internal/sample"
	"github.com/benchctl/benchctl/results/judge"
	"github.com/benchctl/benchctl/scenarios/slo"
)

// searched is a run that searched the rate for p90<10ms in 12 rounds, in which b
// has twice the rate of a.
func searched(t *testing.T, change func(*results.Trial)) []judge.Cell {
	t.Helper()
	m := sample.Manifest()
	o, err := slo.Parse("p90<10ms")
	if err != nil {
		t.Fatal(err)
	}
	m.Blocks[0].Load.SLO, m.Rounds = &o, 12
	trials := sample.Rounds(12, func(trial *results.Trial) {
		trial.Rate, trial.Due, trial.Elapsed = 10_000+float64(trial.Round%2)*100, 1000, 100*time.Millisecond
		if trial.Candidate == "b" {
			trial.Rate *= 2
		}
		trial.SLO = &results.Search{Met: trial.Round%2 == 0, Reversals: trial.Round}
		if change != nil {
			change(trial)
		}
	})
	s := summarize(t, m, sample.Launched(), trials)
	for _, p := range s.Pairs {
		if p.Metric != judge.MetricSLORate {
			t.Errorf("pair by %s", p.Metric)
		}
	}
	sample.JSON(t, s)
	return s.Cells
}

func TestSearchedRate(t *testing.T) {
	cells := searched(t, nil)
	for i, want := range []float64{10_050, 20_100} {
		c := cells[i]
		if c.SLO == nil || c.SLO.Objective != "p90<10ms" || c.Figures[judge.MetricSLORate] == nil || c.Figures[judge.MetricSLORate].Value != want || c.Figures[judge.MetricSLORate].Low > want || c.Figures[judge.MetricSLORate].High < want {
			t.Errorf("%s: %+v", c.Candidate, c.SLO)
		}
		if c.Figures.Throughput() != nil || c.Figures.ServerCPU() != nil || c.Latency != nil || c.Offered != nil || c.RankedBy != judge.MetricSLORate || c.Rank != 2-i || c.Verdict != judge.Valid {
			t.Errorf("%+v", c)
		}
	}
}

// A rate that was not found is none, with the reason why, and is not ranked.
func TestSearchWithoutARate(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*results.Trial)
		reason string
		found  bool
	}{
		{"never met", func(trial *results.Trial) { trial.SLO.Met, trial.SLO.Reversals = false, 0 }, "not met at 10000 req/s, the lowest rate tried", false},
		{"always met", func(trial *results.Trial) { trial.SLO.Met, trial.SLO.Reversals = true, 0 },
			"not settled: 0 slices after the first 4 turns of the search, and an interval takes 6; the highest rate that met it is 10100 req/s", false},
		{"five slices at the end", func(trial *results.Trial) { trial.SLO.Reversals = max(0, trial.Round-3) },
			"not settled: 5 slices after the first 4 turns of the search, and an interval takes 6; the highest", false},
		{"six slices at the end", func(trial *results.Trial) { trial.SLO.Reversals = max(0, trial.Round-2) }, "", true},
		{"short slices", func(trial *results.Trial) { trial.Due = 700 }, "short slices: some had 700 requests, and p90 takes 1000 for 100 beyond it", true},
		{"errors beyond it", func(trial *results.Trial) {
			if !trial.SLO.Met {
				trial.Errors = map[string]uint64{"timeout": 500}
			}
		}, "", true},
		{"slices short by chance", func(trial *results.Trial) { trial.Due = 960 }, "", true},
	} {
		a := searched(t, func(trial *results.Trial) {
			if trial.Candidate == "a" {
				c.change(trial)
			}
		})[0]
		if (a.Figures[judge.MetricSLORate] != nil) != c.found || (a.Rank > 0) != c.found {
			t.Errorf("%s: %+v, rank %d", c.name, a.Figures[judge.MetricSLORate], a.Rank)
		}
		if got := judge.Sentences(a.Reasons); !strings.HasPrefix(got, c.reason) || c.reason == "" && got != "" {
			t.Errorf("%s: %q, want %q", c.name, got, c.reason)
		}
		if (a.Verdict == judge.Valid) != (c.reason == "") {
			t.Errorf("%s: %s", c.name, a.Verdict)
		}
	}
}
