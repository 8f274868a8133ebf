package wire

import (
	"fmt"
	"slices"

	"github.com/benchctl/benchctl/bench/load"
)

// maxTurns bounds how many requests it takes until the order of targets repeats.
const maxTurns = 1 << 16

// Order returns the indices of the targets in the order of their use, which repeats: the
// smooth weighted round robin of nginx. In each turn, every target gains its weight. The
// first one with the most is used, and pays the sum of all weights. So each target is used
// in proportion to its weight, evenly spread.
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

// Turn hands out the requests in turn. Requests keep state of their replies, so each
// worker has its own Turn.
type Turn struct {
	requests []Request
	order    []int // their indices as they are taken, over and over
	next     int   // index of the next one in order
}

// NewTurn returns a Turn from the first request on.
func NewTurn(requests []Request, order []int) Turn {
	return Turn{requests: slices.Clone(requests), order: order}
}

// Remember enables the comparison with known replies: a reply with the same bytes as the
// last correct one to its request is not parsed again.
func (t *Turn) Remember() {
	for i := range t.requests {
		t.requests[i].known = new(known)
	}
}

// Restart begins again with the first request.
func (t *Turn) Restart() { t.next = 0 }

// Take is the next request.
func (t *Turn) Take() *Request {
	r := &t.requests[t.order[t.next]]
	if t.next++; t.next == len(t.order) {
		t.next = 0
	}
	return r
}
