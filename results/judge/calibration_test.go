package judge_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/internal/sample"
	"github.com/benchctl/benchctl/results/judge"
)

func TestBottleneck(t *testing.T) {
	for _, c := range []struct {
		loader float64
		sink   *float64
		want   string
	}{
		{0.99, sample.Ptr(0.9), judge.BottleneckLoader}, {0.9, sample.Ptr(0.99), judge.BottleneckSink}, {0.5, sample.Ptr(0.6), judge.BottleneckNone},
		{0.3, sample.Ptr(0.95), judge.BottleneckSink}, {0.8, sample.Ptr(0.8), judge.BottleneckLoader}, {0.99, nil, ""},
	} {
		if got := judge.NewLoaderLimit(results.LoaderCeiling{LoaderShare: c.loader, SinkShare: c.sink}).Bottleneck; got != c.want {
			t.Errorf("loader %v, sink %v: %q, want %q", c.loader, c.sink, got, c.want)
		}
	}
}

// floor is the noise floor that a record of a and b in so many rounds tells.
func floor(rounds int, took time.Duration, change func(*results.Trial)) (judge.NoiseFloor, error) {
	r := &results.Record{Manifest: sample.Manifest(), Launches: sample.Launched(), Trials: sample.Rounds(rounds, change)}
	return judge.Floor(r, took)
}

// What is said to be resolved is what a pair of results says, at the time that it took,
// and goes by 1/sqrt(time) from there.
func TestFloorScalesTheMinimalEffect(t *testing.T) {
	change := func(tr *results.Trial) { tr.Counted += uint64(tr.Round*tr.Round%7) * uint64(tr.Candidate[0]-'a'+1) }
	f, err := floor(6, 30*time.Second, change)
	if err != nil || f.A != "a" || f.B != "b" || f.Scenario != "concurrency-4" || f.App != "hello" || f.Seconds != 30 || len(f.Metrics) != 2 {
		t.Fatalf("%+v, %v", f, err)
	}
	s := summarize(t, sample.Manifest(), sample.Launched(), sample.Rounds(6, change))
	for i, n := range f.Metrics {
		p := s.Pairs[i]
		if n.Metric != p.Metric || n.Ratio != p.Ratio || math.Abs(n.HalfWidth-100*(p.High-p.Low)/2) > 1e-9 {
			t.Errorf("%+v of %+v", n, p)
		}
		if p.MDE == nil {
			t.Fatalf("%s has no minimal effect", p.Metric)
		}
		for name, factor := range map[string]float64{"30s": 1, "2m": 2, "10m": math.Sqrt(20)} {
			if got, want := math.Log1p(n.Resolved[name]/100)*factor, math.Log1p(*p.MDE); math.Abs(got-want) > 1e-9 {
				t.Errorf("%s in %s: %v, want %v", n.Metric, name, got, want)
			}
		}
	}
}

// What has too few slices resolves nothing, and a row without usable figures is no floor.
func TestFloorWithoutFigures(t *testing.T) {
	f, err := floor(2, time.Second, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range f.Metrics {
		if len(n.Resolved) > 0 {
			t.Errorf("resolved %v though nothing is known", n.Resolved)
		}
	}
	if _, err := floor(6, time.Second, func(tr *results.Trial) { tr.Wrong = 3 }); err == nil || !strings.HasPrefix(err.Error(), "a: ") {
		t.Errorf("of invalid rows: %v", err)
	}
}
