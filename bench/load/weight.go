package load

import "fmt"

// maxTurns bounds how many requests it takes until the order of targets repeats.
const maxTurns = 1 << 16

// order is the indices of the targets as they are taken, over and over: a smooth
// weighted round robin, as nginx has it. Each time every target gains its weight,
// and the one that has most, the first of those, is taken and pays what all gained.
// So each is taken as often as its weight says, spread out evenly.
func order(targets []Target) ([]int, error) {
	weights, all := make([]int, len(targets)), 0
	for i := range targets {
		weights[i] = max(targets[i].Weight, 1)
		if targets[i].Weight < 0 {
			return nil, fmt.Errorf("target %d: weight: %d is less than 0", i, targets[i].Weight)
		}
		all = divisor(all, weights[i])
	}
	total := 0
	for i := range weights {
		weights[i] /= all
		if weights[i] > maxTurns-total {
			return nil, fmt.Errorf("target %d: weight: the sum is more than %d", i, maxTurns)
		}
		total += weights[i]
	}
	turns, has := make([]int, total), make([]int, len(weights))
	for n := range turns {
		most := 0
		for i, w := range weights {
			if has[i] += w; has[i] > has[most] {
				most = i
			}
		}
		has[most] -= total
		turns[n] = most
	}
	return turns, nil
}

// divisor is the greatest common divisor of a and b.
func divisor(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// pick is the elements of all at the given indices.
func pick[T any](all []T, indices []int) []T {
	picked := make([]T, len(indices))
	for n, i := range indices {
		picked[n] = all[i]
	}
	return picked
}
