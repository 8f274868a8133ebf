package report

import (
	"cmp"
	"slices"

	"github.com/benchctl/benchctl/results/judge"
)

// Overview is the rows of a class over all tables of a run: what each candidate is to the best one. It has
// no figure over several tables, as they weigh differently for every reader.
type Overview struct {
	Class  Class
	Tables []*Table // that have rows of the class
	Rows   []OverviewRow
}

// OverviewRow is a candidate.
type OverviewRow struct {
	Candidate string
	Standings []Standing // one for each table
}

// Standing is how a candidate stands in a table.
type Standing struct {
	Cell *judge.Cell // nil: it was not measured there
	Text string      // the ratio to the best of the class, "0.84x", or what was lost; Unknown
	// Share is how near it is to the best, 1 for the best; 0 where that is not known.
	Share float64
	// First is that no row of the class is better beyond doubt.
	First bool
}

// overviews are those of all classes, in the order of the tables. order are the candidates as the summary has
// them; rows are in the order of the first table that they are in.
func overviews(tables []*Table, order []string) []Overview {
	var all []Overview
	for _, t := range tables {
		for _, class := range t.Classes {
			at := slices.IndexFunc(all, func(o Overview) bool { return o.Class == class })
			if at < 0 {
				at = len(all)
				all = append(all, Overview{Class: class})
			}
			all[at].Tables = append(all[at].Tables, t)
		}
	}
	for i := range all {
		all[i].fill(order)
	}
	return all
}

func (o *Overview) fill(order []string) {
	for _, t := range o.Tables {
		for _, r := range t.Of(o.Class) {
			if !slices.ContainsFunc(o.Rows, func(row OverviewRow) bool { return row.Candidate == r.Cell.Candidate }) {
				o.Rows = append(o.Rows, OverviewRow{Candidate: r.Cell.Candidate})
			}
		}
	}
	if len(o.Tables) > 1 { // of several orders none is the right one
		slices.SortStableFunc(o.Rows, func(a, b OverviewRow) int {
			return cmp.Compare(slices.Index(order, a.Candidate), slices.Index(order, b.Candidate))
		})
	}
	for i := range o.Rows {
		for _, t := range o.Tables {
			o.Rows[i].Standings = append(o.Rows[i].Standings, t.standing(o.Rows[i].Candidate))
		}
	}
}

func (t *Table) standing(candidate string) Standing {
	at := slices.IndexFunc(t.Rows, func(r Row) bool { return r.Cell.Candidate == candidate })
	if at < 0 {
		return Standing{Text: Unknown}
	}
	c := t.Rows[at].Cell
	s := Standing{Cell: c, Text: Unknown, First: c.Rank == 1 && ranked(c)}
	if c.Watched != nil && c.Verdict.Usable() {
		s.Text = Whole(sum(c.Watched.Lost)) + " lost"
		if sum(c.Watched.Lost) == 0 {
			s.Text, s.Share, s.First = "0 lost", 1, true
		}
		return s
	}
	if v := t.versusBest(c); v.Known && v.Number > 0 {
		s.Text, s.Share = v.Text, v.Number
		if t.by().LessIsBetter {
			s.Share = 1 / v.Number
		}
		s.Share = min(1, s.Share)
	}
	return s
}
