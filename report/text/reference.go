package text

import (
	"fmt"

	"github.com/benchctl/benchctl/report"
)

// Columns of the table of references that are left out, in that order, where width is lacking.
var lesser = []string{"REFERENCE", "REFERENCE'S", "CANDIDATE'S"}

// references writes what candidates are against their references, a line for each app.
func (p *printer) references(of report.References) error {
	fmt.Fprintln(p.w)
	p.wrap("", fmt.Sprintf("%s · %s, %s, of candidates and their references, paired", of.Scenario, of.Metric.Head, of.Metric.Unit))
	fmt.Fprintln(p.w)
	rows := [][]string{{"CANDIDATE", "REFERENCE", "APP", "CANDIDATE'S", "REFERENCE'S", "RATIO", "95 % INTERVAL"}}
	for _, r := range of.Rows {
		ratio, within := report.Unknown, report.Unknown
		if r.Known() {
			ratio, within = fmt.Sprintf("%.3f", r.Ratio.Ratio), interval(r.Ratio.Low, r.Ratio.High)
		}
		rows = append(rows, []string{r.Candidate, r.Reference, r.App, r.Own, r.Other, ratio, within})
	}
	for _, column := range lesser {
		if _, left := alignment(rows); left+len(interval(1, 1)) <= p.Width {
			break
		}
		rows = leftOut(rows, column)
	}
	return Rows(p.w, rows, 0)
}

// leftOut is the rows without the column of that head.
func leftOut(rows [][]string, head string) (out [][]string) {
	for _, row := range rows {
		var left []string
		for i, cell := range row {
			if rows[0][i] != head {
				left = append(left, cell)
			}
		}
		out = append(out, left)
	}
	return out
}
