package stats

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// Holm adjusts the p-values of a family of tests, so that rejecting all whose
// adjusted value is at most alpha makes a single false rejection with a probability
// of at most alpha, however the tests depend on each other (Holm 1979, A Simple
// Sequentially Rejective Multiple Test Procedure). The order stays.
func Holm(p []float64) []float64 {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int {
		if p[i] < p[j] {
			return -1
		}
		if p[i] > p[j] {
			return 1
		}
		return 0
	})
	adjusted := make([]float64, len(p))
	least := 0.0
	for rank, i := range order {
		least = max(least, min(1, p[i]*float64(len(p)-rank)))
		adjusted[i] = least
	}
	return adjusted
}

// MinimalEffect is the smallest relative difference that an interval as wide as
// this one, of a ratio, would resolve from 1 in 80 % of cases. On the log scale the
// half-width h is t(0.975) standard errors, and a difference of t(0.975) + t(0.8) of
// them is found in about 80 % of cases (Cohen 1988, Statistical Power Analysis, 2.3):
//
//	exp(h * (t(0.975) + t(0.8)) / t(0.975)) - 1, with h = ln(High/Low) / 2
//
// It is as uncertain as the width of the interval, which is very uncertain with few launches.
func (i Interval) MinimalEffect() float64 {
	return math.Expm1(math.Log(i.High/i.Low) / 2 * i.detectable())
}

// detectable is what is found in 80 % of cases, in half-widths of the interval.
func (i Interval) detectable() float64 {
	t := distuv.StudentsT{Sigma: 1, Nu: i.Freedom}
	if i.Freedom == 0 {
		t.Nu = 1e6 // as good as normal
	}
	return 1 + t.Quantile(0.8)/t.Quantile(0.975)
}
