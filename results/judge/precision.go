package judge

import (
	"fmt"
	"slices"
	"strings"

	"github.com/benchctl/benchctl/internal/stats"
	"github.com/benchctl/benchctl/results"
)

// Precise reports whether a block of a run that was asked for a precision needs no
// more rounds: each two of its live candidates have intervals of their paired
// ratios, of throughput and of server CPU where the system tells it, whose
// half-width is at most the precision. The width alone decides. A stop at the
// first small p-value would find differences where there are none, as each look is
// one more chance to find one.
//
// It takes stats.MinLaunches, as intervals of fewer are narrow by chance too often,
// each with enough rounds for an interval, and with rounds and their mirrors in
// twos. What was recorded decides alone, so that a resumed run decides alike.
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

// budgetNote says which pairs of a block a run could not tell apart for want of time, and
// what it would have distinguished; "" if there is none. Cells that are not fit to be ranked
// have no pairs.
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
			text += fmt.Sprintf(" (from %.2g %% it would show)", 100**p.MDE)
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

// precisionNotes say of each block where it was stopped, or what is not resolved.
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
