package stats_test

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/benchctl/benchctl/internal/stats"
)

var simulations = flag.Int("simulations", 0, "of each row of the table of coverage, which is printed; 0: a few, and no table")

// slices100 is the standard deviation of a slice of 100 ms on a noisy machine.
const slices100 = 0.04

// A noise draws the relative errors of the slices of one launch; its unit is the
// standard deviation of the middle of the distribution.
type noise func(rng *rand.Rand, n int) []float64

func independent(one func(*rand.Rand) float64) noise {
	return func(rng *rand.Rand, n int) []float64 {
		e := make([]float64, n)
		for i := range e {
			e[i] = one(rng)
		}
		return e
	}
}

var noises = []struct {
	name string
	draw noise
}{
	{"normal", independent((*rand.Rand).NormFloat64)},
	{"lognormal", independent(func(rng *rand.Rand) float64 { return 2 * math.Expm1(0.5*rng.NormFloat64()) })},
	// 5 % of the values are off by three times the spread, to one side.
	{"outliers", independent(func(rng *rand.Rand) float64 {
		z := rng.NormFloat64()
		if rng.Float64() < 0.05 {
			z = 3 * math.Abs(z)
		}
		return z
	})},
	// Student's t of two degrees of freedom, which has no variance.
	{"heavy tails", independent(func(rng *rand.Rand) float64 {
		return rng.NormFloat64() / math.Sqrt(rng.ExpFloat64())
	})},
	// Each value resembles the one before it.
	{"autocorrelated", func(rng *rand.Rand, n int) []float64 {
		e := make([]float64, n)
		z := rng.NormFloat64()
		for i := range e {
			z = 0.3*z + math.Sqrt(1-0.3*0.3)*rng.NormFloat64()
			e[i] = z
		}
		return e
	}},
}

// draw draws values with a median of about 1; each launch is off by its own effect.
func draw(rng *rand.Rand, of noise, sizes []int, effect float64) [][]float64 {
	groups := make([][]float64, len(sizes))
	for l, n := range sizes {
		off := effect * rng.NormFloat64()
		for _, e := range of(rng, n) {
			groups[l] = append(groups[l], math.Exp(off)*max(0.05, 1+slices100*e))
		}
	}
	return groups
}

// truth is the estimand of a median: that of the distribution of values of launches
// without end, each with an effect of its own.
func truth(of noise, effect float64) float64 { return stats.Median(population(of, effect)) }

// population is very many values, each of a launch of its own.
func population(of noise, effect float64) []float64 {
	return slices.Concat(draw(rand.New(rand.NewPCG(9, 9)), of, slices.Repeat([]int{1}, truthSize()), effect)...)
}

// truthSize makes the error of a truth small against what n simulations tell.
func truthSize() int {
	if *simulations > 0 {
		return 2_000_001
	}
	return 100_001
}

// coverage is the share of n simulations whose interval covers the truth, and the
// median of the half-widths.
func coverage(n int, truth float64, simulate func(rng *rand.Rand) (stats.Interval, bool)) (share, half float64) {
	covers, halves := make([]bool, n), make([]float64, n)
	var wg sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		wg.Go(func() {
			for s := w; s < n; s += workers {
				i, ok := simulate(rand.New(rand.NewPCG(7, uint64(s))))
				covers[s], halves[s] = ok && !i.Excludes(truth), (i.High-i.Low)/2
			}
		})
	}
	wg.Wait()
	covered := 0
	for _, c := range covers {
		if c {
			covered++
		}
	}
	return float64(covered) / float64(n), stats.Median(halves)
}

// checkCoverage wants 93 to 97 %, give or take three standard errors of a share of
// 95 % among n.
func checkCoverage(t *testing.T, what string, share float64, n int) {
	t.Helper()
	slack := 3 * math.Sqrt(0.95*0.05/float64(n))
	if share < 0.93-slack || share > 0.97+slack {
		t.Errorf("%s: the interval covers the median in %.1f %% of %d simulations", what, 100*share, n)
	}
}

// few is the number of simulations of a quick test.
func few(n int) int {
	if *simulations > 0 {
		return *simulations
	}
	return n
}

// Of any noise, with launches that differ or not, the interval covers what is
// estimated in about 95 %: of medians the median, of totals the mean. The designs have
// about 100 rounds, the most a run of 30 s has, and some have few.
//
//	go test ./internal/stats -run Coverage -v -simulations 4000
//
// prints the tables of docs/methodology.md.
func TestCoverage(t *testing.T) {
	t.Parallel()
	for _, e := range []struct {
		name     string
		truth    func(values []float64) float64
		estimate func(groups [][]float64, seed uint64) (stats.Interval, bool)
	}{
		{"medians", stats.Median, stats.Bootstrap},
		{"totals", meanOf, func(groups [][]float64, seed uint64) (stats.Interval, bool) {
			return stats.Total(sharesOf(groups), seed)
		}},
	} {
		t.Run(e.name, func(t *testing.T) { t.Parallel(); coverageOf(t, e.truth, e.estimate) })
	}
}

func meanOf(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// sharesOf makes rates of values, over times that are all the same.
func sharesOf(groups [][]float64) [][]stats.Share {
	shares := make([][]stats.Share, len(groups))
	for i, g := range groups {
		for _, v := range g {
			shares[i] = append(shares[i], stats.Share{Amount: 0.15 * v, Over: 0.15})
		}
	}
	return shares
}

func coverageOf(t *testing.T, of func([]float64) float64, estimate func([][]float64, uint64) (stats.Interval, bool)) {
	n := few(30)
	designs := [][2]int{{2, 50}, {3, 35}, {4, 25}, {5, 20}, {6, 16}, {8, 12}, {10, 10}, {3, 6}, {3, 16}, {6, 35}, {10, 50}}
	effects := []float64{0, 0.005, 0.01, 0.02}
	if *simulations == 0 {
		designs, effects = [][2]int{{2, 12}, {3, 35}, {6, 16}}, []float64{0, 0.01}
	}
	truths := make(map[string]float64)
	for _, noise := range noises {
		for _, effect := range effects {
			truths[fmt.Sprint(noise.name, effect)] = of(population(noise.draw, effect))
		}
	}
	table := header("launches x rounds", "noise", effects)
	for _, d := range designs {
		sizes, total := slices.Repeat([]int{d[1]}, d[0]), 0.0
		for _, noise := range noises {
			fmt.Fprintf(table, "| %d x %d | %s |", d[0], d[1], noise.name)
			for _, effect := range effects {
				share, half := coverage(n, truths[fmt.Sprint(noise.name, effect)], func(rng *rand.Rand) (stats.Interval, bool) {
					return estimate(draw(rng, noise.draw, sizes, effect), rng.Uint64())
				})
				fmt.Fprintf(table, " %.1f ±%.2f |", 100*share, 100*half)
				checkCoverage(t, fmt.Sprintf("%d x %d, %s, launches off by %g", d[0], d[1], noise.name, effect), share, n)
				total += share
			}
			fmt.Fprintln(table)
		}
		rows := len(noises) * len(effects)
		checkCoverage(t, fmt.Sprintf("%d x %d", d[0], d[1]), total/float64(rows), n*rows)
	}
	show(t, table)
}

// Other shapes of a run: one launch, launches cut short.
func TestCoverageOfOddRuns(t *testing.T) {
	t.Parallel()
	n := few(40)
	effects := []float64{0, 0.01}
	table := header("noise", "rounds of each launch", effects)
	truths := []float64{truth(noises[1].draw, effects[0]), truth(noises[1].draw, effects[1])}
	for _, sizes := range [][]int{{6}, {7}, {12}, {35}, {100}, {35, 35, 6}, {35, 10}, {16, 16, 16, 8, 8}, {30, 5, 25, 10, 30}} {
		fmt.Fprintf(table, "| lognormal | %v |", sizes)
		for e, effect := range effects {
			if len(sizes) == 1 && effect > 0 {
				fmt.Fprint(table, " |")
				continue // one launch is no evidence of launches
			}
			share, half := coverage(n, truths[e], func(rng *rand.Rand) (stats.Interval, bool) {
				return stats.Bootstrap(draw(rng, noises[1].draw, sizes, effect), rng.Uint64())
			})
			fmt.Fprintf(table, " %.1f ±%.2f |", 100*share, 100*half)
			checkCoverage(t, fmt.Sprintf("%v, launches off by %g", sizes, effect), share, n)
		}
		fmt.Fprintln(table)
	}
	show(t, table)
}

// A drift of the machine is in both candidates' slices of a round. The paired ratio
// does not see it; two medians, each of a sitting with drift of its own, hold if the
// drift is from launch to launch, and not if it goes on from one to the next.
func TestCoverageUnderDrift(t *testing.T) {
	t.Parallel()
	n := few(40)
	drifts := []struct {
		name  string
		speed func(rng *rand.Rand, launches, rounds int) []float64
	}{
		{"none", func(_ *rand.Rand, g, r int) []float64 { return make([]float64, g*r) }},
		{"of 20 % in a line", func(_ *rand.Rand, g, r int) []float64 {
			s := make([]float64, g*r)
			for i := range s {
				s[i] = -0.2 * (float64(i)/float64(g*r) - 0.5)
			}
			return s
		}},
		{"a walk of 1 % a round", func(rng *rand.Rand, g, r int) []float64 {
			s := make([]float64, g*r)
			for i := 1; i < g*r; i++ {
				s[i] = s[i-1] + 0.01*rng.NormFloat64()
			}
			return s
		}},
		{"a level of 2 % a launch", func(rng *rand.Rand, g, r int) []float64 {
			s := make([]float64, 0, g*r)
			for range g {
				s = append(s, slices.Repeat([]float64{0.02 * rng.NormFloat64()}, r)...)
			}
			return s
		}},
	}
	table := &strings.Builder{}
	fmt.Fprint(table, "\n| drift | launches x rounds | paired | unpaired |\n|---|---|---|---|\n")
	for _, drift := range drifts {
		for _, d := range [][2]int{{3, 35}, {8, 12}} {
			sitting := func(rng *rand.Rand) (a, b [][]float64) {
				speed := drift.speed(rng, d[0], d[1])
				sizes := slices.Repeat([]int{d[1]}, d[0])
				a, b = draw(rng, noises[0].draw, sizes, 0.005), draw(rng, noises[0].draw, sizes, 0.005)
				for i, s := range speed {
					a[i/d[1]][i%d[1]] *= math.Exp(s)
					b[i/d[1]][i%d[1]] *= math.Exp(s)
				}
				return a, b
			}
			paired, half := coverage(n, 1, func(rng *rand.Rand) (stats.Interval, bool) {
				a, b := sitting(rng)
				for l := range b {
					for r := range b[l] {
						b[l][r] /= a[l][r]
					}
				}
				return stats.Bootstrap(b, rng.Uint64())
			})
			unpaired, wide := coverage(n, 1, func(rng *rand.Rand) (stats.Interval, bool) {
				a, _ := sitting(rng)
				_, b := sitting(rng)
				i, _, ok := stats.TotalRatio(shares(a), shares(b), rng.Uint64())
				return i, ok
			})
			fmt.Fprintf(table, "| %s | %d x %d | %.1f ±%.2f | %.1f ±%.2f |\n", drift.name, d[0], d[1], 100*paired, 100*half, 100*unpaired, 100*wide)
			checkCoverage(t, fmt.Sprintf("%s, %v, paired", drift.name, d), paired, n)
			if drift.name == "none" || strings.Contains(drift.name, "level") {
				checkCoverage(t, fmt.Sprintf("%s, %v, unpaired", drift.name, d), unpaired, n)
			}
		}
	}
	show(t, table)
}

// A run that stops once its interval is narrow, looked at every second round, stops
// at intervals that are narrow by chance too. From MinLaunches on that costs little.
func TestCoverageOfAStop(t *testing.T) {
	t.Parallel()
	const launches, rounds, narrow = 8, 12, 0.015
	n := few(40)
	run := func(least int) func(rng *rand.Rand) (stats.Interval, bool) {
		return func(rng *rand.Rand) (i stats.Interval, ok bool) {
			groups, seed := draw(rng, noises[0].draw, slices.Repeat([]int{rounds}, launches), 0.005), rng.Uint64()
			for l := least; l <= launches; l++ {
				for r := stats.MinValues; r <= rounds; r += 2 {
					seen := slices.Clone(groups[:l])
					seen[l-1] = seen[l-1][:r]
					if i, ok = stats.Bootstrap(seen, seed); ok && i.High-i.Low <= 2*narrow*i.Value {
						return i, ok
					}
				}
			}
			return i, ok
		}
	}
	table := &strings.Builder{}
	fmt.Fprint(table, "\n| stopped at the earliest after | coverage |\n|---|---|\n")
	for least := 2; least <= 6; least++ {
		if *simulations == 0 && least != stats.MinLaunches {
			continue
		}
		share, half := coverage(n, 1, run(least))
		fmt.Fprintf(table, "| %d launches | %.1f ±%.2f |\n", least, 100*share, 100*half)
		if least >= stats.MinLaunches {
			checkCoverage(t, fmt.Sprintf("stopped after %d launches", least), share, n)
		}
	}
	show(t, table)
}

// Small p-values, which decide in a large family, are about as rare as they say. Of
// launches of few rounds the far ones come up to three times too often, as the
// bootstrap's error of a median is itself less certain than Student's t has it.
func TestCoverageOfSmallP(t *testing.T) {
	t.Parallel()
	n := 10 * few(40)
	table := &strings.Builder{}
	fmt.Fprint(table, "\n| launches x rounds | launches off by | p <= 0.05 | p <= 0.01 | p <= 0.001 | p <= 0.0001 |\n|---|---|---|---|---|---|\n")
	for _, d := range [][2]int{{8, 12}, {6, 35}} {
		effect := 0.005
		ps := make([]float64, 0, n)
		var mu sync.Mutex
		coverage(n, 1, func(rng *rand.Rand) (stats.Interval, bool) {
			i, p, ok := stats.BootstrapTest(draw(rng, noises[0].draw, slices.Repeat([]int{d[1]}, d[0]), effect), 1, rng.Uint64())
			mu.Lock()
			defer mu.Unlock()
			ps = append(ps, p)
			return i, ok
		})
		fmt.Fprintf(table, "| %d x %d | %g %% |", d[0], d[1], 100*effect)
		for _, alpha := range []float64{0.05, 0.01, 0.001, 0.0001} {
			alarms := 0.0
			for _, p := range ps {
				if p <= alpha {
					alarms++
				}
			}
			share := alarms / float64(n)
			fmt.Fprintf(table, " %.5f |", share)
			factor := 1.4
			if alpha < 0.01 {
				factor = 3
			}
			if slack := 3 * math.Sqrt(alpha/float64(n)); share > factor*alpha+slack || share < alpha/factor-slack {
				t.Errorf("%d x %d: %.5f of the p-values are at most %g", d[0], d[1], share, alpha)
			}
		}
		fmt.Fprintln(table)
	}
	show(t, table)
}

func header(first, second string, effects []float64) *strings.Builder {
	b := &strings.Builder{}
	fmt.Fprintf(b, "\n| %s | %s |", first, second)
	for _, e := range effects {
		fmt.Fprintf(b, " launches off by %g %% |", 100*e)
	}
	fmt.Fprintln(b, "\n|---|---|"+strings.Repeat("---|", len(effects)))
	return b
}

func show(t *testing.T, table *strings.Builder) {
	t.Helper()
	if *simulations > 0 {
		t.Log(table)
	}
}
