package judge_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/internal/sample"
	"github.com/benchctl/benchctl/results/judge"
	"github.com/benchctl/benchctl/scenarios"
	"github.com/benchctl/benchctl/scenarios/offered"
)

// losing is a watch around a reload that lost so many requests, and stalled so long.
func losing(candidate string, launch int, lost uint64, stall time.Duration) results.Watch {
	recovery := time.Duration(lost) * time.Millisecond
	return results.Watch{
		Launch: launch, Scenario: "reload-64", App: "ident", Candidate: candidate, Length: 4 * time.Second,
		Events: []results.Happened{{Do: "reload", Began: time.Second, Done: time.Second}}, Lost: map[string]uint64{"reset": lost}, Stall: &stall, Recovery: &recovery,
	}
}

// reloaded puts a run of a and b into a store, of as many repetitions as what b lost has.
func reloaded(t *testing.T, store, id string, lostA uint64, lostB ...uint64) {
	t.Helper()
	m := sample.Manifest()
	m.ID, m.Launches, m.Rounds, m.Passes = id, len(lostB), 1, 0
	m.Blocks = []results.Block{{Scenario: "reload-64", App: "ident", Load: scenarios.Load{
		Engine: scenarios.Witness, Connections: 4, Pace: offered.Pace{Rate: 100}, Slice: 4 * time.Second, Events: []scenarios.Event{{Do: "reload", At: time.Second, Times: 1}},
	}}}
	s, err := results.Create(store+"/"+id, m)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for launch, lost := range lostB {
		wobble := time.Duration(launch%3) * time.Millisecond
		for _, w := range []results.Watch{losing("a", launch, lostA, 10*time.Millisecond+wobble), losing("b", launch, lost, 10*time.Millisecond+wobble)} {
			if err := s.AppendWatch(w); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// lostOf is the comparison of what was lost.
func lostOf(t *testing.T, a judge.Answer) judge.Comparison {
	t.Helper()
	at := slices.IndexFunc(a.Comparisons, func(c judge.Comparison) bool { return c.Metric == judge.MetricLost })
	if at < 0 || a.Comparisons[at].Difference == nil || a.Comparisons[at].Ratio != 0 {
		t.Fatalf("%+v", a)
	}
	return a.Comparisons[at]
}

// What was watched is compared by differences: two candidates of a run, either way round, and
// a candidate of two runs. One that loses more is a regression.
func TestCompareWatched(t *testing.T) {
	store := t.TempDir()
	reloaded(t, store, "2026-a", 0, 34, 36, 35, 35, 37, 34)
	reloaded(t, store, "2026-b", 0, 64, 66, 65, 65, 67, 64)
	for _, c := range []struct {
		name          string
		q             judge.Question
		value         float64
		worse, better bool
		more          int // comparisons
	}{
		{"candidates", judge.Question{A: "a", B: "b", Run: "2026-a"}, 211.0 / 6, true, false, 3},
		{"the other way round", judge.Question{A: "b", B: "a", Run: "2026-a"}, -211.0 / 6, false, true, 3},
		{"runs", judge.Question{A: "2026-a", B: "2026-b"}, 30, true, false, 6},
		{"within the tolerance", judge.Question{A: "2026-a", B: "2026-b", Tolerance: 200}, 30, false, false, 6},
	} {
		c.q.Store, c.q.Alpha = store, 0.05
		answer, err := c.q.Answer()
		if err != nil || len(answer.Missing) > 0 || len(answer.Comparisons) != c.more {
			t.Errorf("%s: %v, %+v", c.name, err, answer)
			continue
		}
		if c.more == 6 { // those of b follow those of a, which lost nothing
			answer.Comparisons = answer.Comparisons[3:]
		}
		lost := lostOf(t, answer)
		if d := lost.Difference; d.Value < c.value-1e-9 || d.Value > c.value+1e-9 || lost.Worse != c.worse || lost.Better != c.better || lost.Paired || answer.Regressed() != c.worse {
			t.Errorf("%s: %+v, %+v, regressed %v", c.name, lost, d, answer.Regressed())
		}
		for _, other := range answer.Comparisons {
			if decides := other.Metric == judge.MetricLost || other.Metric == "stall_ms"; other.Decides != decides || other.Metric == "stall_ms" && (other.Worse || other.Better) {
				t.Errorf("%s: %+v", c.name, other)
			}
		}
	}
}

// Too few repetitions are missing, and so is a candidate that was not reached.
func TestCompareWatchedTooFew(t *testing.T) {
	store := t.TempDir()
	reloaded(t, store, "2026-a", 0, 1, 2, 3)
	for _, q := range []judge.Question{{A: "a", B: "b", Run: "2026-a"}, {A: "2026-a", B: "2026-a"}} {
		q.Store, q.Alpha = store, 0.05
		answer, err := q.Answer()
		if err != nil || len(answer.Comparisons) > 0 || len(answer.Missing) == 0 || !strings.Contains(answer.Missing[0], "too few repetitions") || !answer.Regressed() {
			t.Errorf("%v, %+v", err, answer)
		}
	}
}
