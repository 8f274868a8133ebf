package judge_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/internal/sample"
	"github.com/benchctl/benchctl/results/judge"
)

// wanting is a run of launches x rounds that was asked for a precision, of which
// measured[l] rounds of launch l are there. The speeds scatter by spread.
func wanting(t *testing.T, precision, spread float64, rounds int, measured ...int) *results.Record {
	t.Helper()
	m := sample.Manifest()
	m.Precision, m.Launches, m.Rounds = precision, 6, rounds
	r := &results.Record{Dir: t.TempDir(), Manifest: m}
	rng := rand.New(rand.NewPCG(1, 1))
	for launch, n := range measured {
		for round := range n {
			for _, name := range []string{"a", "b"} {
				s := sample.Slice(name, launch, round)
				s.Counted = uint64(1000 * math.Exp(spread*rng.NormFloat64()))
				r.Trials = append(r.Trials, s)
			}
		}
	}
	return r
}

func everybody(string) bool { return true }

func TestPrecise(t *testing.T) {
	for _, c := range []struct {
		name              string
		precision, spread float64
		rounds            int
		measured          []int
		want              bool
	}{
		{"not asked for", 0, 0, 8, []int{8, 8, 8}, false},
		{"narrow", 0.02, 0.005, 8, []int{8, 8, 8, 8, 8}, true},
		{"wide", 0.02, 0.2, 8, []int{8, 8, 8, 8, 8, 8}, false},
		{"wide, and that will do", 0.5, 0.2, 8, []int{8, 8, 8, 8, 8, 8}, true},
		{"few launches", 0.02, 0, 8, []int{8, 8, 8, 8}, false},
		{"the last launch needed begins", 0.02, 0, 8, []int{8, 8, 8, 8, 2}, false},
		{"too few for an interval", 0.02, 0, 16, []int{16, 16, 16, 16, 4}, false},
		{"enough for one", 0.02, 0, 16, []int{16, 16, 16, 16, 6}, true},
		{"a mirror is missing", 0.02, 0, 16, []int{16, 16, 16, 16, 7}, false},
		{"planned without a mirror", 0.02, 0, 5, []int{5, 5, 5, 5, 5}, true},
		{"nothing", 0.02, 0, 8, nil, false},
	} {
		if got := judge.Precise(wanting(t, c.precision, c.spread, c.rounds, c.measured...), 0, everybody); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// The stop is on the interval's width: a difference, however large, stops nothing.
func TestADifferenceIsNoPrecision(t *testing.T) {
	r := wanting(t, 0.02, 0.2, 16, 16, 16, 16, 16, 16, 16)
	for i := range r.Trials {
		if r.Trials[i].Candidate == "b" {
			r.Trials[i].Counted *= 10
		}
	}
	if judge.Precise(r, 0, everybody) {
		t.Error("stopped at a wide interval that excludes 1")
	}
}

// Server CPU is to be as precise as throughput, wherever it is told; candidates
// that are out are not waited for.
func TestWhatMustBePrecise(t *testing.T) {
	r := wanting(t, 0.02, 0, 8, 8, 8, 8, 8, 8)
	for i := range r.Trials {
		if r.Trials[i].Candidate == "b" {
			*r.Trials[i].ServerCPU *= int64(1 + i%5)
		}
	}
	if judge.Precise(r, 0, everybody) {
		t.Error("stopped though server CPU scatters")
	}
	if !judge.Precise(r, 0, func(candidate string) bool { return candidate == "a" }) {
		t.Error("b is out and holds up the block")
	}
	for i := range r.Trials {
		r.Trials[i].ServerCPU = nil
	}
	if !judge.Precise(r, 0, everybody) {
		t.Error("not stopped where no server CPU is told")
	}
}

func TestPrecisionNotes(t *testing.T) {
	for _, c := range []struct {
		name         string
		spread       float64
		measured     []int
		status, note string
	}{
		{"reached", 0.001, []int{8, 8, 8, 8, 6}, judge.StatusComplete, "concurrency-4, hello: precision of 2 % reached after 38 of 48 rounds"},
		{"reached with the last round", 0.001, []int{8, 8, 8, 8, 8, 8}, judge.StatusComplete, ""},
		{"not reached", 0.3, []int{8, 8, 8, 8, 8, 8}, judge.StatusComplete, "concurrency-4, hello: not resolved to a precision of 2 %: a and b"},
		{"not reached in time", 0.3, []int{8, 8, 8, 8, 6}, judge.StatusPartial,
			"partial: 38 of 48 rounds were measured; concurrency-4, hello: not resolved to a precision of 2 %: a and b"},
		{"few launches", 0.001, []int{8, 8}, judge.StatusPartial,
			"partial: 16 of 48 rounds were measured; concurrency-4, hello: 16 of 48 rounds are too few to tell a precision"},
	} {
		s, err := judge.Summarize(wanting(t, 0.02, c.spread, 8, c.measured...))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(s.Run.Notes, "; "); s.Run.Status != c.status || got != c.note {
			t.Errorf("%s: %s %q", c.name, s.Run.Status, got)
		}
	}
}

// Stopping at a width must not cost coverage: looked at every second round until it
// is narrow enough, the interval still covers the truth in about as many cases.
func TestStoppingKeepsCoverage(t *testing.T) {
	t.Parallel()
	const repetitions = 60
	covered, early := 0, 0
	for rep := range uint64(repetitions) {
		rng := rand.New(rand.NewPCG(31, rep))
		m := sample.Manifest()
		m.Precision, m.Launches, m.Rounds, m.Seed = 0.02, 8, 12, rep
		r := &results.Record{Dir: t.TempDir(), Manifest: m}
		for k := 0; k < 96 && !judge.Precise(r, 0, everybody); k++ {
			for _, name := range []string{"a", "b"} {
				s := sample.Slice(name, k/12, k%12)
				s.Counted = uint64(1e6 * math.Exp(0.03*rng.NormFloat64()))
				r.Trials = append(r.Trials, s)
			}
		}
		if len(r.Trials) < 192 {
			early++
		}
		s, err := judge.Summarize(r)
		if err != nil {
			t.Fatal(err)
		}
		if p := s.Pairs[0]; !p.Separated() {
			covered++
		}
	}
	if early < repetitions/2 || covered < repetitions*85/100 {
		t.Errorf("of %d runs %d stopped early and %d cover the truth", repetitions, early, covered)
	}
}
