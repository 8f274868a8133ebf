package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/benchctl/benchctl/results/judge"
)

// findings describes the table in sentences: who is ahead and by how much, who ties,
// and which rows do not count.
func (t *Table) findings() []string {
	if t.isWatched() {
		all := append(t.watchedFindings(), t.reservations(), t.exclusions())
		return slices.DeleteFunc(all, func(s string) bool { return s == "" })
	}
	var all []string
	for _, class := range t.Classes {
		p := t.podium(class)
		said := []string{t.answer(class), t.cost(p), t.distance(p)}
		if t.Mixed() {
			said = []string{join(" ", said...)}
		}
		all = append(all, said...)
	}
	all = append(all, t.overEngines()...)
	all = append(all, t.layerFindings()...)
	all = append(all, t.reservations(), t.exclusions())
	return slices.DeleteFunc(all, func(s string) bool { return s == "" })
}

// claim is the comparison of a with b by a metric.
type claim struct {
	judge.Pair
	metric judge.Metric
	known  bool
}

func (t *Table) claim(metric, a, b string) claim {
	p, ok := t.Pair(metric, b, a)
	return claim{p, judge.MetricNamed(metric).For(t.Objective()), ok}
}

// resolved reports whether the two differ beyond doubt.
func (c claim) resolved() bool { return c.known && c.Separated() }

// String is the predicate of a sentence: "serves 1.42x the requests per second".
func (c claim) String() string {
	return fmt.Sprintf("%s %s the %s", c.metric.Verb, Ratio(c.Pair), c.metric.Of)
}

// cost compares what the first spends with what the next one does that it is better than beyond doubt, where
// that is not what ranks.
func (t *Table) cost(p podium) string {
	next := t.next(p)
	if next == nil || t.Metric == judge.MetricServerCPU {
		return ""
	}
	switch c := t.claim(judge.MetricServerCPU, p.first[0].Candidate, next.Candidate); {
	case !c.known:
		return ""
	case c.resolved():
		return fmt.Sprintf("%s %s of %s.", p.first[0].Candidate, c, next.Candidate)
	default:
		return fmt.Sprintf("The %s of %s and %s can't be told apart (%s).", c.metric.Of, p.first[0].Candidate, next.Candidate, Ratio(c.Pair))
	}
}

// distance compares the last with the first, if others are between.
func (t *Table) distance(of podium) string {
	if len(of.first) == 0 || len(of.rest) < 2 {
		return ""
	}
	best, last := of.first[0].Candidate, of.rest[len(of.rest)-1].Candidate
	c := t.claim(t.Metric, best, last)
	if !c.resolved() {
		return ""
	}
	return fmt.Sprintf("%s %s of %s, the last.", best, c, last)
}

// overEngines states the cost of each framework over its engine.
func (t *Table) overEngines() []string {
	var all []string
	for _, r := range t.Rows {
		c := r.Cell
		p, ok := t.Pair(judge.MetricServerCPU, c.Base, c.Candidate)
		switch {
		case c.Base == "" || c.Layers > 0 || !ok:
		case p.Separated():
			all = append(all, fmt.Sprintf("%s spends %s the server CPU per request of %s, the engine it runs on.", c.Candidate, Ratio(p), c.Base))
		default:
			all = append(all, fmt.Sprintf("What %s costs over %s, the engine it runs on, can't be told (%s of its server CPU per request).", c.Candidate, c.Base, Ratio(p)))
		}
	}
	return all
}

// reservations names the degraded rows.
func (t *Table) reservations() string {
	names := t.with(judge.Degraded)
	switch len(names) {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf("%s is degraded: its figures hold with the reservation in the notes.", names[0])
	}
	return fmt.Sprintf("%s are degraded: their figures hold with the reservations in the notes.", List(names))
}

// exclusions names the rows that are not ranked.
func (t *Table) exclusions() string {
	var all []string
	for _, v := range []judge.Verdict{judge.Invalid, judge.Unreached} {
		switch names := t.with(v); len(names) {
		case 0:
		case 1:
			all = append(all, fmt.Sprintf("%s is %s and not ranked.", names[0], v))
		default:
			all = append(all, fmt.Sprintf("%s are %s and not ranked.", List(names), v))
		}
	}
	return strings.Join(all, " ")
}

func (t *Table) with(v judge.Verdict) []string {
	var names []string
	for _, r := range t.Rows {
		if r.Cell.Verdict == v {
			names = append(names, r.Cell.Candidate)
		}
	}
	return names
}

func candidates(cells []*judge.Cell) []string {
	names := make([]string, len(cells))
	for i, c := range cells {
		names[i] = c.Candidate
	}
	return names
}
