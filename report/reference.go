package report

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/benchctl/benchctl/results/judge"
)

// References is what the candidates of a scenario are against those that it compares them
// with, for all of its apps.
type References struct {
	Scenario string
	Metric   judge.Metric // that ranks its rows
	Rows     []Reference  // those of a candidate follow each other
}

// Reference is a candidate against its own reference, with one app.
type Reference struct {
	Candidate, Reference, App string
	// Figures by the metric, Unknown where they are not known.
	Own, Other string
	// Ratio of the two over the rounds that both have, Own / Other; zero if the two can't be
	// compared.
	Ratio judge.Pair
}

// Known tells whether the ratio is known.
func (r Reference) Known() bool { return r.Ratio.Ratio > 0 }

// references are those of the tables, by scenario. order are the candidates as the summary has
// them, in which the rows of tables are not.
func references(tables []*Table, order []string) []References {
	var all []References
	for _, t := range tables {
		at := slices.IndexFunc(all, func(r References) bool { return r.Scenario == t.Scenario && r.Metric.Name == t.Metric })
		rows := t.references()
		switch {
		case rows == nil:
		case at < 0:
			all = append(all, References{t.Scenario, t.by(), rows})
		default:
			all[at].Rows = append(all[at].Rows, rows...)
		}
	}
	for _, of := range all {
		slices.SortStableFunc(of.Rows, func(a, b Reference) int {
			return cmp.Compare(slices.Index(order, a.Candidate), slices.Index(order, b.Candidate))
		})
	}
	return all
}

// references are the rows of the table that have one; nil if none of the table is ranked by
// anything, as nothing of it was measured.
func (t *Table) references() (all []Reference) {
	if !slices.ContainsFunc(t.Rows, func(r Row) bool { return r.Cell.RankedBy != "" }) {
		return nil
	}
	for _, r := range t.Rows {
		if r.Cell.Reference == "" {
			continue
		}
		one := Reference{Candidate: r.Cell.Candidate, Reference: r.Cell.Reference, App: t.App, Own: t.shown(r.Cell.Candidate), Other: t.shown(r.Cell.Reference)}
		one.Ratio, _ = t.Pair(t.Metric, one.Reference, one.Candidate)
		all = append(all, one)
	}
	return all
}

// shown is a candidate's figure by the table's metric.
func (t *Table) shown(candidate string) string {
	for _, r := range t.Rows {
		if r.Cell.Candidate == candidate && t.figure(r.Cell) > 0 {
			return Number(t.figure(r.Cell), 4)
		}
	}
	return Unknown
}

// overReference is the column of what a row has over its own reference.
func (t *Table) overReference() column {
	head := Column{OverReference, "over reference", t.by().Head, "what the row's " + t.by().Of + " is above that of the candidate that the scenario compares it with, paired", true}
	return column{head, func(c *judge.Cell) Value {
		p, ok := t.Pair(t.Metric, c.Reference, c.Candidate)
		if c.Reference == "" || !ok {
			return Value{}
		}
		return above(p)
	}}
}

// above is what a pair's b has above its a.
func above(p judge.Pair) Value {
	added, spread := 100*(p.Ratio-1), 100*(p.High-p.Low)/2
	return Value{Text: fmt.Sprintf("%+.1f %%", added), Spread: "±" + fixed(spread, 1), Number: added, Known: true}
}
