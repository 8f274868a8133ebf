package pace

import (
	"math"
	"slices"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// gaps are the first n inter-arrival times, in s.
func gaps(p vegeta.Pacer, n int) []float64 {
	s := NewSchedule(p, math.MaxInt64, 0, 1)
	g := make([]float64, n)
	var last time.Duration
	for i := range g {
		at, _ := s.Peek()
		g[i], last = (at - last).Seconds(), at
		s.Advance()
	}
	return g
}

func TestPoisson(t *testing.T) {
	const rate, n = 2000.0, 100_000
	for seed := range uint64(5) {
		g := gaps(Poisson(rate, seed), n)
		var sum, squares, serial float64
		for i, x := range g {
			x = x*rate - 1 // of mean 0 and variance 1
			sum += x
			squares += x * x
			if i > 0 {
				serial += x * (g[i-1]*rate - 1)
			}
		}
		// The bounds are 4.5 standard errors; a squared exponential has variance 8.
		if mean := sum / n; math.Abs(mean) > 4.5/math.Sqrt(n) {
			t.Errorf("seed %d: mean off by %.4f", seed, mean)
		}
		if variance := squares / n; math.Abs(variance-1) > 4.5*math.Sqrt(8.0/n) {
			t.Errorf("seed %d: variance off by %.4f", seed, variance-1)
		}
		if serial /= n; math.Abs(serial) > 4.5/math.Sqrt(n) {
			t.Errorf("seed %d: neighbours correlate by %.4f", seed, serial)
		}
		// Kolmogorov-Smirnov: more than 1.95/sqrt(n) is seen once in 1,000 samples.
		slices.Sort(g)
		far := 0.0
		for i, x := range g {
			f := 1 - math.Exp(-x*rate)
			far = max(far, f-float64(i)/n, float64(i+1)/n-f)
		}
		if far > 1.95/math.Sqrt(n) {
			t.Errorf("seed %d: distance %.5f from the exponential distribution", seed, far)
		}
	}
}

func TestPoissonSeed(t *testing.T) {
	if !slices.Equal(gaps(Poisson(500, 7), 1000), gaps(Poisson(500, 7), 1000)) {
		t.Error("one seed, two schedules")
	}
	a, b := gaps(Poisson(500, 7), 1000), gaps(Poisson(500, 8), 1000)
	for i := range a {
		if slices.Contains(b, a[i]) {
			t.Fatalf("gap %d of one seed is in the schedule of another", i)
		}
	}
}
