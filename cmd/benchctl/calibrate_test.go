package main

import (
	"math"
	"testing"
	"time"

	"github.com/benchctl/benchctl/bench/plan"
	"github.com/benchctl/benchctl/internal/stats"
	"github.com/benchctl/benchctl/results/judge"
)

func TestBottleneck(t *testing.T) {
	for _, test := range []struct {
		loader, sink float64
		want         string
	}{{0.99, 0.9, "loader"}, {0.9, 0.99, "sink"}, {0.5, 0.6, "neither"}, {0.3, 0.95, "sink"}} {
		if got := bottleneck(test.loader, test.sink); got != test.want {
			t.Errorf("loader %v, sink %v: %s, want %s", test.loader, test.sink, got, test.want)
		}
	}
}

func TestFloorSize(t *testing.T) {
	for _, d := range []time.Duration{800 * time.Millisecond, 1600 * time.Millisecond, 8 * time.Second, 24 * time.Second, 48 * time.Minute} {
		launches, rounds := floorSize(d)
		if launches < 1 || launches > plan.DefaultLaunches || rounds < 6 || rounds%2 != 0 {
			t.Errorf("%v: %d launches, %d rounds", d, launches, rounds)
		}
	}
}

// What calibrate says can be resolved is what a pair of results says, at the time
// that it took, and goes by 1/sqrt(time) from there.
func TestResolvedIsTheMinimalEffect(t *testing.T) {
	i := stats.Interval{Value: 1, Low: 0.98, High: 1.02}
	mde := i.MinimalEffect()
	n := newNoise(judge.Pair{Metric: "m", Ratio: 1, Low: i.Low, High: i.High, MDE: &mde}, 30*time.Second)
	if got := n.Resolved["30s"] / 100; math.Abs(got-mde) > 1e-9 {
		t.Errorf("in the same time %v, not %v", got, mde)
	}
	if got, want := n.Resolved["2m"]/100, mde/2; math.Abs(got/want-1) > 0.02 {
		t.Errorf("in four times the time %v, want about %v", got, want)
	}
	if n := newNoise(judge.Pair{Low: 1, High: 1}, time.Second); len(n.Resolved) > 0 {
		t.Errorf("resolved %v though nothing is known", n.Resolved)
	}
}
