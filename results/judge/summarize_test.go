package judge_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/internal/sample"
	"github.com/benchctl/benchctl/results/judge"
	"github.com/benchctl/benchctl/scenarios"
)

// latency is the latency of a's cell in what the run has recorded.
func latency(t *testing.T, dir string) *judge.Latency {
	t.Helper()
	s, err := judge.Summarize(sample.Read(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	return s.Cells[0].Latency
}

// summarize summarizes a record that has no histograms.
func summarize(t *testing.T, m results.Manifest, launches []results.Launch, trials []results.Trial) *judge.Summary {
	t.Helper()
	s, err := judge.Summarize(&results.Record{Dir: t.TempDir(), Manifest: m, Launches: launches, Trials: trials})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// faster makes b answer by that factor more, at that factor less CPU time.
func faster(by float64) func(*results.Trial) {
	return func(t *results.Trial) {
		if t.Candidate == "b" {
			t.Counted, t.Answered = uint64(float64(t.Counted)*by), uint64(float64(t.Answered)*by)
		}
	}
}

func TestSummaryOfARun(t *testing.T) {
	m := sample.Manifest()
	s := sample.Create(t, m)
	for r := range 6 {
		trials := []results.Trial{sample.Slice("a", 0, r), sample.Slice("b", 0, r)}
		trials[1].Counted = 2000 + uint64(r)*10 // 2025 in the middle
		trials[1].Errors = map[string]uint64{"reset": 1}
		trials[1].Sent = 2100
		if err := s.AppendRound(trials, sample.Responses(sample.Many(40), sample.Hist(10, 20))); err != nil {
			t.Fatal(err)
		}
	}
	for _, l := range sample.Launched() {
		if err := s.AppendLaunch(l); err != nil {
			t.Fatal(err)
		}
	}
	sum, err := judge.Summarize(sample.Read(t, s.Dir()))
	if err != nil {
		t.Fatal(err)
	}
	want := `{
		"schema": "benchctl/summary/v3",
		"run": {
			"id": "20260301-120000-abcd", "status": "complete", "seed": 7,
			"started": "2026-03-01T12:00:00Z", "finished": "2026-03-01T12:00:51.1Z", "counted_s": 1.2,
			"benchctl": "v1", "command": "benchctl run",
			"environment": {"cores": 2, "os": "linux/amd64", "go": "go1.26", "server_cpus": "0", "loader_cpus": "1", "fingerprint": "f"}
		},
		"cells": [{
			"scenario": "concurrency-4", "app": "hello", "identity": "9c2fd8cafa3c", "candidate": "a", "server": "a", "profile": "default", "class": "engine", "engine": "raw", "basis": "slices",
			"launches": 1, "slices": 6, "connections": 4, "requests": 6000, "verdict": "valid", "reasons": [],
			"throughput_rps": {"value": 10000, "ci_low": 10000, "ci_high": 10000},
			"server_cpu_us_per_request": {"value": 100, "ci_low": 100, "ci_high": 100},
			"latency_ms": {"p50": 0.040191, "p90": 0.040191, "max": 0.040191},
			"memory_mib": {"idle": 8, "peak": 10, "after": 9}, "startup_ms": 5,
			"loader": {"cpu_us_per_request": 40, "headroom": 2.5},
			"errors": {"total": 0, "by_kind": {}},
			"rank": 2, "ranked_by": "throughput_rps", "tied_with": []
		}, {
			"scenario": "concurrency-4", "app": "hello", "identity": "9c2fd8cafa3c", "candidate": "b", "server": "b", "version": "v2", "profile": "default", "class": "engine", "engine": "raw", "basis": "slices",
			"launches": 1, "slices": 6, "connections": 4, "requests": 12150, "verdict": "valid", "reasons": [],
			"throughput_rps": {"value": 20250, "ci_low": 20000, "ci_high": 20500},
			"server_cpu_us_per_request": {"value": 100, "ci_low": 100, "ci_high": 100},
			"latency_ms": {"max": 0.020095},
			"memory_mib": {"peak": 10}, "startup_ms": 7,
			"loader": {"cpu_us_per_request": 40, "headroom": 2.5},
			"errors": {"total": 6, "by_kind": {"reset": 6}},
			"rank": 1, "ranked_by": "throughput_rps", "tied_with": []
		}],
		"pairs": [
			{"scenario": "concurrency-4", "app": "hello", "a": "a", "b": "b", "metric": "throughput_rps", "ratio": 2.025, "ci_low": 2, "ci_high": 2.05, "mde": 0.01, "p": 1e-9},
			{"scenario": "concurrency-4", "app": "hello", "a": "a", "b": "b", "metric": "server_cpu_us_per_request", "ratio": 1, "ci_low": 1, "ci_high": 1, "mde": 0, "p": 1}
		]
	}`
	// The interval's ends depend on the draws; they are about those of the values.
	e := sum.Cells[1].Figures.Throughput()
	if e.Low < 19900 || e.Low > e.Value || e.High > 20600 || e.High < e.Value {
		t.Errorf("throughput of b is %+v", e)
	}
	e.Low, e.High = 20000, 20500
	if p := &sum.Pairs[0]; p.Low < 1.99 || p.Low > p.Ratio || p.High > 2.06 || p.High < p.Ratio || *p.MDE <= 0 || *p.MDE > 0.02 || *p.P > 1e-6 {
		t.Errorf("pair is %+v", p)
	} else {
		p.Low, p.High, *p.MDE, *p.P = 2, 2.05, 0.01, 1e-9
	}
	var wanted map[string]any
	if err := json.Unmarshal([]byte(want), &wanted); err != nil {
		t.Fatal(err)
	}
	if got := sample.JSON(t, sum); !reflect.DeepEqual(got, wanted) {
		text, _ := json.MarshalIndent(got, "\t\t", "\t")
		t.Errorf("summary is\n%s", text)
	}
}

func TestWhatIsNotKnownIsAbsent(t *testing.T) {
	trials := sample.Rounds(6, func(t *results.Trial) { t.ServerCPU, t.LoaderCPU, t.Steal, t.MemoryMiB = nil, nil, nil, nil })
	launches := []results.Launch{{Candidate: "a"}, {Candidate: "b", Failure: "not ready"}}
	cells := sample.JSON(t, summarize(t, sample.Manifest(), launches, trials))["cells"].([]any)
	measured, failed := cells[0].(map[string]any), cells[1].(map[string]any)
	for _, key := range []string{"version", "server_cpu_us_per_request", "latency_ms", "memory_mib", "startup_ms", "loader"} {
		if v, ok := measured[key]; ok {
			t.Errorf("%s is %v", key, v)
		}
	}
	for _, key := range []string{"rank", "ranked_by"} {
		if v, ok := failed[key]; ok {
			t.Errorf("%s of an invalid cell is %v", key, v)
		}
	}
	none := sample.JSON(t, summarize(t, sample.Manifest(), nil, nil))["cells"].([]any)[0].(map[string]any)
	if v, ok := none["throughput_rps"]; ok {
		t.Errorf("throughput without a trial is %v", v)
	}
	run := sample.JSON(t, summarize(t, sample.Manifest(), nil, nil))["run"].(map[string]any)
	if v, ok := run["finished"]; ok {
		t.Errorf("finished without a trial is %v", v)
	}
}

// Where a candidate counted nothing in most of its slices, as on a machine that is busy
// with others, no ratio is told, and no bound of a throughput is below 0.
func TestSlicesThatCountedNothing(t *testing.T) {
	for empty := range 7 {
		trials := sample.Rounds(6, func(t *results.Trial) {
			if t.Candidate == "b" && t.Round < empty {
				t.Counted, t.Answered, t.ServerCPU = 0, 0, nil
			}
		})
		sum := summarize(t, sample.Manifest(), nil, trials)
		sample.JSON(t, sum) // which takes neither NaN nor infinity
		for _, p := range sum.Pairs {
			if p.Low <= 0 {
				t.Errorf("%d slices of 6 are empty: %s is %+v", empty, p.Metric, p)
			}
		}
		for _, c := range sum.Cells {
			if e := c.Figures.Throughput(); e != nil && e.Low < 0 {
				t.Errorf("%d slices of 6 are empty: the throughput of %s is %+v", empty, c.Candidate, *e)
			}
		}
	}
}

// A percentile needs 100 samples beyond it.
func TestPercentiles(t *testing.T) {
	for _, c := range []struct {
		samples int64
		want    string
	}{
		{1, "max"}, {199, "max"}, {200, "p50 max"}, {999, "p50 max"}, {1000, "p50 p90 max"}, {9999, "p50 p90 max"},
		{10_000, "p50 p90 p99 max"}, {99_999, "p50 p90 p99 max"}, {100_000, "p50 p90 p99 p999 max"},
	} {
		s := sample.Create(t, sample.Manifest())
		h := sample.Hist()
		_ = h.RecordValues(1000, c.samples)
		if err := s.AppendRound([]results.Trial{sample.Slice("a", 0, 0)}, sample.Responses(h)); err != nil {
			t.Fatal(err)
		}
		l := latency(t, s.Dir())
		var got []string
		for _, p := range []struct {
			name string
			v    *float64
		}{{"p50", l.P50}, {"p90", l.P90}, {"p99", l.P99}, {"p999", l.P999}, {"max", l.Max}} {
			if p.v != nil {
				got = append(got, p.name)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%d samples: %v, want %s", c.samples, got, c.want)
		}
	}
}

func TestRanks(t *testing.T) {
	// jitter makes b faster in every other round only.
	jitter := func(t *results.Trial) {
		if t.Candidate == "b" && t.Round%2 == 0 {
			t.Counted, t.Answered = 1100, 1100
		} else if t.Candidate == "b" {
			t.Counted, t.Answered = 900, 900
		}
	}
	fixedRate := func(m *results.Manifest) { m.Blocks[0].Load.Rate = 1000 }
	cheaper := func(t *results.Trial) {
		if t.Candidate == "b" {
			t.ServerCPU = sample.NS(90 * time.Millisecond)
		}
	}
	byCPU := func(m *results.Manifest) { m.Blocks[0].RankBy = scenarios.ByServerCPU }
	byThroughput := func(m *results.Manifest) { m.Blocks[0].Load.Rate, m.Blocks[0].RankBy = 1000, scenarios.ByThroughput }
	for _, c := range []struct {
		name   string
		plan   func(*results.Manifest)
		change func(*results.Trial)
		ranks  [2]int
		tied   bool
		by     string
	}{
		{"b is faster", nil, faster(1.05), [2]int{2, 1}, false, judge.MetricThroughput},
		{"b is slower", nil, faster(0.95), [2]int{1, 2}, false, judge.MetricThroughput},
		{"both are the same", nil, nil, [2]int{1, 1}, true, judge.MetricThroughput},
		{"b is faster now and then", nil, jitter, [2]int{1, 1}, true, judge.MetricThroughput},
		{"b is cheaper at a fixed rate", fixedRate, cheaper, [2]int{2, 1}, false, judge.MetricServerCPU},
		{"b is cheaper, which the scenario is about", byCPU, cheaper, [2]int{2, 1}, false, judge.MetricServerCPU},
		{"b is cheaper, which the scenario is not about", byThroughput, cheaper, [2]int{1, 1}, true, judge.MetricThroughput},
		{"CPU time is not known at a fixed rate", fixedRate, func(t *results.Trial) { t.ServerCPU = nil }, [2]int{}, false, judge.MetricServerCPU},
		// The machine was slow whenever b was not measured: of the rounds that pair
		// them, b lost every one.
		{"pairs outweigh medians", nil, func(t *results.Trial) {
			switch {
			case t.Candidate == "b" && t.Round >= 8:
				t.Elapsed = 0
			case t.Candidate == "b":
				t.Counted = 950
			case t.Round >= 8:
				t.Counted = 500
			}
		}, [2]int{1, 2}, false, judge.MetricThroughput},
	} {
		m := sample.Manifest()
		if c.plan != nil {
			c.plan(&m)
		}
		s := summarize(t, m, sample.Launched(), sample.Rounds(20, c.change))
		got := [2]int{s.Cells[0].Rank, s.Cells[1].Rank}
		tied := reflect.DeepEqual(s.Cells[0].TiedWith, []string{"b"}) && reflect.DeepEqual(s.Cells[1].TiedWith, []string{"a"})
		if got != c.ranks || tied != c.tied || s.Cells[0].RankedBy != c.by {
			t.Errorf("%s: ranks %v by %s, tied %v %v", c.name, got, s.Cells[0].RankedBy, s.Cells[0].TiedWith, s.Cells[1].TiedWith)
		}
	}
}

// Whom a candidate is compared with is told by its row.
func TestComparedWith(t *testing.T) {
	m := sample.Manifest()
	m.Candidates[1].Reference = "a"
	s := summarize(t, m, sample.Launched(), sample.Rounds(6, nil))
	if s.Cells[0].Reference != "" || s.Cells[1].Reference != "a" {
		t.Errorf("references %q and %q", s.Cells[0].Reference, s.Cells[1].Reference)
	}
}

// At shares of ceilings the throughputs are what was offered, and no finding.
func TestSharesAreNotComparedByThroughput(t *testing.T) {
	s := summarize(t, sample.Manifest(), sample.Launched(), sample.Rounds(6, func(t *results.Trial) {
		if t.Rate, t.Ceiling = 5000, 10_000; t.Candidate == "b" {
			t.Rate, t.Ceiling, t.Counted = 10_000, 20_000, 2000
		}
	}))
	byThroughput := slices.ContainsFunc(s.Pairs, func(p judge.Pair) bool { return p.Metric == judge.MetricThroughput })
	if len(s.Pairs) == 0 || byThroughput || s.Cells[1].Figures.Throughput() == nil || *s.Cells[1].Offered != 10_000 || *s.Cells[1].Ceiling != 20_000 {
		t.Errorf("pairs %+v, cell %+v", s.Pairs, s.Cells[1])
	}
}

func TestInvalidCellsAreNotCompared(t *testing.T) {
	launches := sample.Launched()
	launches[0].Failure = "died"
	s := summarize(t, sample.Manifest(), launches, sample.Rounds(6, nil))
	if len(s.Pairs) != 0 || s.Cells[0].Rank != 0 || s.Cells[1].Rank != 1 || len(s.Cells[1].TiedWith) != 0 {
		t.Errorf("pairs %v, cells %+v", s.Pairs, s.Cells)
	}
}

// Rounds of a resumed launch were measured on processes of their own.
func TestResumedLaunchesAreGroupsOfTheirOwn(t *testing.T) {
	change := func(attempt int) func(*results.Trial) {
		return func(t *results.Trial) {
			if t.Round >= 6 {
				t.Attempt, t.Counted = attempt, 1100
			}
		}
	}
	one, two := summarize(t, sample.Manifest(), nil, sample.Rounds(12, change(0))), summarize(t, sample.Manifest(), nil, sample.Rounds(12, change(1)))
	if one.Cells[0].Launches != 1 || two.Cells[0].Launches != 2 {
		t.Errorf("%d and %d launches", one.Cells[0].Launches, two.Cells[0].Launches)
	}
	// Two groups that differ leave more than the whole range open.
	if e := two.Cells[0].Figures.Throughput(); e.Low >= 10000 || e.High <= 11000 {
		t.Errorf("two launches: %+v", e)
	}
	if two.Cells[0].Figures.Throughput().Value != one.Cells[0].Figures.Throughput().Value {
		t.Error("the median depends on the grouping")
	}
}

func TestStatus(t *testing.T) {
	failed := func(names ...string) []results.Launch {
		var all []results.Launch
		for _, n := range names {
			all = append(all, results.Launch{Candidate: n, Failure: "died"})
		}
		return all
	}
	for _, c := range []struct {
		name     string
		launches []results.Launch
		rounds   int
		want     string
		note     string
	}{
		{"all rounds", sample.Launched(), 6, judge.StatusComplete, ""},
		{"a round short", sample.Launched(), 5, judge.StatusPartial, "partial: 5 of 6 rounds were measured"},
		{"not begun", nil, 0, judge.StatusPartial, "partial: 0 of 6 rounds were measured"},
		{"nobody is left", failed("a", "b"), 3, judge.StatusComplete, ""},
		{"one is left", failed("a"), 3, judge.StatusPartial, "partial: 3 of 6 rounds were measured"},
		{"none is left for the app", []results.Launch{
			{Candidate: "a", BlockFailures: map[int]string{0: "x"}}, {Candidate: "b", BlockFailures: map[int]string{0: "x"}},
		}, 0, judge.StatusComplete, ""},
	} {
		s := summarize(t, sample.Manifest(), c.launches, sample.Rounds(c.rounds, nil))
		if s.Run.Status != c.want || strings.Join(s.Run.Notes, "") != c.note {
			t.Errorf("%s: %s %q, want %s %q", c.name, s.Run.Status, s.Run.Notes, c.want, c.note)
		}
	}
}

func TestSummaryIsDeterminate(t *testing.T) {
	trials := sample.Rounds(12, func(t *results.Trial) { t.Counted += uint64(t.Round * 17 % 29) })
	a, b := summarize(t, sample.Manifest(), sample.Launched(), trials), summarize(t, sample.Manifest(), sample.Launched(), trials)
	if !reflect.DeepEqual(a, b) {
		t.Errorf("the same record gives %+v and %+v", a, b)
	}
}

// Headroom is by the lower of two ceilings: that against the sink, and that by the
// CPU time which the cell's own replies took.
func TestHeadroom(t *testing.T) {
	for _, c := range []struct {
		name string
		m    func(*results.Manifest)
		want float64
	}{
		{"by CPU time", func(*results.Manifest) {}, 2.5},
		{"by the sink", func(m *results.Manifest) {
			m.LoaderCeilings = []results.LoaderCeiling{{Engine: m.Blocks[0].Load.Engine, Connections: m.Blocks[0].Load.Connections, RPS: 15_000}}
		}, 1.5},
		{"replies cost more than the sink's", func(m *results.Manifest) {
			m.LoaderCeilings = []results.LoaderCeiling{{Engine: m.Blocks[0].Load.Engine, Connections: m.Blocks[0].Load.Connections, RPS: 50_000}}
		}, 2.5},
		{"another shape's", func(m *results.Manifest) {
			m.LoaderCeilings = []results.LoaderCeiling{{Engine: m.Blocks[0].Load.Engine, Connections: m.Blocks[0].Load.Connections + 1, RPS: 15_000}, {Engine: "other", Connections: m.Blocks[0].Load.Connections, RPS: 15_000}}
		}, 2.5},
		{"at a fixed rate", func(m *results.Manifest) {
			m.LoaderCeilings = []results.LoaderCeiling{{Engine: m.Blocks[0].Load.Engine, Connections: m.Blocks[0].Load.Connections, RPS: 15_000}}
			m.Blocks[0].Load.Rate = 10_000
		}, 2.5},
	} {
		m := sample.Manifest()
		c.m(&m)
		cell := summarize(t, m, sample.Launched(), sample.Rounds(6, nil)).Cells[0]
		if cell.Loader == nil || cell.Loader.Headroom == nil || *cell.Loader.Headroom != c.want {
			t.Errorf("%s: %+v, want %v", c.name, cell.Loader, c.want)
		}
	}
}
