package stats

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
)

// MeanDifference estimates how much the mean of b's distribution is above that of a's, with
// a 95 % interval and the two-sided p-value of its being 0, by Welch's test (1947, The
// Generalization of "Student's" Problem). Values may be of any sign. ok is false if either
// has fewer than MinValues.
func MeanDifference(a, b []float64) (i Interval, p float64, ok bool) {
	if len(a) < MinValues || len(b) < MinValues {
		return i, 1, false
	}
	return difference(meanOf(a), meanOf(b))
}

// PairedDifference estimates how much the rate of the total of b is above that of a, of shares that are
// paired, with an interval as TotalNearZero's.
func PairedDifference(groups [][]Paired) (i Interval, ok bool) {
	return nearZero(groups, Paired.plus, Paired.difference)
}

// TotalNearZero is Total of rates that may be 0 or near it, of which ratios tell nothing. The 95 % interval
// is by Student's t over the rates of launches, or of single shares where there is one launch, and
// not of their logarithms. ok is false if there are fewer than MinValues; the interval then has no width.
func TotalNearZero(groups [][]Share) (i Interval, ok bool) {
	i, ok = nearZero(groups, Share.plus, Share.rate)
	i.Low = max(0, i.Low)
	return i, ok
}

func nearZero[T any](groups [][]T, plus func(T, T) T, value func(T) float64) (i Interval, ok bool) {
	all := slices.Concat(groups...)
	if len(all) == 0 {
		return Interval{Value: math.NaN()}, false
	}
	total := value(sum(all, plus))
	if len(all) < MinValues {
		return Interval{Value: total, Low: total, High: total}, false
	}
	var units []float64
	for _, unit := range unitsOf(groups) {
		units = append(units, value(sum(unit, plus)))
	}
	e := meanOf(units)
	e.value = total
	return e.interval()
}

func meanOf(values []float64) estimate {
	n := float64(len(values))
	mean, deviation := stat.MeanStdDev(values, nil)
	return estimate{value: mean, err: deviation / math.Sqrt(n), freedom: n - 1}
}

// CountDifference is MeanDifference of events that are counted, per unit of what they are
// counted over: requests lost per reload. Shares are independent repetitions.
//
// A repetition's count scatters at least as Poisson's does, and mostly more, as what loses one
// request loses others with it. The variance of a mean is therefore that of the repetitions or,
// where that is less, Poisson's at the rate of both together, which the null hypothesis says
// is one (McCullagh and Nelder 1989, Generalized Linear Models, 6.2.3, on overdispersion). So
// counts that happen to be all the same, as many are that are small, prove less than they
// seem to. Where nothing was counted at all, the interval reaches on both sides to what would
// show nothing in 5 % of cases (the rule of three: Hanley and Lippman-Hand 1983, JAMA
// 249:1743).
func CountDifference(a, b []Share) (i Interval, p float64, ok bool) {
	if len(a) < MinValues || len(b) < MinValues {
		return i, 1, false
	}
	ta, tb := sum(a, Share.plus), sum(b, Share.plus)
	if ta.Amount+tb.Amount == 0 {
		return Interval{Low: -3 / ta.Over, High: 3 / tb.Over, Freedom: float64(len(a) + len(b) - 2)}, 1, true
	}
	both := ta.plus(tb).rate()
	return difference(rateOf(a, both), rateOf(b, both))
}

// rateOf is the rate of shares, whose error is no less than that of as many events at a rate.
func rateOf(shares []Share, rate float64) estimate {
	var rates []float64
	for _, s := range shares {
		rates = append(rates, s.rate())
	}
	e, all := meanOf(rates), sum(shares, Share.plus)
	e.value, e.err = all.rate(), max(e.err, math.Sqrt(rate/all.Over))
	return e
}

// difference is b - a with the p-value of its being 0.
func difference(a, b estimate) (i Interval, p float64, ok bool) {
	d := estimate{value: b.value - a.value, err: math.Hypot(a.err, b.err)}
	d.freedom = welch(a, b, d.err)
	if i, ok = d.interval(); !ok {
		return Interval{}, 1, false
	}
	return i, d.pValue(0), true
}

// welch is the degrees of freedom of an error that is made of two (Welch 1947).
func welch(a, b estimate, err float64) float64 {
	if err == 0 {
		return a.freedom + b.freedom
	}
	return 1 / (math.Pow(a.err/err, 4)/a.freedom + math.Pow(b.err/err, 4)/b.freedom)
}

// MinimalDifference is the smallest difference that an interval as wide as this one, of a
// difference, would resolve from 0 in 80 % of cases, as MinimalEffect is of a ratio.
func (i Interval) MinimalDifference() float64 { return (i.High - i.Low) / 2 * i.detectable() }
