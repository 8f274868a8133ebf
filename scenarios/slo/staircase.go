package slo

import "math"

// How the search steps.
const (
	// StartShare is the share of its ceiling at which a candidate's search starts.
	StartShare = 0.5
	// SettledAfter is the number of reversals after which the steps are smallest, and
	// the tried rates lie around the rate that is searched.
	SettledAfter = 4

	firstFactor = 1.5 // of two rates that follow each other
	// leastFactor keeps rates that follow each other apart: with 1.02 they resemble
	// each other for so long that, where slices vary much, intervals of 24 rounds
	// cover the rate in 67 of 100 simulated searches, with 1.04 in 84.
	leastFactor = 1.04
	lowestShare = 1.0 / 64
)

// Staircase is an up-down search (Dixon and Mood 1948; Levitt 1971): after a slice that
// meets the objective, the rate rises by a factor; otherwise it falls. Each time the
// direction turns, a reversal, the factor shrinks to its root. The rate then swings around
// the one at which half of the slices meet the objective, and follows it as the machine
// drifts.
type Staircase struct {
	rate, lowest float64
	factor       float64
	reversals    int
	up, moved    bool // the last direction, if there was one
}

// NewStaircase starts at a rate. It never goes below 1/64 of it.
func NewStaircase(start float64) *Staircase {
	return &Staircase{rate: start, lowest: start * lowestShare, factor: firstFactor}
}

// Rate is the rate to try next.
func (s *Staircase) Rate() float64 { return s.rate }

// Reversals is how often the direction has turned.
func (s *Staircase) Reversals() int { return s.reversals }

// Step goes to the next rate, after a slice at this one that met the objective or
// did not.
func (s *Staircase) Step(met bool) {
	if s.moved && met != s.up {
		s.reversals++
		s.factor = max(leastFactor, math.Sqrt(s.factor))
	}
	s.up, s.moved = met, true
	if met {
		s.rate *= s.factor
	} else {
		s.rate = max(s.lowest, s.rate/s.factor)
	}
}
