package plan

import (
	"cmp"
	"math/rand/v2"
	"slices"

	"github.com/benchctl/benchctl/results"
)

// ArrivalSeed seeds the random arrivals of a round, alike for all its candidates.
func ArrivalSeed(seed uint64, k results.RoundKey) uint64 {
	return rand.NewPCG(^seed, uint64(k.Launch)<<40|uint64(k.Block)<<20|uint64(k.Round)).Uint64()
}

// StartOrder is the order in which n candidates are started and warmed up in a
// launch: that of the manifest, and its mirror in every second launch. In 60
// comparisons of a server with itself, always started in the same order, the copy
// that was started last spent 0.17 % less CPU time per request (docs/methodology.md).
func StartOrder(launch, n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	if launch%2 == 1 {
		slices.Reverse(order)
	}
	return order
}

// Order is the order in which candidates take their slices in a round. Rounds
// come in twos, the second the mirror of the first, so that a steady drift of
// the machine falls on all candidates alike. Those that are compared with each other follow
// each other, as what is near in time differs less: in a large field those of a class, and
// in any field a candidate and its reference, or the same one without layers.
func Order(seed uint64, k results.RoundKey, candidates []results.Candidate) []int {
	rng := rand.New(rand.NewPCG(seed, uint64(k.Launch)<<40|uint64(k.Block)<<20|uint64(k.Round/2)))
	order := rng.Perm(len(candidates))
	together(order, func(i int) string {
		c := candidates[i]
		if c.Layers != "" {
			return c.Base
		}
		return cmp.Or(c.Reference, c.Name)
	})
	if len(candidates) >= fewCandidates {
		together(order, func(i int) string { return candidates[i].Class })
	}
	if k.Round%2 == 1 {
		slices.Reverse(order)
	}
	return order
}

// together moves those of a kind to the place of the first of them.
func together(order []int, kind func(int) string) {
	first := make(map[string]int)
	for at, i := range order {
		if _, known := first[kind(i)]; !known {
			first[kind(i)] = at
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(first[kind(a)], first[kind(b)]) })
}

// Left is the rounds that remain of a launch, by block.
func Left(m results.Manifest, launch int, done map[results.RoundKey]bool) [][]results.RoundKey {
	left := make([][]results.RoundKey, len(m.Blocks))
	for b := range m.Blocks {
		for r := range m.Rounds {
			if k := (results.RoundKey{Launch: launch, Block: b, Round: r}); !done[k] {
				left[b] = append(left[b], k)
			}
		}
	}
	return left
}
