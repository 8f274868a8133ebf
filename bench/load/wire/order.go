package wire

import (
	"fmt"
	"slices"

	"github.com/benchctl/benchctl/bench/load"
)

// maxTurns bounds how many requests it takes until the order of targets repeats.
const maxTurns = 1 << 16

// Order is the indices of the targets as they are taken, over and over: a smooth
// weighted round robin, as nginx has it. Each time every target gains its weight,
// and the one that has most, the first of those, is taken and pays what all gained.
// So each is taken as often as its weight says, spread out evenly.
func Order(targets []load.Target) ([]int, error) {
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

// Turn hands out the requests in turn. What is learned from their replies stays in
// them, so each worker has its own.
type Turn struct {
	requests []Request
	order    []int // their indices as they are taken, over and over
	next     int   // index of the next one in order
}

// NewTurn gives a Turn from the first request on.
func NewTurn(requests []Request, order []int) Turn {
	return Turn{requests: slices.Clone(requests), order: order}
}

// Remember has a reply that is the same bytes as the last right one to its request be that
// reply, without being read.
func (t *Turn) Remember() {
	for i := range t.requests {
		t.requests[i].known = new(known)
	}
}

// Restart has the first request be the next one.
func (t *Turn) Restart() { t.next = 0 }

// Take is the next request.
func (t *Turn) Take() *Request {
	r := &t.requests[t.order[t.next]]
	if t.next++; t.next == len(t.order) {
		t.next = 0
	}
	return r
}
