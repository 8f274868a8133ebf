// Package stats turns numbers into estimates: medians, their confidence intervals
// and p-values by a seeded hierarchical bootstrap, what a comparison can see at
// all, and ranks with ties. It imports nothing of this module.
package stats

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Resamples is how often the bootstrap draws. The ends of a 95 % interval are
// then the 50th values from either side, which vary little between seeds.
const Resamples = 2000

// MinValues is the fewest values that carry a 95 % interval of a median: with
// five, the range from the least to the largest covers the median in only
// 1 - 2/2^5 = 93.75 % of cases (David and Nagaraja, Order Statistics, 7.1).
const MinValues = 6

// Interval is an estimate with the ends of its 95 % confidence interval.
type Interval struct {
	Median, Low, High float64
}

// Excludes tells whether x lies outside of the interval.
func (i Interval) Excludes(x float64) bool { return x < i.Low || x > i.High }

// Median is the middle value, the mean of the two middle ones of an even number,
// and NaN of none. The slice is reordered.
func Median(values []float64) float64 {
	n := len(values)
	if n == 0 {
		return math.NaN()
	}
	slices.Sort(values)
	if n%2 == 1 {
		return values[n/2]
	}
	return (values[n/2-1] + values[n/2]) / 2
}

// Bootstrap estimates the median of all values of groups with a 95 % percentile
// interval. Values of one group resemble each other, as the slices of one launch
// do, so it draws groups with replacement first and then values within each
// (Davison and Hinkley, Bootstrap Methods and their Application, 3.8). Equal
// seeds give equal intervals. ok is false if there are fewer than MinValues; the
// interval is then the range of the values.
func Bootstrap(groups [][]float64, seed uint64) (i Interval, ok bool) {
	i, _, ok = BootstrapTest(groups, 1, seed)
	return i, ok
}

// BootstrapTest is Bootstrap with the two-sided p-value of the median being x, by
// the same draws. The interval excludes x just if p is at most 0.05. p is at least
// 1/Resamples, however far x is.
func BootstrapTest(groups [][]float64, x float64, seed uint64) (i Interval, p float64, ok bool) {
	groups = notEmpty(groups)
	all := slices.Concat(groups...)
	i.Median = Median(all) // and all is sorted now
	if len(all) < MinValues {
		if len(all) > 0 {
			i.Low, i.High = all[0], all[len(all)-1]
		}
		return i, 1, false
	}
	medians := drawMedians(groups, rand.New(rand.NewPCG(seed, 0)))
	slices.Sort(medians)
	i.Low, i.High = ends(medians)
	return i, pValue(medians, x), true
}

// BootstrapRatio estimates the ratio of the medians of b and a, two independent
// sets of groups, with a 95 % percentile interval, drawing each as Bootstrap does.
// p is the two-sided p-value of the ratio being 1, as BootstrapTest gives it.
// ok is false if either has fewer than MinValues, or if so many values are not
// positive that the ratio has no bounds.
func BootstrapRatio(a, b [][]float64, seed uint64) (i Interval, p float64, ok bool) {
	ia, okA := Bootstrap(a, seed)
	ib, okB := Bootstrap(b, seed)
	if !okA || !okB || ia.Median <= 0 || ib.Median <= 0 {
		return i, 1, false
	}
	rng := rand.New(rand.NewPCG(seed, 1))
	ratios := make([]float64, Resamples)
	ma, mb := drawMedians(notEmpty(a), rng), drawMedians(notEmpty(b), rng)
	for r := range ratios {
		ratios[r] = mb[r] / ma[r]
	}
	slices.Sort(ratios)
	low, high := ends(ratios)
	if !(low > 0) || math.IsInf(high, 1) { // 0/0 is NaN, and sorted to the front
		return i, 1, false
	}
	return Interval{ib.Median / ia.Median, low, high}, pValue(ratios, 1), true
}

// pValue is twice the share of the sorted draws that are at x or on its rarer side.
func pValue(sorted []float64, x float64) float64 {
	below, _ := slices.BinarySearch(sorted, x)
	upTo, _ := slices.BinarySearch(sorted, math.Nextafter(x, math.Inf(1)))
	rarer := min(upTo, len(sorted)-below)
	return min(1, float64(max(1, 2*rarer))/float64(len(sorted)))
}

func notEmpty(groups [][]float64) [][]float64 {
	return slices.DeleteFunc(slices.Clone(groups), func(g []float64) bool { return len(g) == 0 })
}

// ends are the 2.5th and 97.5th percentiles of sorted values.
func ends(sorted []float64) (low, high float64) {
	tail := int(0.025 * float64(len(sorted)))
	return sorted[tail], sorted[len(sorted)-1-tail]
}

// drawMedians draws groups, and values within them, Resamples times, and returns
// the medians in the order drawn. It draws ranks instead of values, so that the
// median of a draw is found by counting and not by sorting.
func drawMedians(groups [][]float64, rng *rand.Rand) []float64 {
	sorted := slices.Concat(groups...)
	slices.Sort(sorted)
	ranks := make([][]int, len(groups))
	for i, g := range groups {
		ranks[i] = make([]int, len(g))
		for j, v := range g {
			ranks[i][j], _ = slices.BinarySearch(sorted, v)
		}
	}
	medians := make([]float64, Resamples)
	counts := make([]int, len(sorted))
	for r := range medians {
		clear(counts)
		n := 0
		for range ranks {
			g := ranks[rng.IntN(len(ranks))]
			for range g {
				counts[g[rng.IntN(len(g))]]++
			}
			n += len(g)
		}
		medians[r] = (sorted[nth(counts, (n-1)/2)] + sorted[nth(counts, n/2)]) / 2
	}
	return medians
}

// nth is the index that the n-th thing falls on, from 0, if counts[i] things are
// at i.
func nth(counts []int, n int) int {
	for i, k := range counts {
		if n -= k; n < 0 {
			return i
		}
	}
	return len(counts) - 1
}

// Rank gives each of n things its rank: 1 plus the number of things that are
// better, so ranks are shared where evidence ends. better tells whether i is better
// than j and the difference is resolved. ties lists for each the others that it
// can't be told from.
func Rank(n int, better func(i, j int) bool) (ranks []int, ties [][]int) {
	ranks, ties = make([]int, n), make([][]int, n)
	for i := range n {
		ranks[i] = 1
		for j := range n {
			switch {
			case i == j || better(i, j):
			case better(j, i):
				ranks[i]++
			default:
				ties[i] = append(ties[i], j)
			}
		}
	}
	return ranks, ties
}
