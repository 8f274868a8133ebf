package stats

import (
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat"
)

// Share is an amount and its denominator: requests and the seconds in which they were
// counted, or CPU time and the requests on which it was spent.
type Share struct{ Amount, Over float64 }

// rate is the amount per unit of its denominator.
func (s Share) rate() float64 { return s.Amount / s.Over }

func (s Share) plus(o Share) Share { return Share{s.Amount + o.Amount, s.Over + o.Over} }

// Rate is the whole amount over the whole of what it was counted over. Of no share it is NaN.
func Rate(all []Share) float64 {
	if len(all) == 0 {
		return math.NaN()
	}
	return sum(all, Share.plus).rate()
}

// Paired is the shares of two candidates in one round.
type Paired struct{ A, B Share }

// ratio is the rate of b over that of a.
func (p Paired) ratio() float64 { return p.B.rate() / p.A.rate() }

// difference is the rate of b less that of a.
func (p Paired) difference() float64 { return p.B.rate() - p.A.rate() }

func (p Paired) plus(o Paired) Paired { return Paired{p.A.plus(o.A), p.B.plus(o.B)} }

// Total estimates the sum of the amounts over the sum of the denominators, with a 95 %
// interval. Unlike a median of rates it leaves nothing out: a server that stands still in
// one slice of ten loses a tenth. Groups are launches, drawn as in Bootstrap. ok is false if
// there are fewer than MinValues shares or the interval has no bounds; the interval then
// has no width. Amounts are never negative, and neither is the interval.
func Total(groups [][]Share, seed uint64) (i Interval, ok bool) {
	i, _, ok = totalTest(groups, Share.plus, Share.rate, 1, seed)
	i.Low = max(0, i.Low)
	return i, ok
}

// PairedTotal estimates the ratio b/a of the totals of paired shares with a 95 %
// interval and the two-sided p-value of its being 1, as Total does. ok is false as well
// if the interval reaches down to 0, where one of them had nothing in many rounds: no
// ratio of speeds is 0 or less.
func PairedTotal(groups [][]Paired, seed uint64) (i Interval, p float64, ok bool) {
	i, p, ok = totalTest(groups, Paired.plus, Paired.ratio, 1, seed)
	return i, p, ok && i.Low > 0
}

// TotalRatio estimates the ratio b/a of the totals of two independent sets of groups, with
// a 95 % interval and the two-sided p-value of its being 1, drawing each as Total does. ok is
// false if either has fewer than MinValues, or if so many values are not positive that the
// ratio has no bounds.
func TotalRatio(a, b [][]Share, seed uint64) (i Interval, p float64, ok bool) {
	if len(slices.Concat(a...)) < MinValues || len(slices.Concat(b...)) < MinValues {
		return i, 1, false
	}
	ea := newTotal(a, Share.plus, Share.rate, rand.New(rand.NewPCG(seed, 0)))
	eb := newTotal(b, Share.plus, Share.rate, rand.New(rand.NewPCG(seed, 1)))
	return ratioTest(ea, eb)
}

func totalTest[T any](groups [][]T, plus func(T, T) T, value func(T) float64, x float64, seed uint64) (i Interval, p float64, ok bool) {
	all := slices.Concat(groups...)
	if len(all) == 0 {
		return Interval{Value: math.NaN()}, 1, false
	}
	if len(all) >= MinValues {
		e := newTotal(groups, plus, value, rand.New(rand.NewPCG(seed, 0)))
		if i, ok = e.interval(); ok {
			return i, e.pValue(x), true
		}
	}
	total := value(sum(all, plus))
	return Interval{Value: total, Low: total, High: total}, 1, false
}

// newTotal is the value of the sum of all of groups. It draws their units.
func newTotal[T any](groups [][]T, plus func(T, T) T, value func(T) float64, rng *rand.Rand) estimate {
	var sums []T // of each unit
	for _, u := range unitsOf(groups) {
		sums = append(sums, sum(u, plus))
	}
	draws := make([]float64, Resamples)
	for r := range draws {
		picked := sums[rng.IntN(len(sums))]
		for range len(sums) - 1 {
			picked = plus(picked, sums[rng.IntN(len(sums))])
		}
		draws[r] = value(picked)
	}
	return drawn(value(sum(sums, plus)), draws, len(sums))
}

func sum[T any](all []T, plus func(T, T) T) T {
	s := all[0]
	for _, one := range all[1:] {
		s = plus(s, one)
	}
	return s
}

// Ahead is how far the mean of k more values is from the mean of these, at most, in
// 95 % of cases, if they are normal and k more are drawn as these were: Student's t
// with the spread of both (Hahn and Meeker 1991, Statistical Intervals, 4.8). It takes
// two values at least.
func Ahead(values []float64, k int) float64 {
	n := float64(len(values))
	return student(n-1).Quantile(0.975) * stat.StdDev(values, nil) * math.Sqrt(1/float64(k)+1/n)
}

// ChanceAboveZero is the probability that values whose mean is 0 or less have a mean this
// far above it: Student's t test, one-sided. It takes two values at least.
func ChanceAboveZero(values []float64) float64 {
	mean, sd := stat.MeanStdDev(values, nil)
	switch {
	case mean <= 0:
		return 1
	case sd == 0:
		return 0
	}
	n := float64(len(values))
	return student(n - 1).CDF(-mean / sd * math.Sqrt(n))
}
