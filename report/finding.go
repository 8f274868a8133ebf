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
	classes := t.classes()
	for _, f := range classes {
		said := slices.DeleteFunc([]string{t.tiedFirst(f), t.lead(f), t.distance(f)}, func(s string) bool { return s == "" })
		if t.Mixed {
			said = []string{f.class + ": " + strings.Join(said, " ")}
		}
		all = append(all, said...)
	}
	if len(classes) == 0 {
		all = append(all, "No row can be ranked.")
	}
	all = append(all, t.overEngines()...)
	all = append(all, t.layerFindings()...)
	all = append(all, t.reservations(), t.exclusions())
	return slices.DeleteFunc(all, func(s string) bool { return s == "" })
}

// podium is the ranked cells of a class. The first are those than which no cell is known
// to be better.
type podium struct {
	class       string
	first, rest []*judge.Cell
}

// classes are the podiums of all classes that have one, the best first. Sentences compare
// within a class: a comparison of nginx, which runs no app, with a Python server means
// nothing.
func (t *Table) classes() []podium {
	var all []podium
	for _, r := range t.Rows {
		if !ranked(r.Cell) {
			continue
		}
		at := slices.IndexFunc(all, func(p podium) bool { return p.class == r.Cell.Class })
		if at < 0 {
			at = len(all)
			all = append(all, podium{class: r.Cell.Class})
		}
		p := &all[at]
		beaten := func(by *judge.Cell) bool { return by.Rank < r.Cell.Rank && !tied(by, r.Cell) }
		if slices.ContainsFunc(p.first, beaten) || slices.ContainsFunc(p.rest, beaten) {
			p.rest = append(p.rest, r.Cell)
		} else {
			p.first = append(p.first, r.Cell)
		}
	}
	return all
}

// tiedFirst names the cells that share the first place.
func (t *Table) tiedFirst(p podium) string {
	if len(p.first) < 2 {
		return ""
	}
	return fmt.Sprintf("%s tie for the first place: the measurement can't tell them apart.", List(candidates(p.first)))
}

// lead compares the first with the next cell that differs from it beyond doubt.
func (t *Table) lead(p podium) string {
	switch {
	case len(p.rest) > 0:
		return t.compare(p.first[0], p.rest[0])
	case len(p.first) == 1:
		return t.alone(p.first[0])
	}
	return ""
}

func (t *Table) alone(c *judge.Cell) string {
	e, m := c.Figures[t.Metric], t.by()
	if e == nil {
		return c.Candidate + " is the only ranked row."
	}
	return fmt.Sprintf("%s %s %s %s; there is no other ranked row of its class to compare it with.", c.Candidate, m.Verb, Number(e.Value, 4), m.Of)
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

// compare states how much better a is than b by the metric that ranks, and how much cheaper.
func (t *Table) compare(a, b *judge.Cell) string {
	lead, cost := t.claim(t.Metric, a.Candidate, b.Candidate), t.claim(judge.MetricServerCPU, a.Candidate, b.Candidate)
	switch {
	case lead.resolved() && (t.Metric == judge.MetricServerCPU || !cost.known):
		return fmt.Sprintf("%s %s of %s.", a.Candidate, lead, b.Candidate)
	case lead.resolved() && cost.resolved():
		return fmt.Sprintf("%s %s of %s and %s.", a.Candidate, lead, b.Candidate, cost)
	case lead.resolved():
		return fmt.Sprintf("%s %s of %s; their %s can't be told apart (%s).", a.Candidate, lead, b.Candidate, cost.metric.Of, Ratio(cost.Pair))
	case cost.resolved():
		return fmt.Sprintf("%s %s of %s.", a.Candidate, cost, b.Candidate)
	case lead.known || cost.known:
		return fmt.Sprintf("%s ranks before %s, but no paired comparison of the two is resolved.", a.Candidate, b.Candidate)
	}
	return fmt.Sprintf("%s ranks before %s; the two have no paired comparison.", a.Candidate, b.Candidate)
}

// distance compares the last with the first, if others are between.
func (t *Table) distance(of podium) string {
	if len(of.rest) < 2 {
		return ""
	}
	best, last := of.first[0].Candidate, of.rest[len(of.rest)-1].Candidate
	c := t.claim(t.Metric, best, last)
	if !c.resolved() {
		return ""
	}
	return fmt.Sprintf("%s %s of %s, the last in rank.", best, c, last)
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
