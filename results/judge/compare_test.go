package judge_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/internal/sample"
	"github.com/benchctl/benchctl/results/judge"
)

// find is the comparison of a metric.
func find(t *testing.T, all []judge.Comparison, metric string) judge.Comparison {
	t.Helper()
	for _, c := range all {
		if c.Metric == metric {
			return c
		}
	}
	t.Fatalf("no comparison of %s in %+v", metric, all)
	return judge.Comparison{}
}

func TestCompareCandidates(t *testing.T) {
	s := summarize(t, sample.Manifest(), sample.Launched(), sample.Rounds(6, faster(1.25)))
	for _, c := range []struct {
		name, a, b, metric string
		ratio, tolerance   float64
		worse, better      bool
	}{
		{"more throughput", "a", "b", judge.MetricThroughput, 1.25, 0.02, false, true},
		{"less throughput", "b", "a", judge.MetricThroughput, 0.8, 0.02, true, false},
		{"less CPU time", "a", "b", judge.MetricServerCPU, 0.8, 0.02, false, true},
		{"more CPU time", "b", "a", judge.MetricServerCPU, 1.25, 0.02, true, false},
		{"more throughput, tolerated", "a", "b", judge.MetricThroughput, 1.25, 0.25, false, false},
		{"less throughput, tolerated", "b", "a", judge.MetricThroughput, 0.8, 0.2, false, false},
		{"more CPU time, tolerated", "b", "a", judge.MetricServerCPU, 1.25, 0.25, false, false},
		{"less throughput, just not tolerated", "b", "a", judge.MetricThroughput, 0.8, 0.19, true, false},
	} {
		all, _ := judge.CompareCandidates(s, c.a, c.b, c.tolerance)
		if len(all) != 2 {
			t.Fatalf("%s: %+v", c.name, all)
		}
		got := find(t, all, c.metric)
		if math.Abs(got.Ratio-c.ratio) > 1e-9 || got.A != c.a || got.B != c.b || !got.Paired || got.Low > got.Ratio || got.High < got.Ratio {
			t.Errorf("%s: %+v", c.name, got)
		}
		if got.Worse != c.worse || got.Better != c.better {
			t.Errorf("%s: worse %v, better %v", c.name, got.Worse, got.Better)
		}
	}
	if all, _ := judge.CompareCandidates(s, "a", "nobody", 0); len(all) != 0 {
		t.Errorf("with an unknown candidate: %+v", all)
	}
}

// A finding stands if the interval and the tolerance have it and the family's
// correction leaves it.
func TestCorrectFamily(t *testing.T) {
	family := func(p ...float64) []judge.Comparison {
		var all []judge.Comparison
		for _, v := range p {
			all = append(all, judge.Comparison{Pair: judge.Pair{P: &v}, Worse: v < 0.05, Decides: true})
		}
		return all
	}
	for _, c := range []struct {
		name  string
		p     []float64
		alpha float64
		found []int
	}{
		{"alone", []float64{0.04}, 0.05, []int{0}},
		{"of two", []float64{0.04, 0.7}, 0.05, nil},
		{"of two, allowed more", []float64{0.04, 0.7}, 0.1, []int{0}},
		{"step by step", []float64{0.04, 0.03, 0.01}, 0.05, []int{2}},
		{"all three", []float64{0.04, 0.02, 0.01}, 0.06, []int{0, 1, 2}},
		{"not beyond the interval", []float64{0.06, 0.01}, 0.5, []int{1}},
		{"of ten thousand", append([]float64{4e-6, 1e-5}, slices.Repeat([]float64{0.5}, 9998)...), 0.05, []int{0}},
		{"none", nil, 0.05, nil},
	} {
		all := family(c.p...)
		judge.CorrectFamily(all, c.alpha)
		var found []int
		for i, one := range all {
			if one.Worse {
				found = append(found, i)
			}
			if one.PAdjusted == nil || *one.PAdjusted < *one.P {
				t.Errorf("%s: %d is not adjusted", c.name, i)
			}
		}
		if !slices.Equal(found, c.found) {
			t.Errorf("%s: found %v, want %v", c.name, found, c.found)
		}
	}
	few := append(family(0.04), judge.Comparison{Pair: judge.Pair{P: new(float64)}}) // of which one decides nothing
	if judge.CorrectFamily(few, 0.05); !few[0].Worse || few[1].PAdjusted != nil {
		t.Errorf("with one that decides nothing: %+v", few)
	}
	unknown := []judge.Comparison{{Worse: true}}
	judge.CorrectFamily(unknown, 0.05)
	if !unknown[0].Worse || unknown[0].PAdjusted != nil {
		t.Errorf("without a p-value: %+v", unknown)
	}
}

func TestCompareRuns(t *testing.T) {
	run := func(id string, launches []results.Launch, n int, change func(*results.Trial)) *results.Record {
		m := sample.Manifest()
		m.ID = id
		return &results.Record{Dir: t.TempDir(), Manifest: m, Launches: launches, Trials: sample.Rounds(n, change)}
	}
	before, after := run("r1", sample.Launched(), 6, nil), run("r2", sample.Launched(), 6, faster(0.9))
	all, missing, err := judge.CompareRuns(before, after, 0.02)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 4 || len(missing) != 0 {
		t.Fatalf("compared %+v, missing %q", all, missing)
	}
	for _, c := range all {
		change := c.B == "r2 b"
		if c.Paired || c.A[3:] != c.B[3:] || c.Worse != change || c.Better {
			t.Errorf("%+v", c)
		}
	}
	if got := find(t, all[2:], judge.MetricThroughput); got.Ratio != 0.9 {
		t.Errorf("ratio is %v", got.Ratio)
	}
	broken := sample.Launched()
	broken[1].Failure = "died"
	for name, other := range map[string]*results.Record{
		"b is invalid": run("r3", broken, 6, nil), "too few slices": run("r4", sample.Launched(), 5, nil),
	} {
		for _, pair := range [][2]*results.Record{{before, other}, {other, before}} {
			all, missing, err := judge.CompareRuns(pair[0], pair[1], 0)
			if err != nil {
				t.Fatal(err)
			}
			if want := map[string]int{"b is invalid": 2, "too few slices": 0}[name]; len(all) != want {
				t.Errorf("%s: %d comparisons, want %d", name, len(all), want)
			}
			want := map[string][]string{"b is invalid": {"run r3: concurrency-4, hello, b is invalid: died"}, "too few slices": {
				"concurrency-4, hello, a has too few slices in one of the runs", "concurrency-4, hello, b has too few slices in one of the runs",
			}}[name]
			if !slices.Equal(missing, want) {
				t.Errorf("%s: missing %q, want %q", name, missing, want)
			}
		}
	}
	offered := run("r6", sample.Launched(), 6, nil)
	offered.Manifest.Blocks = slices.Clone(offered.Manifest.Blocks)
	offered.Manifest.Blocks[0].Load.Connections++
	if all, missing, err := judge.CompareRuns(before, offered, 0); err != nil || len(all) != 0 || len(missing) != 2 || !strings.Contains(missing[0], "differ in what the scenario offers") {
		t.Errorf("another load of the same name: %+v, %q, %v", all, missing, err)
	}
	other := run("r5", sample.Launched(), 6, nil)
	other.Manifest.Blocks[0].App = "json"
	if all, missing, err := judge.CompareRuns(before, other, 0); err != nil || len(all)+len(missing) != 0 {
		t.Errorf("runs with no cell in common: %+v, %v", all, err)
	}
}
