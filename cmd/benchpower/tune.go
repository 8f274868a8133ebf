package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/benchctl/benchctl/internal/stats"
	"github.com/benchctl/benchctl/results/judge"
)

// layouts that are tried: one thing at a time is other than the default.
func (b *bench) layouts() []layout {
	ms := time.Millisecond
	all := []layout{
		{name: "the default"},
		{name: "slices of 50 ms", slice: 50 * ms},
		{name: "slices of 200 ms", slice: 200 * ms},
		{name: "slices of 300 ms", slice: 300 * ms},
		{name: "lead-in of 2 ms", lead: 2 * ms},
		{name: "lead-in of 30 ms", lead: 30 * ms},
		{name: "3 launches", launches: 3},
		{name: "5 launches", launches: 5},
		{name: "12 launches", launches: 12},
		{name: "no passes", pass: "none"},
		{name: "passes of 1 s", pass: "1s"},
	}
	// Builds that differ in what no flag sets, such as the order.
	others, _ := filepath.Glob(b.benchctl + "-*") // only a bad pattern is an error
	for _, path := range others {
		all = append(all, layout{name: filepath.Base(path), benchctl: path})
	}
	for i := range all {
		all[i].length = b.tuneRun
	}
	return all
}

// tuned is what the runs of one layout came to, in server CPU per request.
type tuned struct {
	same, slower seen
	counted      float64 // s inside of counted slices
	took         float64 // s
}

// tuning tries all layouts in turn, several times over, so that the machine's
// drift falls on all alike. Each run has three copies of the server and one with
// 3 % more CPU: three pairs that are the same and three that are not.
func (b *bench) tuning(ctx context.Context) error {
	all := b.layouts()
	found := make([]tuned, len(all))
	for turn := range b.tune {
		for i, l := range all {
			if err := b.try(ctx, l, &found[i]); err != nil {
				return err
			}
			fmt.Fprintf(os.Stderr, "turn %d/%d: %s\n", turn+1, b.tune, l.name)
		}
	}
	fmt.Println("| layout | pairs alike | false alarms | spread of the ratio | half-width | 3 % found | counted |\n|---|---|---|---|---|---|---|")
	for i, l := range all {
		f := &found[i]
		fmt.Printf("| %s | %d | %d | %.2f %% | %.2f %% | %d of %d | %.0f %% |\n", l.name, len(f.same.ratio), f.same.found,
			100*spread(f.same.ratio), 100*stats.Median(f.same.width), f.slower.found, len(f.slower.ratio), 100*f.counted/f.took)
	}
	return nil
}

func (b *bench) try(ctx context.Context, l layout, t *tuned) error {
	began := time.Now()
	s, err := b.measure(ctx, l, []int{0, 0, 0, b.steps(0.03 * b.base)})
	if err != nil {
		return err
	}
	t.took += time.Since(began).Seconds()
	t.counted += s.Run.CountedSeconds
	slower := s.Cells[len(s.Cells)-1].Candidate
	for _, p := range s.Pairs {
		switch {
		case p.Metric != judge.MetricServerCPU:
		case p.B == slower:
			t.slower.add(p)
		default:
			t.same.add(p)
		}
	}
	return nil
}

// spread is the root of the mean square of how far ratios are from the 1 they
// should be: the standard deviation of what one run finds.
func spread(ratios []float64) float64 {
	var sum float64
	for _, r := range ratios {
		sum += math.Log(r) * math.Log(r)
	}
	return math.Sqrt(sum / float64(len(ratios)))
}
