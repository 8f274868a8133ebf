package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/benchctl/benchctl/results/judge"
)

// Table shows one scenario x app: a row per candidate, those of a class together, the best first.
type Table struct {
	Scenario string
	App      string
	Engine   string  // load engine of its cells, "raw"
	Effort   string  // what its cells rest on, "5 launches, 200 slices per candidate"
	Metric   string  // the results.Metric that its rows were ranked by
	Name     string  // of files and of links within a run, "concurrency-256_hello"
	Classes  []Class // of its rows, in the order of the summary

	Columns  []Column // those that at least one row knows
	Rows     []Row
	Notes    []Note       // reasons and errors, in the order of the rows that bear them
	Pairs    []judge.Pair // paired comparisons of cells that are not invalid
	Ties     []string     // sentences: which candidates can't be distinguished
	run      *judge.Run
	Findings []string // sentences: what the table says, the most important first
}

// Row is a candidate's line.
type Row struct {
	Cell   *judge.Cell // what it shows, its strings printable
	Values []Value     // one per column of the table
	Notes  []int       // numbers of the notes that concern it
}

// Title names the table: "concurrency-256 · hello".
func (t *Table) Title() string { return t.Scenario + " · " + t.App }

// Pick returns the table with only those columns, in that order. Columns that
// the table does not have are passed over.
func (t *Table) Pick(keys ...Key) *Table {
	var at []int
	for _, k := range keys {
		i := slices.IndexFunc(t.Columns, func(c Column) bool { return c.Key == k })
		if i >= 0 {
			at = append(at, i)
		}
	}
	return t.pick(at)
}

func (t *Table) pick(at []int) *Table {
	p := *t
	p.Columns, p.Rows = nil, slices.Clone(t.Rows)
	for i := range p.Rows {
		p.Rows[i].Values = nil
	}
	for _, i := range at {
		p.Columns = append(p.Columns, t.Columns[i])
		for j, row := range t.Rows {
			p.Rows[j].Values = append(p.Rows[j].Values, row.Values[i])
		}
	}
	return &p
}

// newTable builds the table of cells that share scenario and app.
func newTable(cells []*judge.Cell, pairs []judge.Pair, run *judge.Run) *Table {
	t := &Table{run: run, Scenario: cells[0].Scenario, App: cells[0].App}
	for _, c := range cells {
		t.Rows = append(t.Rows, Row{Cell: c})
	}
	t.Engine = engines(cells)
	t.Effort = effort(cells)
	t.Pairs = t.own(pairs)
	t.Metric = t.metric()
	t.classify(cells)
	t.fill()
	t.footnote()
	t.Ties = t.ties()
	t.Findings = t.findings()
	return t
}

// classify finds the classes and sorts the rows within each.
func (t *Table) classify(cells []*judge.Cell) {
	for _, c := range cells {
		if class := ClassOf(c.Class); !slices.Contains(t.Classes, class) {
			t.Classes = append(t.Classes, class)
		}
	}
	slices.SortStableFunc(t.Rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(slices.Index(t.Classes, ClassOf(a.Cell.Class)), slices.Index(t.Classes, ClassOf(b.Cell.Class))), t.best(a, b))
	})
}

// Mixed reports whether the rows are of several classes.
func (t *Table) Mixed() bool { return len(t.Classes) > 1 }

// Of are the rows of a class.
func (t *Table) Of(c Class) []Row {
	return slices.DeleteFunc(slices.Clone(t.Rows), func(r Row) bool { return r.Cell.Class != c.Name })
}

// nameFiles gives tables names that are good for files, each another.
func nameFiles(tables []*Table) {
	taken := make(map[string]bool)
	for _, t := range tables {
		stem := Slug(t.Scenario) + "_" + Slug(t.App)
		t.Name = stem
		for n := 2; taken[t.Name]; n++ {
			t.Name = fmt.Sprintf("%s-%d", stem, n)
		}
		taken[t.Name] = true
	}
}

// Slug makes a name safe within a file name on any system: small letters, digits and "-", at most 60.
func Slug(name string) string {
	const longest = 60
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		if (r >= 'a' && r <= 'z') || (r >= '0' && r <= '9') {
			b.WriteRune(r)
		} else if s := b.String(); s != "" && !strings.HasSuffix(s, "-") {
			b.WriteByte('-')
		}
		if b.Len() == longest {
			break
		}
	}
	if s := strings.Trim(b.String(), "-"); s != "" {
		return s
	}
	return "x"
}

// fill computes every column and drops those that no row knows.
func (t *Table) fill() {
	for _, c := range columns(t) {
		values := make([]Value, len(t.Rows))
		useful := false
		for i := range t.Rows {
			values[i] = c.value(t.Rows[i].Cell)
			if !values[i].Known {
				values[i].Text = Unknown
			}
			useful = useful || values[i].Known
		}
		if !useful {
			continue
		}
		t.Columns = append(t.Columns, c.Column)
		for i := range t.Rows {
			t.Rows[i].Values = append(t.Rows[i].Values, values[i])
		}
	}
}

func engines(cells []*judge.Cell) string {
	var names []string
	for _, c := range cells {
		if c.Engine != "" && !slices.Contains(names, c.Engine) {
			names = append(names, c.Engine)
		}
	}
	return strings.Join(names, ", ")
}

// effort states how much was measured per candidate; a range where rows differ.
func effort(cells []*judge.Cell) string {
	var launches, slicesOf []int
	for _, c := range cells {
		if c.Launches > 0 && c.Slices > 0 {
			launches = append(launches, c.Launches)
			slicesOf = append(slicesOf, c.Slices)
		}
	}
	if launches == nil {
		return watchedEffort(cells)
	}
	text := span(launches, "launch", "launches") + ", " + span(slicesOf, "slice", "slices") + " per candidate"
	if looked := unbroken(cells); looked != "" {
		text += ", " + looked + " s of load without a break"
	}
	return text
}

// unbroken is the length, in s, of the longest load without a break.
func unbroken(cells []*judge.Cell) string {
	var looked []float64
	for _, c := range cells {
		if c.Whole != nil {
			looked = append(looked, c.Whole.Seconds)
		}
	}
	if looked == nil {
		return ""
	}
	low, high := Number(slices.Min(looked), 2), Number(slices.Max(looked), 2)
	if low == high {
		return low
	}
	return low + "–" + high
}

func span(n []int, one, many string) string {
	low, high := slices.Min(n), slices.Max(n)
	switch {
	case high == 1:
		return "1 " + one
	case low == high:
		return fmt.Sprintf("%d %s", low, many)
	}
	return fmt.Sprintf("%d–%d %s", low, high, many)
}
