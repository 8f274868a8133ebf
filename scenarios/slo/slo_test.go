package slo_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/benchctl/benchctl/internal/stats"
	"github.com/benchctl/benchctl/scenarios/slo"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]slo.Objective{
		"p99<10ms":        {Name: "p99", Percent: 99, Limit: 10 * time.Millisecond},
		"p50<=1s":         {Name: "p50", Percent: 50, Limit: time.Second, Inclusive: true},
		" p999 <= 1.5s ":  {Name: "p999", Percent: 99.9, Limit: 1500 * time.Millisecond, Inclusive: true},
		"p90< 500us":      {Name: "p90", Percent: 90, Limit: 500 * time.Microsecond},
		"p95<1m0.000001s": {Name: "p95", Percent: 95, Limit: time.Minute + time.Microsecond},
	} {
		got, err := slo.Parse(text)
		if err != nil || got != want {
			t.Errorf("Parse(%q) = %+v, %v", text, got, err)
		}
		if again, err := slo.Parse(got.String()); err != nil || again != got {
			t.Errorf("%q is written %q, which is read %+v, %v", text, got, again, err)
		}
	}
	for text, want := range map[string]string{
		"":          `"" is not an objective such as p99<10ms`,
		"p99>10ms":  `"p99>10ms" is not an objective such as p99<10ms`,
		"p9<10ms":   `"p9<10ms": unknown percentile "p9": did you mean "p90"?`,
		"mean<10ms": `"mean<10ms": unknown percentile "mean": known are p50, p90, p95, p99, p999`,
		"p99<10":    `"p99<10": the limit is not a time with unit, above 0 to 1h0m0s`,
		"p99<0s":    `"p99<0s": the limit is not a time`,
		"p99<-1ms":  `"p99<-1ms": the limit is not a time`,
		"p99<2h":    `"p99<2h": the limit is not a time`,
		"p99<==1ms": `"p99<==1ms": the limit is not a time`,
	} {
		if _, err := slo.Parse(text); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("Parse(%q): %v, want %s", text, err, want)
		}
	}
}

func TestJSON(t *testing.T) {
	o, _ := slo.Parse("p99<=10ms")
	text, err := json.Marshal(map[string]*slo.Objective{"slo": &o})
	var back map[string]*slo.Objective
	if err != nil || json.Unmarshal(text, &back) != nil || *back["slo"] != o {
		t.Errorf("%s: %v, %v", text, err, back)
	}
	if json.Unmarshal([]byte(`{"slo":"p98<1ms"}`), &back) == nil {
		t.Error("no error")
	}
}

func TestMet(t *testing.T) {
	strict, _ := slo.Parse("p99<10ms")
	inclusive, _ := slo.Parse("p99<=10ms")
	right := slo.Slice{Percentile: 9 * time.Millisecond, Due: 1000, Counted: 990}
	for name, c := range map[string]struct {
		change            func(*slo.Slice)
		strict, inclusive bool
	}{
		"within":           {func(*slo.Slice) {}, true, true},
		"at the limit":     {func(s *slo.Slice) { s.Percentile = 10 * time.Millisecond }, false, true},
		"beyond":           {func(s *slo.Slice) { s.Percentile = 11 * time.Millisecond }, false, false},
		"an error":         {func(s *slo.Slice) { s.Errors = 1 }, false, false},
		"too few answered": {func(s *slo.Slice) { s.Counted = 989 }, false, false},
		"nothing at all":   {func(s *slo.Slice) { *s = slo.Slice{} }, false, false},
	} {
		s := right
		c.change(&s)
		if strict.Met(s) != c.strict || inclusive.Met(s) != c.inclusive {
			t.Errorf("%s: %v, %v", name, strict.Met(s), inclusive.Met(s))
		}
	}
}

func TestSamples(t *testing.T) {
	for text, want := range map[string]float64{"p50<1s": 200, "p90<1s": 1000, "p95<1s": 2000, "p99<1s": 10_000, "p999<1s": 100_000} {
		if o, _ := slo.Parse(text); math.Abs(o.Samples()-want) > 1e-6*want {
			t.Errorf("%s: %v samples, want %v", text, o.Samples(), want)
		}
	}
}

func TestSteps(t *testing.T) {
	s := slo.NewStaircase(1000)
	var got []string
	for _, met := range []bool{true, true, false, false, true, false, true, false, true, false, true} {
		s.Step(met)
		got = append(got, fmt.Sprintf("%.0f", s.Rate()))
	}
	// 1.5 and its roots 1.225, 1.107 and 1.052, and then 1.04
	want := "1500 2250 1837 1500 1660 1578 1641 1578 1641 1578 1641"
	if strings.Join(got, " ") != want || s.Reversals() != 8 {
		t.Errorf("rates %v after %d reversals, want %s", got, s.Reversals(), want)
	}
	for range 500 {
		s.Step(false)
	}
	if s.Rate() != 1000.0/64 {
		t.Errorf("the lowest rate is %v", s.Rate())
	}
	if s.Step(true); !(s.Rate() > 1000.0/64) {
		t.Error("it does not rise again")
	}
}

// search runs launches of rounds against a server whose 99th percentile grows as
// that of a queue, 1/(capacity - rate), and varies from slice to slice by some
// share. It returns the rates tried after the reversals, by launch.
func search(rng *rand.Rand, o slo.Objective, capacity, noise, start float64, launches, rounds int) [][]float64 {
	var groups [][]float64
	for range launches {
		var settled []float64
		s := slo.NewStaircase(start * math.Exp(0.1*rng.NormFloat64()))
		for range rounds {
			if s.Reversals() >= slo.SettledAfter {
				settled = append(settled, s.Rate())
			}
			seconds := math.Inf(1)
			if s.Rate() < capacity {
				seconds = 4.6 / (capacity - s.Rate()) * math.Exp(noise*rng.NormFloat64())
			}
			met := o.Met(slo.Slice{Percentile: time.Duration(min(seconds, 100) * 1e9), Due: 1000, Counted: 1000})
			s.Step(met)
		}
		groups = append(groups, settled)
	}
	return groups
}

// The threshold of a server that is known is found again, within its interval.
func TestSearchFindsTheThreshold(t *testing.T) {
	o, _ := slo.Parse("p99<2ms")
	const capacity = 40_000.0
	threshold := capacity - 4.6/0.002 // where the percentile is the limit
	// An interval can't know that rates within a launch follow from each other, and
	// covers the less the more slices vary.
	for _, c := range []struct {
		noise, off float64
		covered    int
	}{{0.05, 0.04, 95}, {0.3, 0.04, 88}, {1, 0.07, 78}} {
		noise := c.noise
		covered, worst := 0, 0.0
		const runs = 100
		for seed := range uint64(runs) {
			rng := rand.New(rand.NewPCG(seed, 1))
			i, ok := stats.Bootstrap(search(rng, o, capacity, noise, 0.5*capacity, 3, 24), seed)
			if !ok {
				t.Fatalf("noise %v, seed %d: not settled", noise, seed)
			}
			worst = max(worst, math.Abs(i.Value/threshold-1))
			if !i.Excludes(threshold) {
				covered++
			}
		}
		if worst > c.off || covered < c.covered {
			t.Errorf("noise %v: up to %.1f %% off, %d of %d intervals cover the threshold", noise, 100*worst, covered, runs)
		}
	}
}

// What is never met, and what always is, has no settled rates.
func TestNothingToFind(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	never, _ := slo.Parse("p99<1us")
	always, _ := slo.Parse("p99<1h")
	for name, groups := range map[string][][]float64{
		"never":  search(rng, never, 40_000, 0.1, 20_000, 3, 24),
		"always": search(rng, always, 1e300, 0.1, 20_000, 3, 24),
	} {
		if _, ok := stats.Bootstrap(groups, 1); ok {
			t.Errorf("%s met: settled at %v", name, groups)
		}
	}
}

// FuzzParse holds that what is read is within bounds and is read again from how
// it is written.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"p99<10ms", "p999<=1h", "p50 < 1ns", "<", "p99<=", "p99<9999999h"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		o, err := slo.Parse(text)
		if err != nil {
			return
		}
		if o.Limit <= 0 || o.Limit > time.Hour || o.Samples() < 100 {
			t.Errorf("%q: %+v", text, o)
		}
		if again, err := slo.Parse(o.String()); err != nil || again != o {
			t.Errorf("%q is written %q: %+v, %v", text, o, again, err)
		}
	})
}
