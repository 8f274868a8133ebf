package report

import (
	"fmt"
	"slices"

	"github.com/benchctl/benchctl/results/judge"
)

// own picks the table's pairs, without those of invalid cells: their figures
// support no claim.
func (t *Table) own(all []judge.Pair) []judge.Pair {
	var own []judge.Pair
	for _, p := range all {
		if p.Scenario == t.Scenario && p.App == t.App && t.holds(p.A) && t.holds(p.B) && sound(p) {
			own = append(own, p)
		}
	}
	return own
}

// holds reports whether the candidate has a cell that is not invalid.
func (t *Table) holds(candidate string) bool {
	return slices.ContainsFunc(t.Rows, func(r Row) bool {
		return r.Cell.Candidate == candidate && r.Cell.Verdict.Usable()
	})
}

// metric is the metric that ranks the rows, throughput where none is ranked.
func (t *Table) metric() string {
	for _, r := range t.Rows {
		if r.Cell.RankedBy != "" {
			return r.Cell.RankedBy
		}
	}
	return judge.MetricThroughput
}

// Pair finds the comparison of b with a, turning it round where it was recorded
// as that of a with b.
func (t *Table) Pair(metric, a, b string) (judge.Pair, bool) {
	for _, p := range t.Pairs {
		switch {
		case p.Metric != metric:
		case p.A == a && p.B == b:
			return p, true
		case p.A == b && p.B == a:
			p.A, p.B = a, b
			p.Ratio, p.Low, p.High = 1/p.Ratio, 1/p.High, 1/p.Low
			return p, true
		}
	}
	return judge.Pair{}, false
}

// by is the metric that the rows were ranked by, with the objective of a search in its
// texts.
func (t *Table) by() judge.Metric { return judge.MetricNamed(t.Metric).For(t.Objective()) }

// relative is the column that compares each row with the best one.
func (t *Table) relative() column {
	help := "the row's " + t.by().Of + " / that of the best row of its class, paired within rounds; ~ where it is the ratio of the two figures"
	return column{Column{Relative, "vs best", "", help, true}, t.versusBest}
}

func (t *Table) versusBest(c *judge.Cell) Value {
	best := t.leader(c.Class)
	if best == nil || !ranked(c) {
		return Value{}
	}
	if c == best {
		return Value{Text: "1.00x", Number: 1, Known: true}
	}
	if p, ok := t.Pair(t.Metric, best.Candidate, c.Candidate); ok {
		return Value{Text: Number(p.Ratio, 3) + "x", Number: p.Ratio, Known: true}
	}
	ours, theirs := t.figure(c), t.figure(best)
	if ours <= 0 || theirs <= 0 {
		return Value{}
	}
	return Value{Text: "~" + Number(ours/theirs, 3) + "x", Number: ours / theirs, Known: true}
}

// leader is the ranked cell of a class with the best figure; nil if there is none.
func (t *Table) leader(class string) *judge.Cell {
	for _, r := range t.Rows {
		if r.Cell.Class == class && ranked(r.Cell) {
			return r.Cell
		}
	}
	return nil
}

// figure is the cell's figure by the table's metric, or 0 if it is not known.
func (t *Table) figure(c *judge.Cell) float64 {
	e := c.Figures[t.Metric]
	if e == nil || !finite(e.Value) {
		return 0
	}
	return e.Value
}

// ties states how little the tied rows of a class differ.
func (t *Table) ties() []string {
	var sentences []string
	for i, a := range t.Rows {
		for _, b := range t.Rows[i+1:] {
			if !ranked(a.Cell) || !ranked(b.Cell) || !tied(a.Cell, b.Cell) || a.Cell.Class != b.Cell.Class {
				continue
			}
			// Without a paired ratio, only the tie is known, which the ranks show.
			if p, ok := t.Pair(t.Metric, a.Cell.Candidate, b.Cell.Candidate); ok {
				sentences = append(sentences, fmt.Sprintf("%[1]s and %[2]s can't be told apart: %[2]s / %[1]s is %[3]s", p.A, p.B, Ratio(p)))
			}
		}
	}
	return sentences
}

func tied(a, b *judge.Cell) bool {
	return slices.Contains(a.TiedWith, b.Candidate) || slices.Contains(b.TiedWith, a.Candidate)
}

// sound reports whether a pair has a ratio and an interval at all.
func sound(p judge.Pair) bool {
	return finite(p.Ratio) && finite(p.High) && p.Ratio > 0 && p.Low > 0 && p.High >= p.Low
}
