package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/benchctl/benchctl/results/judge"
)

// findings says in plain language what the table shows: who is ahead and by how
// much, who ties, and what does not count.
func (t *Table) findings() []string {
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
	all = append(all, t.reservations(), t.exclusions())
	return slices.DeleteFunc(all, func(s string) bool { return s == "" })
}

// podium are the ranked cells of a class, of which the first are those that none is
// resolved to be better than.
type podium struct {
	class       string
	first, rest []*judge.Cell
}

// classes are the podiums of all classes that have one, the best first. Sentences
// compare within a class: that nginx, which runs no app, is faster than a server of
// Python's says nothing of either.
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

// tiedFirst tells who shares the first place.
func (t *Table) tiedFirst(p podium) string {
	if len(p.first) < 2 {
		return ""
	}
	return fmt.Sprintf("%s tie for the first place: the measurement can't tell them apart.", List(candidates(p.first)))
}

// lead tells how the first compares with the next that is resolved from it.
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
	if c.Throughput == nil {
		return c.Candidate + " is the only ranked row."
	}
	return fmt.Sprintf("%s serves %s requests per second; there is no other ranked row of its class to compare it with.",
		c.Candidate, Number(c.Throughput.Value, 4))
}

// compare says how much faster and how much cheaper a is than b.
func (t *Table) compare(a, b *judge.Cell) string {
	speed, hasSpeed := t.Pair(judge.MetricThroughput, b.Candidate, a.Candidate)
	cost, hasCost := t.Pair(judge.MetricServerCPU, b.Candidate, a.Candidate)
	speeds := fmt.Sprintf("serves %s the requests per second of %s", Ratio(speed), b.Candidate)
	costs := fmt.Sprintf("spends %s the server CPU per request", Ratio(cost))
	rate, hasRate := t.Pair(judge.MetricSLORate, b.Candidate, a.Candidate)
	if t.Metric == judge.MetricServerCPU {
		hasSpeed = false // the rate was given
	}
	switch {
	case hasRate && rate.Separated():
		return fmt.Sprintf("%s meets %s at %s the rate of %s.", a.Candidate, t.objective(), Ratio(rate), b.Candidate)
	case hasSpeed && speed.Separated() && hasCost && cost.Separated():
		return fmt.Sprintf("%s %s and %s.", a.Candidate, speeds, costs)
	case hasSpeed && speed.Separated() && hasCost:
		return fmt.Sprintf("%s %s; their server CPU per request can't be told apart (%s).", a.Candidate, speeds, Ratio(cost))
	case hasSpeed && speed.Separated():
		return fmt.Sprintf("%s %s.", a.Candidate, speeds)
	case hasCost && cost.Separated():
		return fmt.Sprintf("%s %s of %s.", a.Candidate, costs, b.Candidate)
	case hasSpeed || hasCost || hasRate:
		return fmt.Sprintf("%s ranks before %s, but no paired comparison of the two is resolved.", a.Candidate, b.Candidate)
	}
	return fmt.Sprintf("%s ranks before %s; the two have no paired comparison.", a.Candidate, b.Candidate)
}

// distance tells how far the last is behind the first, if others are between.
func (t *Table) distance(of podium) string {
	if len(of.rest) < 2 {
		return ""
	}
	best, last := of.first[0].Candidate, of.rest[len(of.rest)-1].Candidate
	p, ok := t.Pair(t.Metric, last, best)
	if !ok || !p.Separated() {
		return ""
	}
	what := "serves " + Ratio(p) + " the requests per second"
	switch t.Metric {
	case judge.MetricServerCPU:
		what = "spends " + Ratio(p) + " the server CPU per request"
	case judge.MetricSLORate:
		what = "meets " + t.objective() + " at " + Ratio(p) + " the rate"
	}
	return fmt.Sprintf("%s %s of %s, the last in rank.", best, what, last)
}

// overEngines tells what each framework costs over the engine it runs on.
func (t *Table) overEngines() []string {
	var all []string
	for _, r := range t.Rows {
		c := r.Cell
		p, ok := t.Pair(judge.MetricServerCPU, c.Base, c.Candidate)
		switch {
		case c.Base == "" || !ok:
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
