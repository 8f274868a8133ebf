package judge

import (
	"math"
	"slices"
	"time"

	"github.com/benchctl/benchctl/internal/stats"
	"github.com/benchctl/benchctl/results"
)

// Limits of changes while a candidate is measured.
const (
	maxChange    = 0.10 // from the first third of a pass to the last
	signOfChange = 0.07 // the same, to look longer
	maxAging     = 0.05 // from the first half of a launch's slices to the last
	minGrowthMiB = 32   // of memory in a pass, and half as much again as before
	// maxUnsteady is the standard deviation over the mean of the counts of the parts of a
	// pass, in every pass. Other activity of a machine causes less, or affects one pass.
	maxUnsteady = 0.25
	// steadyRequests is how many requests each connection must send in a part for that
	// test: with fewer, connections that wait in step look unsteady.
	steadyRequests = 20
	// leastTrend is the shortest pass that may show a trend: machines vary within less.
	leastTrend = time.Second
)

// changes lists what changed from the beginning to the end of the measurement.
func (e evidence) changes() []Reason {
	var why []Reason
	if first, last, ok := e.trend(); ok && math.Abs(math.Log(last/first)) > math.Log1p(maxChange) && !e.block.Load.Open() {
		why = append(why, changesUnderLoad.because(e.longest().Elapsed.Seconds(), last/first))
	}
	if i, ok := e.aging(); ok && i.Excludes(1) && math.Abs(math.Log(i.Value)) > math.Log1p(maxAging) && !e.block.Load.Open() {
		why = append(why, changesWithAge.because(i.Value, i.Low, i.High))
	}
	if e.unsteady() {
		t := e.longest()
		low, high := extremes(t.Pass)
		why = append(why, unsteadyLoad.because(t.Elapsed.Seconds()/float64(len(t.Pass.Parts)), low, high, t.Elapsed.Seconds()))
	}
	if at := slices.IndexFunc(e.passes, grows); at >= 0 {
		t := e.passes[at]
		why = append(why, memoryGrows.because(*t.Pass.BeforeMiB, *t.MemoryMiB, t.Elapsed.Seconds()))
	}
	return why
}

// longest is the longest pass, of which there is one.
func (e evidence) longest() results.Trial {
	return slices.MaxFunc(e.passes, func(a, b results.Trial) int { return int(a.Elapsed - b.Elapsed) })
}

// trend is the counts of the first and the last third of the longest pass, unless another pass
// of about its length shows otherwise: an effect of the candidate occurs in each pass.
func (e evidence) trend() (first, last float64, ok bool) {
	if len(e.passes) == 0 || e.longest().Elapsed < leastTrend {
		return 0, 0, false
	}
	longest := e.longest()
	first, last, ok = thirds(longest.Pass)
	for _, t := range e.passes {
		if t.Elapsed < longest.Elapsed/2 {
			continue
		}
		if f, l, known := thirds(t.Pass); ok && known && math.Copysign(1, math.Log(last/first))*math.Log(l/f) < math.Log1p(signOfChange) {
			return 0, 0, false
		}
	}
	return first, last, ok
}

// thirds are the counts of the first and the last third of the parts.
func thirds(p *results.Pass) (first, last float64, ok bool) {
	third := len(p.Parts) / 3
	for i := range third {
		first += float64(p.Parts[i])
		last += float64(p.Parts[len(p.Parts)-1-i])
	}
	return first, last, third > 0 && first > 0 && last > 0
}

// unsteady reports whether the throughput of each pass went up and down: because it did not
// settle within many times the longest response time, or because the server repeatedly stands
// still.
func (e evidence) unsteady() bool {
	if e.block.Load.Open() || len(e.passes) == 0 {
		return false
	}
	return !slices.ContainsFunc(e.passes, func(t results.Trial) bool {
		spread, mean := spread(t.Pass)
		return spread <= maxUnsteady*mean || mean < float64(steadyRequests*e.block.Load.Connections)
	})
}

// spread is the standard deviation and the mean of the counts of the parts.
func spread(p *results.Pass) (deviation, mean float64) {
	n := float64(len(p.Parts))
	for _, counted := range p.Parts {
		mean += float64(counted) / n
	}
	for _, counted := range p.Parts {
		deviation += (float64(counted) - mean) * (float64(counted) - mean) / n
	}
	return math.Sqrt(deviation), mean
}

// extremes are the lowest and the highest count of a part, over the mean.
func extremes(p *results.Pass) (low, high float64) {
	_, mean := spread(p)
	return float64(slices.Min(p.Parts)) / mean, float64(slices.Max(p.Parts)) / mean
}

// grows reports whether a pass saw the candidate's memory grow.
func grows(t results.Trial) bool {
	b := t.Pass.BeforeMiB
	return b != nil && t.MemoryMiB != nil && *t.MemoryMiB-*b > max(minGrowthMiB, *b/2)
}

// Changes reports whether a pass shows signs of a change under load, so that a longer one
// should follow. The limit is lower than that of a verdict.
func Changes(t results.Trial) bool {
	if t.Pass == nil {
		return false
	}
	first, last, ok := thirds(t.Pass)
	return grows(t) || ok && math.Abs(math.Log(last/first)) > math.Log1p(signOfChange)
}

// aging compares the second half of the slices of a launch with the first.
func (e evidence) aging() (i stats.Interval, ok bool) {
	var groups [][]stats.Paired
	for _, launch := range grouped(e.trials, func(t results.Trial) []results.Trial { return []results.Trial{t} }) {
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
