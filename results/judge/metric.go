package judge

import (
	"fmt"
	"hash/fnv"
	"slices"

	"github.com/benchctl/benchctl/internal/stats"
	"github.com/benchctl/benchctl/results"
)

// A metric is a figure of one trial, as an amount and what it was counted over, so
// that trials add up to a whole; ok is false if the trial does not tell it.
type metric func(results.Trial) (share stats.Share, ok bool)

// metrics are those that candidates are compared by; inParts tells that the parts of
// a pass tell it, not only their sum.
var metrics = []struct {
	name    string
	of      metric
	inParts bool
}{{MetricThroughput, ownThroughput, true}, {MetricServerCPU, serverCPU, false}, {MetricSLORate, sloRate, false}}

// ownThroughput is throughput but for rates that were made from a ceiling: those
// compare by how well it was measured.
func ownThroughput(t results.Trial) (stats.Share, bool) {
	s, ok := throughput(t)
	return s, ok && t.Ceiling == 0
}

// throughput is right replies over seconds. It is not told by the slices of a
// search, whose rates vary; neither is serverCPU.
func throughput(t results.Trial) (stats.Share, bool) {
	return stats.Share{Amount: float64(t.Counted), Over: t.Elapsed.Seconds()}, t.Elapsed > 0 && t.SLO == nil
}

// serverCPU is µs over replies.
func serverCPU(t results.Trial) (stats.Share, bool) {
	if t.ServerCPU == nil || t.Answered == 0 || t.SLO != nil {
		return stats.Share{}, false
	}
	return stats.Share{Amount: float64(*t.ServerCPU) / 1e3, Over: float64(t.Answered)}, true
}

func moreIsBetter(metric string) bool { return metric != MetricServerCPU }

// shares are a metric of a trial in pieces: one of a slice, and as many of a pass as
// it has parts, alike where only their sum is known.
func shares(t results.Trial, of metric, inParts bool) []stats.Share {
	s, ok := of(t)
	switch {
	case !ok:
		return nil
	case t.Pass == nil || len(t.Pass.Parts) == 0:
		return []stats.Share{s}
	}
	n := float64(len(t.Pass.Parts))
	all := slices.Repeat([]stats.Share{{Amount: s.Amount / n, Over: s.Over / n}}, len(t.Pass.Parts))
	for i, counted := range t.Pass.Parts {
		if inParts {
			all[i].Amount = float64(counted)
		}
	}
	return all
}

// estimate is the total of a metric over trials, grouped by launch; nil if no trial
// tells it.
func estimate(m results.Manifest, trials []results.Trial, of metric) *Estimate {
	groups := grouped(trials, func(t results.Trial) []stats.Share {
		s, ok := of(t)
		return some(s, ok)
	})
	if len(groups) == 0 {
		return nil
	}
	i, _ := stats.Total(groups, m.Seed)
	return &Estimate{i.Value, i.Low, i.High}
}

func some[T any](v T, ok bool) []T {
	if !ok {
		return nil
	}
	return []T{v}
}

// grouped collects what trials tell by launch; a resumed launch is another one.
func grouped[T any](trials []results.Trial, of func(results.Trial) []T) [][]T {
	index := make(map[[2]int]int)
	var groups [][]T
	for _, t := range trials {
		values := of(t)
		if len(values) == 0 {
			continue
		}
		key := [2]int{t.Launch, t.Attempt}
		i, ok := index[key]
		if !ok {
			i = len(groups)
			index[key] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], values...)
	}
	return groups
}

// comparePair compares two candidates in the rounds that both were measured in, so
// that whatever slowed the machine in a round slowed both. Where the slices of one
// do not show what an uninterrupted load shows, the passes of both are compared.
// Metrics without enough for an interval are left out.
func comparePair(m results.Manifest, a, b evidence) []Pair {
	trialsA, trialsB := a.trials, b.trials
	if a.look.differs() || b.look.differs() {
		trialsA, trialsB = a.passes, b.passes
	}
	byRound := make(map[results.RoundKey]results.Trial)
	for _, t := range trialsA {
		byRound[t.Key()] = t
	}
	var pairs []Pair
	for _, metric := range metrics {
		groups := grouped(trialsB, func(t results.Trial) []stats.Paired {
			return paired(shares(byRound[t.Key()], metric.of, metric.inParts), shares(t, metric.of, metric.inParts))
		})
		if len(groups) < 2 && len(trialsB) > 0 && trialsB[0].Pass != nil {
			continue // one pass tells nothing of others
		}
		i, p, ok := stats.PairedTotal(groups, m.Seed^hash(a.candidate.Name, b.candidate.Name, metric.name))
		if ok {
			pairs = append(pairs, newPair(a.block, a.candidate.Name, b.candidate.Name, metric.name, i, p))
		}
	}
	return pairs
}

// paired are the shares of two trials side by side, of those that both have.
func paired(a, b []stats.Share) []stats.Paired {
	var all []stats.Paired
	for i := range min(len(a), len(b)) {
		all = append(all, stats.Paired{A: a[i], B: b[i]})
	}
	return all
}

// newPair is what the interval i of the ratio b/a and its p-value tell in a block.
func newPair(in results.Block, a, b, metric string, i stats.Interval, p float64) Pair {
	pair := Pair{
		Scenario: in.Scenario, App: in.App, A: a, B: b, Metric: metric,
		Ratio: i.Value, Low: i.Low, High: i.High, P: known(p),
	}
	if i.Low > 0 { // else the ratio may be any, and no difference would show
		pair.MDE = known(i.MinimalEffect())
	}
	return pair
}

func hash(words ...string) uint64 {
	h := fnv.New64a()
	for _, w := range words {
		fmt.Fprintf(h, "%q", w)
	}
	return h.Sum64()
}
