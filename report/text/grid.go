package text

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/pkg/twwidth"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"

	"github.com/benchctl/benchctl/report"
	"github.com/benchctl/benchctl/results/judge"
)

// leastName is the width in columns that candidates keep.
const leastName = 18

// grid writes the table itself, fitted to the width, and tells how many columns it leaves out.
func (p *printer) grid(t *report.Table) error {
	total := len(t.Columns)
	keys := slices.Clone(narrow)
	if offered(t) {
		keys = slices.DeleteFunc(keys, func(k report.Key) bool { return k == report.Throughput })
	}
	if p.Wide {
		keys = nil
		for _, c := range t.Columns {
			keys = append(keys, c.Key)
		}
	}
	t = t.Pick(keys...)
	head, rows := cells(t)
	if !p.Wide {
		head, rows, t = p.fit(t, head, rows)
	}
	p.paint(t, rows)
	var numeric []bool
	for _, c := range t.Columns {
		numeric = append(numeric, c.Numeric)
	}
	if err := p.render(head, grouped(t, rows), numeric); err != nil {
		return err
	}
	if hidden := total - len(t.Columns); hidden > 0 && !p.Wide {
		p.wrap("", report.Plural(hidden, "column")+" hidden: --wide")
	}
	return nil
}

// offered reports whether the throughput of rows is what was offered, which tells nothing of them. The verdict tells
// where less was served.
func offered(t *report.Table) bool {
	return t.Metric != judge.MetricThroughput && slices.ContainsFunc(t.Columns, func(c report.Column) bool { return c.Key == report.Offered })
}

// grouped puts the name of each class before its rows, where there are several.
func grouped(t *report.Table, rows [][]string) [][]string {
	if !t.Mixed() {
		return rows
	}
	at := slices.IndexFunc(t.Columns, func(c report.Column) bool { return c.Key == report.Candidate })
	var all [][]string
	for i, row := range rows {
		if class := t.Rows[i].Cell.Class; i == 0 || t.Rows[i-1].Cell.Class != class {
			heading := make([]string, len(row))
			heading[at] = report.ClassOf(class).Many + ":"
			all = append(all, heading)
		}
		all = append(all, row)
	}
	return all
}

// render writes a grid with a line under its heads, the numeric columns aligned right.
func (p *printer) render(head []string, rows [][]string, numeric []bool) error {
	var b bytes.Buffer
	table := tablewriter.NewTable(&b, style(numeric)...)
	table.Header(head)
	if err := table.Bulk(rows); err != nil {
		return err
	}
	if err := table.Render(); err != nil {
		return err
	}
	for line := range strings.Lines(b.String()) {
		fmt.Fprintln(p.w, trim(line))
	}
	return nil
}

// trim takes the padding off both ends of a table's line.
func trim(line string) string {
	line = strings.TrimRight(line, " \n")
	if rest, ok := strings.CutPrefix(line, "──"); ok {
		return rest
	}
	return strings.TrimPrefix(line, " ")
}

// cells renders the head and the rows as texts.
func cells(t *report.Table) (head []string, rows [][]string) {
	for _, c := range t.Columns {
		head = append(head, strings.TrimRight(c.Head+"\n"+c.Unit, "\n"))
	}
	for _, r := range t.Rows {
		row := make([]string, len(r.Values))
		for i, v := range r.Values {
			row[i] = v.String()
			if t.Columns[i].Key == report.Verdict {
				row[i] += marks(r.Notes)
			}
		}
		rows = append(rows, row)
	}
	return head, rows
}

// marks are references to footnotes: " [1,3]", " [2,5–8]".
func marks(notes []int) string {
	if len(notes) == 0 {
		return ""
	}
	var texts []string
	for i := 0; i < len(notes); {
		last := i
		for last+1 < len(notes) && notes[last+1] == notes[last]+1 {
			last++
		}
		if last < i+2 { // "1,2" is as short as a range
			last = i
		}
		text := strconv.Itoa(notes[i])
		if last > i {
			text += "–" + strconv.Itoa(notes[last])
		}
		texts = append(texts, text)
		i = last + 1
	}
	return " [" + strings.Join(texts, ",") + "]"
}

// fit leaves out columns, then shortens the candidates' names, until the table
// is as narrow as the terminal.
func (p *printer) fit(t *report.Table, head []string, rows [][]string) ([]string, [][]string, *report.Table) {
	at := slices.IndexFunc(t.Columns, func(c report.Column) bool { return c.Key == report.Candidate })
	for _, k := range dispensable {
		if excess(head, rows, at, leastName, p.Width) <= 0 {
			break
		}
		t = without(t, k)
		head, rows = cells(t)
	}
	room := widest(head, rows, at) - excess(head, rows, at, widest(head, rows, at), p.Width)
	names := make([]string, len(rows))
	for i := range rows {
		names[i] = rows[i][at]
	}
	for i, name := range report.Shorten(names, func(_ int, s string) bool { return twwidth.Width(s) <= max(room, leastName) }) {
		rows[i][at] = name
	}
	return head, rows, t
}

func without(t *report.Table, key report.Key) *report.Table {
	var keys []report.Key
	for _, c := range t.Columns {
		if c.Key != key {
			keys = append(keys, c.Key)
		}
	}
	return t.Pick(keys...)
}

// excess is by how much the table is wider than the terminal if the candidates
// are at most as wide as given.
func excess(head []string, rows [][]string, candidate, atMost, width int) int {
	total := 0
	for i := range head {
		w := widest(head, rows, i)
		if i == candidate {
			w = min(w, atMost)
		}
		total += w + len("  ")
	}
	return total - len("  ") - width
}

func widest(head []string, rows [][]string, column int) int {
	w := 0
	for _, line := range strings.Split(head[column], "\n") {
		w = max(w, twwidth.Width(line))
	}
	for _, r := range rows {
		w = max(w, twwidth.Width(r[column]))
	}
	return w
}

// paint colours the verdicts and makes the figures that rank bold, if Options.Color is set.
func (p *printer) paint(t *report.Table, rows [][]string) {
	if !p.Color {
		return
	}
	for at, c := range t.Columns {
		for i, r := range t.Rows {
			switch {
			case c.Key == report.Verdict:
				rows[i][at] = color(r.Cell.Verdict) + rows[i][at] + plain
			case string(c.Key) == t.Metric:
				rows[i][at] = bold + rows[i][at] + plain
			}
		}
	}
}

// Escapes that begin and end what stands out.
const bold, plain = "\x1b[1m", "\x1b[0m"

// color is the escape that starts a verdict's colour: green, yellow or red.
func color(v judge.Verdict) string {
	switch v {
	case judge.Valid:
		return "\x1b[32m"
	case judge.Degraded:
		return "\x1b[33m"
	}
	return "\x1b[31m"
}

// style is a table without borders, figures right, a line under the heads.
func style(numeric []bool) []tablewriter.Option {
	align := make([]tw.Align, len(numeric))
	for i, right := range numeric {
		align[i] = tw.AlignLeft
		if right {
			align[i] = tw.AlignRight
		}
	}
	section := tw.CellConfig{
		Formatting: tw.CellFormatting{AutoWrap: tw.WrapNone, AutoFormat: tw.Off},
		Alignment:  tw.CellAlignment{PerColumn: align},
		Padding:    tw.CellPadding{Global: tw.PaddingDefault},
	}
	return []tablewriter.Option{
		tablewriter.WithEastAsian(tw.Off),
		tablewriter.WithConfig(tablewriter.Config{Header: section, Row: section}),
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders: tw.BorderNone,
			Symbols: tw.NewSymbols(tw.StyleLight),
			Settings: tw.Settings{
				Separators: tw.Separators{BetweenColumns: tw.Off, BetweenRows: tw.Off},
				Lines:      tw.Lines{ShowHeaderLine: tw.On, ShowTop: tw.Off, ShowBottom: tw.Off},
			},
		})),
	}
}
