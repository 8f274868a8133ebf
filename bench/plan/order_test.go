package plan_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/benchctl/benchctl/bench/plan"
	"github.com/benchctl/benchctl/results"
)

func TestStartOrder(t *testing.T) {
	for launch, want := range [][]int{{0, 1, 2}, {2, 1, 0}, {0, 1, 2}} {
		if got := plan.StartOrder(launch, 3); !slices.Equal(got, want) {
			t.Errorf("launch %d: %v, want %v", launch, got, want)
		}
	}
}

func TestOrder(t *testing.T) {
	first, four := map[int]int{}, make([]results.Candidate, 4)
	for round := range 400 {
		k := results.RoundKey{Launch: round % 3, Block: 1, Round: round}
		order := plan.Order(7, k, four)
		if !slices.Equal(order, plan.Order(7, k, four)) {
			t.Fatal("the same seed plans another order")
		}
		first[order[0]]++
		if round%2 == 0 {
			k.Round++
			mirror := plan.Order(7, k, four)
			slices.Reverse(mirror)
			if !slices.Equal(order, mirror) {
				t.Errorf("round %d is not mirrored by the next", round)
			}
		}
	}
	for c := range 4 {
		if first[c] < 60 {
			t.Errorf("candidate %d comes first in %d of 400 rounds", c, first[c])
		}
	}
	twelve := make([]results.Candidate, 12)
	if slices.Equal(plan.Order(1, results.RoundKey{}, twelve), plan.Order(2, results.RoundKey{}, twelve)) {
		t.Error("two seeds plan the same order")
	}
}

// Arrivals differ from round to round, launch to launch, block to block, run to run.
func TestArrivalSeed(t *testing.T) {
	seen := map[uint64]bool{}
	for n := range 256 {
		k := results.RoundKey{Launch: n & 3, Block: n >> 2 & 3, Round: n >> 4 & 3}
		seed := plan.ArrivalSeed(uint64(n>>6), k)
		if seen[seed] || seed != plan.ArrivalSeed(uint64(n>>6), k) {
			t.Fatalf("seed %d of run %d, %+v", seed, n>>6, k)
		}
		seen[seed] = true
	}
}

func TestLeft(t *testing.T) {
	m := results.Manifest{Rounds: 3, Blocks: make([]results.Block, 2)}
	left := plan.Left(m, 4, map[results.RoundKey]bool{{Launch: 4, Block: 1, Round: 0}: true, {Launch: 3, Block: 0, Round: 1}: true})
	if len(left[0]) != 3 || len(left[1]) != 2 || left[1][0] != (results.RoundKey{Launch: 4, Block: 1, Round: 1}) {
		t.Errorf("left %v", left)
	}
}

// A candidate and its reference follow each other, in either order.
func TestOrderByReference(t *testing.T) {
	for _, pairs := range []int{3, 15} {
		var all []results.Candidate
		for i := range pairs {
			class, name := []string{"engine", "framework"}[i%2], fmt.Sprint("c", i)
			all = append(all, results.Candidate{Name: name + ":native", Class: class}, results.Candidate{Name: name, Class: class, Reference: name + ":native"})
		}
		first := map[bool]int{}
		for round := range 100 {
			order := plan.Order(7, results.RoundKey{Round: round}, all)
			for i := 0; i < len(order); i += 2 {
				if order[i]/2 != order[i+1]/2 {
					t.Fatalf("round %d: %v", round, order)
				}
				first[order[i] < order[i+1]]++
			}
		}
		if n := 100 * pairs; first[true]+first[false] != n || first[true] != n/2 { // rounds are mirrored
			t.Errorf("of %d pairs the reference is first %d times", n, first[true])
		}
	}
}

// The candidates of a server with and without layers follow each other, in any order.
func TestOrderByLayers(t *testing.T) {
	var all []results.Candidate
	for _, name := range []string{"nethttp", "gin", "fasthttp"} {
		all = append(all, results.Candidate{Name: name, Class: "engine"})
		for _, layers := range []string{"etag", "headers*5"} {
			all = append(all, results.Candidate{Name: name + "+" + layers, Class: "engine", Layers: layers, Base: name})
		}
	}
	all[3].Base = "nethttp" // of a framework, which is no layer
	for round := range 100 {
		order := plan.Order(7, results.RoundKey{Round: round}, all)
		for i := 0; i < len(order); i += 3 {
			if order[i]/3 != order[i+1]/3 || order[i]/3 != order[i+2]/3 {
				t.Fatalf("round %d: %v", round, order)
			}
		}
	}
}

// In a large field the candidates of a class follow each other.
func TestOrderByClass(t *testing.T) {
	var all []results.Candidate
	for i := range 30 {
		all = append(all, results.Candidate{Class: []string{"engine", "wsgi", "baseline"}[i%3]})
	}
	firsts := map[string]bool{}
	for round := range 40 {
		var classes []string
		for _, i := range plan.Order(7, results.RoundKey{Round: round}, all) {
			classes = append(classes, all[i].Class)
		}
		firsts[classes[0]] = true
		if got := slices.Compact(classes); len(got) != 3 {
			t.Errorf("round %d: %q", round, got)
		}
	}
	if len(firsts) != 3 {
		t.Errorf("first are always %v", firsts)
	}
}
