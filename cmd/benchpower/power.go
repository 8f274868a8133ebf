package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/benchctl/benchctl/internal/stats"
	"github.com/benchctl/benchctl/results/judge"
)

// power tries false alarms, power and ranking.
func (b *bench) power(ctx context.Context) error {
	fmt.Println("| comparison | length | count | interval excludes 1: CPU | req/s | median ratio: CPU | half-width: CPU | req/s |\n|---|---|---|---|---|---|---|---|")
	for _, part := range []struct {
		name        string
		count       int
		length, aim time.Duration
		share       float64
	}{
		{"with itself", b.same, b.shortRun, 0, 0},
		{"3 % more CPU", b.small, b.shortRun, 4 * b.shortRun, 0.03},
		{"1 % more CPU", b.tiny, b.longRun, b.longRun, 0.01},
	} {
		if part.count == 0 {
			continue
		}
		steps := 0
		if part.share > 0 {
			var err error
			if steps, err = b.aim(ctx, part.share, part.aim); err != nil {
				return err
			}
		}
		if err := b.compare(ctx, part.name, part.count, part.length, steps); err != nil {
			return err
		}
	}
	for range b.rankings {
		if err := b.rank(ctx); err != nil {
			return err
		}
	}
	return nil
}

// seen is what the pairs of some runs came to in one metric.
type seen struct {
	found        int // pairs whose interval excludes 1
	ratio, width []float64
}

func (s *seen) add(p judge.Pair) {
	if p.Separated() {
		s.found++
	}
	s.ratio = append(s.ratio, p.Ratio)
	s.width = append(s.width, (p.High-p.Low)/2/p.Ratio)
}

// compare measures the server against itself with steps of busy work, count times.
func (b *bench) compare(ctx context.Context, name string, count int, length time.Duration, steps int) error {
	var cpu, rps seen
	for i := range count {
		s, err := b.measure(ctx, layout{length: length}, []int{0, steps})
		if err != nil {
			return err
		}
		for _, p := range s.Pairs {
			if p.Metric == judge.MetricServerCPU {
				cpu.add(p)
			} else {
				rps.add(p)
			}
			fmt.Fprintf(os.Stderr, "%s %d/%d: %s %.4f [%.4f, %.4f]\n", name, i+1, count, p.Metric, p.Ratio, p.Low, p.High)
		}
	}
	fmt.Printf("| %s | %v | %d | %d | %d | %.4f | %.2f %% | %.2f %% |\n", name, length, count,
		cpu.found, rps.found, stats.Median(cpu.ratio), 100*stats.Median(cpu.width), 100*stats.Median(rps.width))
	return nil
}

// rank measures six slowdowns at once and prints their ranks.
func (b *bench) rank(ctx context.Context) error {
	slowdowns := []float64{0, 300, 600, 1200, 2500, 5000}
	steps := make([]int, len(slowdowns))
	for i, ns := range slowdowns {
		steps[i] = b.steps(ns)
	}
	s, err := b.measure(ctx, layout{length: b.rankRun}, steps)
	if err != nil {
		return err
	}
	fmt.Println("\n| slowdown | rank | ties with | req/s | CPU µs/req |\n|---|---|---|---|---|")
	for i, c := range s.Cells {
		fmt.Printf("| %.1f µs | %d | %s | %.0f | %.3f |\n", slowdowns[i]/1e3, c.Rank, strings.Join(c.TiedWith, ", "), c.Figures.Throughput().Value, c.Figures.ServerCPU().Value)
	}
	return nil
}
