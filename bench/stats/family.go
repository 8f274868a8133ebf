package stats

import (
	"math"
	"slices"
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

// Quantiles of the normal distribution: of the ends of a two-sided 95 % interval,
// and of a power of 80 %.
const (
	z975 = 1.959964
	z80  = 0.841621
)

// MinimalEffect is the smallest relative difference that an interval as wide as
// this one, of a ratio, would resolve from 1 in 80 % of cases. On the log scale
// the half-width h is 1.96 standard errors, and a difference of 1.96 + 0.84 of
// them is found in 80 % of cases (Cohen 1988, Statistical Power Analysis, 2.3):
//
//	exp(h * (1.96 + 0.84) / 1.96) - 1, with h = ln(High/Low) / 2
//
// It is as wrong as the interval is: too small where launches are few.
func (i Interval) MinimalEffect() float64 {
	return math.Expm1(math.Log(i.High/i.Low) / 2 * (z975 + z80) / z975)
}
