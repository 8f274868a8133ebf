// Package stats turns numbers into estimates: medians and totals, their confidence intervals
// and p-values by a seeded bootstrap of whole launches, the smallest difference that a
// comparison resolves, and ranks with ties. It imports nothing of this module.
package stats

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
)

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

// StdDev is the standard deviation of a sample, NaN of fewer than two values.
func StdDev(values []float64) float64 { return stat.StdDev(values, nil) }

// Rank gives each of n things its rank: 1 plus the number of things that are
// better, so ranks are shared where evidence ends. better reports whether i is better
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
