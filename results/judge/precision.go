package judge

import (
	"fmt"
	"slices"
	"strings"

	"github.com/benchctl/benchctl/internal/stats"
	"github.com/benchctl/benchctl/results"
)

// Precise reports whether a block of a run with a precision requires no more rounds: for
// each two of its live candidates, the intervals of the paired ratios, of throughput and,
// where known, of server CPU, have at most this half-width. Only the width decides. A stop
// at the first small p-value would find differences where there are none, because each
// check is another chance to find one.
//
// It requires stats.MinLaunches, as intervals of fewer are narrow by chance too often. Each
// launch must have enough rounds for an interval, and each round its mirror. Only the
// record decides, so that a resumed run decides in the same way.
func Precise(r *results.Record, block int, live func(candidate string) bool) bool {
	if r.Manifest.Precision <= 0 {
		return false
	}
	trials := inBlock(r.Trials, block)
	return balanced(r.Manifest, trials) && len(unresolved(r.Manifest, trials, live, 1)) == 0
}

func inBlock(all []results.Trial, block int) []results.Trial {
	var trials []results.Trial
	for _, t := range all {
		if t.Block == block {
			trials = append(trials, t)
		}
	}
	return trials
}

// balanced reports whether the launches are enough, and each has enough rounds.
func balanced(m results.Manifest, trials []results.Trial) bool {
	measured := make(map[int]map[int]bool)
	for _, t := range trials {
		if measured[t.Launch] == nil {
			measured[t.Launch] = make(map[int]bool)
		}
		measured[t.Launch][t.Round] = true
	}
	for _, rounds := range measured {
		if n := len(rounds); n < m.Rounds && (n < stats.MinValues || n%2 == 1) {
			return false
		}
	}
	return len(measured) >= stats.MinLaunches
}

// unresolved lists pairs of live candidates with an interval wider than the
// precision, or none, until there are most of them.
func unresolved(m results.Manifest, trials []results.Trial, live func(candidate string) bool, most int) []string {
	own := make(map[string]evidence)
	for _, c := range m.Candidates {
		own[c.Name] = evidence{candidate: c}
	}
	for _, t := range trials {
		if e := own[t.Candidate]; disturber(t) == "" {
			e.trials = append(e.trials, t)
			own[t.Candidate] = e
		}
	}
	needed := 0 // intervals of a pair
	for _, metric := range decisive() {
		if slices.ContainsFunc(trials, func(t results.Trial) bool { return metric.pieces(t) != nil }) {
			needed++
		}
	}
	var pairs []string
	for i, a := range m.Candidates {
		for _, b := range m.Candidates[i+1:] {
			if len(pairs) == most {
				return pairs
			}
			if !live(a.Name) || !live(b.Name) {
				continue
			}
			narrow := slices.DeleteFunc(comparePair(m, decisive(), own[a.Name], own[b.Name]), func(p Pair) bool {
				return (p.High-p.Low)/2 > m.Precision*p.Ratio
			})
			if needed == 0 || len(narrow) < needed {
				pairs = append(pairs, a.Name+" and "+b.Name)
			}
		}
	}
	return pairs
}

// percent is a share in words: "8.8 %", and "11x" of as much again or more.
func percent(share float64) string {
	if share >= 0.995 {
		return fmt.Sprintf("%.0fx", 1+share)
	}
	return fmt.Sprintf("%.2g %%", 100*share)
}

// budgetNote names the pairs of a block that a run could not resolve for lack of time, and the
// difference that it would have resolved; "" if there is none. Cells without a rank have no
// pairs.
func budgetNote(r *results.Record, block int, pairs []Pair) string {
	m, b := r.Manifest, r.Manifest.Blocks[block]
	if m.Budget <= 0 || r.Rounds(block) >= m.Launches*m.Rounds {
		return ""
	}
	var unresolved []string
	for _, p := range pairs {
		if p.Metric != rankMetric(b) || p.Separated() {
			continue
		}
		text := p.A + " and " + p.B
		if p.MDE != nil {
			text += fmt.Sprintf(" (from %s it would show)", percent(*p.MDE))
		}
		if unresolved = append(unresolved, text); len(unresolved) > namedPairs {
			unresolved[namedPairs] = "others"
			break
		}
	}
	if len(unresolved) == 0 {
		return ""
	}
	return fmt.Sprintf("%s, %s: not told apart in %v: %s", b.Scenario, b.App, m.Budget, strings.Join(unresolved, ", "))
}

// namedPairs is how many unresolved pairs of a block a note names.
const namedPairs = 10

// precisionNotes state for each block where it was stopped, or what is not resolved.
func precisionNotes(r *results.Record) []string {
	m := r.Manifest
	if m.Precision <= 0 {
		return nil
	}
	var notes []string
	for b, block := range m.Blocks {
		live := func(candidate string) bool { return !failed(r, candidate, b) }
		where, planned := fmt.Sprintf("%s, %s", block.Scenario, block.App), m.Launches*m.Rounds
		switch done := r.Rounds(b); {
		case Precise(r, b, live) && done < planned:
			notes = append(notes, fmt.Sprintf("%s: precision of %.3g %% reached after %d of %d rounds", where, 100*m.Precision, done, planned))
		case !Precise(r, b, live):
			pairs := unresolved(m, inBlock(r.Trials, b), live, namedPairs+1)
			if len(pairs) > namedPairs {
				pairs = append(pairs[:namedPairs], "others")
			}
			if len(pairs) > 0 {
				notes = append(notes, fmt.Sprintf("%s: not resolved to a precision of %.3g %%: %s", where, 100*m.Precision, strings.Join(pairs, ", ")))
			} else if done < planned {
				notes = append(notes, fmt.Sprintf("%s: %d of %d rounds are too few to tell a precision", where, done, planned))
			}
		}
	}
	return notes
}
