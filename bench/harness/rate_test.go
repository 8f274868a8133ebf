package harness_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/benchctl/benchctl/bench/launch"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/judge"
	"github.com/benchctl/benchctl/scenarios/offered"
	"github.com/benchctl/benchctl/scenarios/slo"
)

// Rates are what the scenario says of them, by ceilings of each launch where they
// are shares, and what was offered stands in the trials.
func TestRates(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		pace offered.Pace
		rate func(trial results.Trial, slowest float64) float64
	}{
		{"one rate", offered.Pace{Rate: 400}, func(results.Trial, float64) float64 { return 400 }},
		{"ramp", offered.Pace{Ramp: [2]float64{100, 700}}, func(results.Trial, float64) float64 { return 400 }},
		{"random steps", offered.Pace{Steps: []float64{300, 500}, Arrivals: offered.Poisson}, func(results.Trial, float64) float64 { return 400 }},
		{"share of each ceiling", offered.Pace{Share: 0.1, ShareOf: offered.Ceiling, Arrivals: offered.Poisson},
			func(trial results.Trial, _ float64) float64 { return 0.1 * trial.Ceiling }},
		{"share of the slowest", offered.Pace{Share: 0.1, ShareOf: offered.Slowest}, func(_ results.Trial, slowest float64) float64 { return 0.1 * slowest }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := prepare(t, "", func(m *results.Manifest) {
				m.Blocks, m.Slice = m.Blocks[:1], 100*time.Millisecond
				if m.Blocks[0].Load.Pace = c.pace; c.pace.Relative() {
					m.Launches = 2
				}
			}, "nethttp", "fasthttp")
			r, err := s.measure(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			complete(t, r)
			type cell struct {
				launch    int
				candidate string
			}
			slowest, ceilings := make(map[int]float64), make(map[cell]float64) // which may be the same by chance
			for _, trial := range r.Trials {
				if least := slowest[trial.Launch]; least == 0 || trial.Ceiling < least {
					slowest[trial.Launch] = trial.Ceiling
				}
				of := cell{trial.Launch, trial.Candidate}
				if before, known := ceilings[of]; known && before != trial.Ceiling || (trial.Ceiling > 0) != c.pace.Relative() {
					t.Errorf("the ceiling of %+v is %v after %v", of, trial.Ceiling, before)
				}
				ceilings[of] = trial.Ceiling
			}
			due := make(map[[2]int]uint64)
			for _, trial := range r.Trials {
				want := c.rate(trial, slowest[trial.Launch])
				if math.Abs(trial.Rate-want) > 1e-9*want {
					t.Errorf("the rate was %v, want %v", trial.Rate, want)
				}
				mean := want * trial.Elapsed.Seconds()
				if off := math.Abs(float64(trial.Due) - mean); off > 2+6*math.Sqrt(mean) || trial.Counted > trial.Due {
					t.Errorf("trial %+v: %v requests are due", trial, mean)
				}
				round := [2]int{trial.Launch, trial.Round}
				if before, ok := due[round]; ok && before != trial.Due && c.pace.ShareOf != offered.Ceiling {
					t.Errorf("round %v has %d requests for one and %d for another", round, before, trial.Due)
				}
				due[round] = trial.Due
			}
			sum, err := judge.Summarize(r)
			if err != nil {
				t.Fatal(err)
			}
			for _, cell := range sum.Cells {
				if cell.Offered == nil || (cell.Ceiling != nil) != c.pace.Relative() || cell.RankedBy != judge.MetricServerCPU {
					t.Errorf("cell %+v", cell)
				}
			}
		})
	}
}

// A search goes through all rounds of each launch step by step, also when it is
// interrupted on the way.
func TestSearch(t *testing.T) {
	t.Parallel()
	objective, err := slo.Parse("p50<2ms")
	if err != nil {
		t.Fatal(err)
	}
	s := prepare(t, "", func(m *results.Manifest) {
		m.Blocks, m.Launches, m.Rounds, m.Slice = m.Blocks[:1], 2, 10, 30*time.Millisecond
		m.Blocks[0].Load.SLO = &objective
	}, "nethttp", "fasthttp")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s.Observe = func(e launch.Event) {
		if e.Kind == launch.Round && e.Done == 4 {
			cancel()
		}
	}
	if r, err := s.measure(ctx); !errors.Is(err, context.Canceled) || len(r.Done()) != 4 {
		t.Fatalf("interrupted: %v, %d rounds", err, len(r.Done()))
	}
	s.resume()
	s.Observe = nil
	r, err := s.measure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	complete(t, r)
	searches := make(map[string]*slo.Staircase)
	for _, trial := range r.Trials {
		name := fmt.Sprint(trial.Launch, trial.Candidate)
		search := searches[name]
		if search == nil {
			search = slo.NewStaircase(slo.StartShare * trial.Ceiling)
			searches[name] = search
		}
		if trial.SLO == nil || trial.Ceiling == 0 || trial.Rate != search.Rate() || trial.SLO.Reversals != search.Reversals() {
			t.Fatalf("trial %+v, %+v: the search is at %v after %d reversals", trial, trial.SLO, search.Rate(), search.Reversals())
		}
		if within := time.Duration(trial.SLO.Percentile) < objective.Limit; trial.SLO.Met && (!within || trial.Due == 0) {
			t.Errorf("trial %+v, %+v", trial, trial.SLO)
		}
		search.Step(trial.SLO.Met)
	}
	sum, err := judge.Summarize(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range sum.Cells {
		if c.SLO == nil || c.SLO.Objective != "p50<2ms" || c.Figures.Throughput() != nil || c.Latency != nil || c.Verdict == judge.Invalid {
			t.Errorf("cell %+v", c)
		}
	}
}
