package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/judge"
)

// Table shows one scenario x app: a row per candidate, best first.
type Table struct {
	Scenario string
	App      string
	Engine   string // load engine of its cells, "raw"
	Effort   string // what its cells rest on, "5 launches, 200 slices per candidate"
	Metric   string // the results.Metric that its rows were ranked by
	Mixed    bool   // its rows are of several classes

	Columns  []Column // those that at least one row knows
	Rows     []Row
	Notes    []Note       // reasons and errors, in the order of the rows that bear them
	Pairs    []judge.Pair // paired comparisons of cells that are not invalid
	Ties     []string     // sentences: which candidates can't be distinguished
	Findings []string     // sentences: what the table says, the most important first
}

// Row is a candidate's line.
type Row struct {
	Cell   *judge.Cell // what it shows, its strings printable
	Values []Value     // one per column of the table
	Notes  []int       // numbers of the notes that concern it
}

// Note is a footnote.
type Note struct {
	Number     int
	Candidates []string
	Text       string // may have several lines
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
func newTable(cells []*judge.Cell, pairs []judge.Pair) *Table {
	t := &Table{Scenario: cells[0].Scenario, App: cells[0].App}
	for _, c := range cells {
		t.Rows = append(t.Rows, Row{Cell: c})
	}
	t.Engine = engines(cells)
	t.Effort = effort(cells)
	t.Pairs = t.own(pairs)
	t.Metric = t.metric()
	t.Mixed = slices.ContainsFunc(cells, func(c *judge.Cell) bool { return c.Class != cells[0].Class })
	slices.SortStableFunc(t.Rows, t.byRank)
	t.fill()
	t.footnote()
	t.Ties = t.ties()
	t.Findings = t.findings()
	return t
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

// footnote numbers the reasons and errors of all rows; rows that share a text
// share its number.
func (t *Table) footnote() {
	number := map[string]int{}
	for i := range t.Rows {
		row := &t.Rows[i]
		for _, text := range remarks(row.Cell) {
			n, known := number[text]
			if !known {
				n = len(t.Notes) + 1
				number[text] = n
				t.Notes = append(t.Notes, Note{Number: n, Text: text})
			}
			if slices.Contains(row.Notes, n) {
				continue
			}
			note := &t.Notes[n-1]
			note.Candidates = append(note.Candidates, row.Cell.Candidate)
			row.Notes = append(row.Notes, n)
		}
		slices.Sort(row.Notes)
	}
}

// remarks are the texts that a reader of the cell's figures must know.
func remarks(c *judge.Cell) []string {
	texts := judge.Texts(c.Reasons)
	if len(texts) == 0 && c.Verdict != judge.Valid {
		texts = append(texts, fmt.Sprintf("%s: no reason was recorded", c.Verdict))
	}
	if c.Errors.Total > 0 && !c.Errors.Void { // a reason tells those
		texts = append(texts, errorText(c.Errors))
	}
	return append(append(texts, watchedRemarks(c.Watched)...), c.Notes...)
}

// errorText breaks errors down by kind.
func errorText(e results.Errors) string {
	text := "1 request got no right answer"
	if e.Total > 1 {
		text = Whole(e.Total) + " requests got no right answer"
	}
	return join(": ", text, e.String())
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
