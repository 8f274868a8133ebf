package results

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/benchctl/benchctl/bench/stats"
)

// Limits of what may change while a candidate is looked at.
const (
	maxChange    = 0.10 // from the first third of a pass to the last
	signOfChange = 0.07 // the same, to look longer
	maxAging     = 0.05 // from the first half of a launch's slices to the last
	minGrowthMiB = 32   // of memory in a pass, and half as much again as before
	// leastTrend is the shortest pass that a trend is told of: machines vary within less.
	leastTrend = time.Second
)

// changes lists what was not the same at the end of the looking as at its begin.
func (e evidence) changes() []string {
	var why []string
	if first, last, ok := e.trend(); ok && math.Abs(math.Log(last/first)) > math.Log1p(maxChange) && !e.block.Open() {
		why = append(why, fmt.Sprintf("changes under load: the last third of %.3g s without a break had %.2fx the throughput of the first", e.longest().Elapsed.Seconds(), last/first))
	}
	if i, ok := e.aging(); ok && i.Excludes(1) && math.Abs(math.Log(i.Value)) > math.Log1p(maxAging) && !e.block.Open() {
		why = append(why, fmt.Sprintf("changes with age: the second half of a launch's slices had %.2fx the throughput of the first [%.2f, %.2f]", i.Value, i.Low, i.High))
	}
	if at := slices.IndexFunc(e.passes, Trial.grows); at >= 0 {
		t := e.passes[at]
		why = append(why, fmt.Sprintf("memory grows: from %.0f to %.0f MiB in %.3g s of load", *t.Pass.BeforeMiB, *t.MemoryMiB, t.Elapsed.Seconds()))
	}
	return why
}

// longest is the longest pass, of which there is one.
func (e evidence) longest() Trial {
	return slices.MaxFunc(e.passes, func(a, b Trial) int { return int(a.Elapsed - b.Elapsed) })
}

// trend is what the first and the last third of the longest pass counted.
func (e evidence) trend() (first, last float64, ok bool) {
	if len(e.passes) == 0 || e.longest().Elapsed < leastTrend {
		return 0, 0, false
	}
	return e.longest().Pass.thirds()
}

// thirds are what the first and the last third of the parts counted.
func (p *Pass) thirds() (first, last float64, ok bool) {
	third := len(p.Parts) / 3
	for i := range third {
		first += float64(p.Parts[i])
		last += float64(p.Parts[len(p.Parts)-1-i])
	}
	return first, last, third > 0 && first > 0 && last > 0
}

// grows tells whether a pass saw the candidate's memory grow.
func (t Trial) grows() bool {
	b := t.Pass.BeforeMiB
	return b != nil && t.MemoryMiB != nil && *t.MemoryMiB-*b > max(minGrowthMiB, *b/2)
}

// Changes tells whether a pass saw signs of a change under load, so that a longer one
// should follow: it takes less than what is held against the candidate.
func (t Trial) Changes() bool {
	if t.Pass == nil {
		return false
	}
	first, last, ok := t.Pass.thirds()
	return t.grows() || ok && math.Abs(math.Log(last/first)) > math.Log1p(signOfChange)
}

// aging compares the second half of the slices of a launch with the first.
func (e evidence) aging() (i stats.Interval, ok bool) {
	var groups [][]stats.Paired
	for _, launch := range grouped(e.trials, func(t Trial) []Trial { return []Trial{t} }) {
		var halves []stats.Paired
		n := len(launch) / 2
		for i := range n {
			first, okFirst := throughput(launch[i])
			second, okSecond := throughput(launch[len(launch)-n+i])
			if okFirst && okSecond {
				halves = append(halves, stats.Paired{A: first, B: second})
			}
		}
		groups = append(groups, halves)
	}
	if len(groups) < stats.MinLaunches {
		return i, false
	}
	i, _, ok = stats.PairedTotal(groups, 1)
	return i, ok
}
