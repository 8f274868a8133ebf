package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/benchctl/benchctl/internal/nearest"
	"github.com/benchctl/benchctl/results/judge"
)

// Sort sorts the rows of each class by a column, the best first, in all tables. The column is named by its head or its
// key, with "-" for spaces. A table that has no such column stays as it is; an error says that none has it.
func (r *Report) Sort(column string) error {
	found := false
	var known []string
	for _, t := range r.Tables {
		at := slices.IndexFunc(t.Columns, func(c Column) bool { return c.named(column) })
		for _, c := range t.Columns {
			if name := strings.ToLower(dashed(c.Head)); !slices.Contains(known, name) {
				known = append(known, name)
			}
		}
		if at >= 0 {
			found = true
			t.sort(at)
		}
	}
	if !found && len(r.Tables) > 0 {
		return fmt.Errorf("no table has a column %q%s", column, nearest.Hint(column, known))
	}
	return nil
}

func dashed(head string) string { return strings.ReplaceAll(head, " ", "-") }

func (c Column) named(name string) bool {
	return strings.EqualFold(dashed(c.Head), name) || strings.EqualFold(dashed(string(c.Key)), name)
}

// more reports whether more of a column is better.
func (t *Table) more(c Column) bool {
	switch {
	case c.Key == Headroom || c.Key == Requests || c.Key == Offered || c.Key == Ceiling || c.Key == Sent || c.Key == Looked:
		return true
	case c.Key == Relative:
		return !t.by().LessIsBetter
	}
	return slices.ContainsFunc(judge.Metrics(), func(m judge.Metric) bool { return m.Name == string(c.Key) && !m.LessIsBetter })
}

// sort keeps the classes together; rows that don't know the figure come last.
func (t *Table) sort(at int) {
	column := t.Columns[at]
	slices.SortStableFunc(t.Rows, func(a, b Row) int {
		x, y := a.Values[at], b.Values[at]
		order := cmp.Compare(x.Text, y.Text)
		switch {
		case x.Known != y.Known:
			order = 1
			if x.Known {
				order = -1
			}
		case column.Numeric && t.more(column):
			order = cmp.Compare(y.Number, x.Number)
		case column.Numeric:
			order = cmp.Compare(x.Number, y.Number)
		case column.Key == Rank:
			order = cmp.Compare(a.Cell.Rank, b.Cell.Rank)
		}
		return cmp.Or(cmp.Compare(t.classAt(a), t.classAt(b)), order)
	})
}

func (t *Table) classAt(r Row) int { return slices.Index(t.Classes, ClassOf(r.Cell.Class)) }
