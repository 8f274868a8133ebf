package text

import (
	"fmt"
	"slices"

	"github.com/benchctl/benchctl/report"
)

// overview writes what the candidates of a class are to the best one in each table: as many tables side by side as
// there is room for.
func (p *printer) overview(o report.Overview) error {
	fmt.Fprintln(p.w)
	p.wrap("", report.Sentence(o.Class.Many)+", against the best in each table; * where no other is better beyond doubt")
	p.wrap("", o.Answer())
	for from := 0; from < len(o.Tables); {
		to, head, rows := p.abreast(o, from)
		fmt.Fprintln(p.w)
		numeric := make([]bool, len(head))
		for i := range numeric {
			numeric[i] = i > 0
		}
		if err := p.render(head, rows, numeric); err != nil {
			return err
		}
		from = to
	}
	return nil
}

// abreast are the tables from one on that fit beside each other, at least one.
func (p *printer) abreast(o report.Overview, from int) (to int, head []string, rows [][]string) {
	head = []string{"candidate"}
	for _, r := range o.Rows {
		rows = append(rows, []string{r.Candidate})
	}
	for to = from; to < len(o.Tables); to++ {
		t := o.Tables[to]
		wider := slices.Concat(head, []string{t.Scenario + "\n" + t.App})
		grown := make([][]string, len(rows))
		for i, r := range o.Rows {
			grown[i] = slices.Concat(rows[i], []string{standing(r.Standings[to])})
		}
		if to > from && !p.Wide && excess(wider, grown, 0, leastName, p.Width) > 0 {
			break
		}
		head, rows = wider, grown
	}
	return to, head, rows
}

// standing marks the first with a star, and what does not count by its verdict.
func standing(s report.Standing) string {
	switch {
	case s.Cell == nil:
		return report.Unknown
	case !s.Cell.Verdict.Usable():
		return string(s.Cell.Verdict)
	case s.First:
		return s.Text + "*"
	}
	return s.Text + " "
}
