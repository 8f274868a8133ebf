package text

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"

	"github.com/benchctl/benchctl/report"
	"github.com/benchctl/benchctl/results/judge"
)

// CherryPy writes a run in the tables of CherryPy's benchmark (cherrypy/test/benchmark.py).
// Each candidate has a Client Thread Report of the cells that differ in their connections,
// with the average, and a Size Report of the cells with app size that differ in its bytes.
// CherryPy's columns come first, with the values and the decimals of ab (the Apache HTTP
// server benchmarking tool). benchctl's columns follow, and a note distinguishes them.
func CherryPy(w io.Writer, s *judge.Summary) error {
	var b bytes.Buffer
	for _, candidate := range candidates(s) {
		for _, r := range cherryReports(s, candidate) {
			if err := r.write(&b); err != nil {
				return err
			}
		}
	}
	if b.Len() == 0 {
		b.WriteString("No cells differ in their connections alone, or are of app size: run scenarios such as threads-*, sizes and sizes-large.\n")
	} else {
		b.WriteString(cherryNote)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// cherryNote distinguishes the columns, and states where CherryPy's differ from ab's output.
const cherryNote = `Columns up to KB/sec are those of CherryPy's benchmark: msec/req is 1000 / (req/sec), the mean across all concurrent
requests, and a KB/sec is 1024 bytes received per second, heads and framing included. Unlike ab, benchctl completes right replies only.
The columns after KB/sec are benchctl's: percentiles of the response time, the scenario, and how far the row can be trusted.
`

// candidates are those of a summary, in its order.
func candidates(s *judge.Summary) []string {
	var names []string
	for _, c := range s.Cells {
		if !slices.Contains(names, c.Candidate) {
			names = append(names, c.Candidate)
		}
	}
	return names
}

// cherryReport is one table: the cells of a candidate by what they differ in.
type cherryReport struct {
	title   string
	by      string // heads the first column
	average bool   // is added
	rows    []cherryRow
}

type cherryRow struct {
	key  int64
	cell *judge.Cell
}

// cherryReports are the reports of a candidate's cells. They omit cells at a rate, because
// ab is a closed loop.
func cherryReports(s *judge.Summary, candidate string) []cherryReport {
	var threads, sizes []*cherryReport
	for i := range s.Cells {
		c := &s.Cells[i]
		if c.Candidate != candidate || c.Offered != nil || c.SLO != nil {
			continue
		}
		if n, ok := sizeOf(c); ok {
			r := titled(&sizes, fmt.Sprintf("%s: Size Report (%d client threads)", candidate, c.Connections))
			r.by, r.rows = "bytes", append(r.rows, cherryRow{n, c})
			continue
		}
		r := titled(&threads, fmt.Sprintf("%s: Client Thread Report (%s)", candidate, c.App))
		r.by, r.average, r.rows = "threads", true, append(r.rows, cherryRow{int64(c.Connections), c})
	}
	var all []cherryReport
	for _, r := range threads {
		if len(r.rows) > 1 {
			all = append(all, *r)
		}
	}
	for _, r := range sizes {
		all = append(all, *r)
	}
	return all
}

// titled is the report of a list with that title, a new one if there is none.
func titled(list *[]*cherryReport, title string) *cherryReport {
	at := slices.IndexFunc(*list, func(r *cherryReport) bool { return r.title == title })
	if at < 0 {
		*list = append(*list, &cherryReport{title: title})
		at = len(*list) - 1
	}
	return (*list)[at]
}

// sizeOf is the bytes of a cell with app size.
func sizeOf(c *judge.Cell) (n int64, ok bool) {
	size, ok := strings.CutPrefix(c.App, "size?bytes=")
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(size, 10, 64)
	return n, err == nil
}

// cherryColumn is a column of CherryPy's.
type cherryColumn struct {
	name     string
	of       func(c *judge.Cell) *float64 // nil: not known
	decimals int                          // that ab prints
}

var cherryColumns = []cherryColumn{
	{"Completed", func(c *judge.Cell) *float64 { return count(c.Requests) }, 0},
	{"Failed", func(c *judge.Cell) *float64 { return count(c.Errors.Total) }, 0},
	{"req/sec", perSecond, 2},
	{"msec/req", func(c *judge.Cell) *float64 { return quotient(1000, perSecond(c)) }, 3},
	{"KB/sec", func(c *judge.Cell) *float64 { return times(c.WireRate, 1./1024) }, 2},
}

func (r cherryReport) write(w io.Writer) error {
	slices.SortStableFunc(r.rows, func(a, b cherryRow) int { return cmp.Compare(a.key, b.key) })
	fmt.Fprintf(w, "%s\n\n", report.Printable(r.title))
	header := []string{r.by}
	for _, c := range cherryColumns {
		header = append(header, c.name)
	}
	table := cherryTable(w, append(header, "p50 msec", "p99 msec", "scenario", "verdict"))
	for _, row := range r.rows {
		if err := table.Append(row.texts()); err != nil {
			return err
		}
	}
	if r.average {
		if err := table.Append(r.averages()); err != nil {
			return err
		}
	}
	if err := table.Render(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w)
	return err
}

func cherryTable(w io.Writer, header []string) *tablewriter.Table {
	section := tw.CellConfig{
		Formatting: tw.CellFormatting{AutoWrap: tw.WrapNone, AutoFormat: tw.Off},
		Alignment:  tw.CellAlignment{Global: tw.AlignRight},
	}
	table := tablewriter.NewTable(w,
		tablewriter.WithConfig(tablewriter.Config{Header: section, Row: section}),
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders:  tw.BorderNone,
			Symbols:  tw.NewSymbols(tw.StyleASCII),
			Settings: tw.Settings{Lines: tw.Lines{ShowHeaderLine: tw.On, ShowTop: tw.Off, ShowBottom: tw.Off}},
		})))
	table.Header(header)
	return table
}

func (r cherryRow) texts() []string {
	c := r.cell
	texts := []string{strconv.FormatInt(r.key, 10)}
	for _, column := range cherryColumns {
		texts = append(texts, decimal(column.of(c), column.decimals))
	}
	latency := judge.Latency{}
	if c.Latency != nil {
		latency = *c.Latency
	}
	return append(texts, number(latency.P50), number(latency.P99), report.Printable(c.Scenario), report.Printable(string(c.Verdict)))
}

// averages is the row of the means of the rows that were measured.
func (r cherryReport) averages() []string {
	texts := []string{"Average"}
	for _, column := range cherryColumns {
		var values []*float64
		for _, row := range r.rows {
			if row.cell.Figures.Throughput() != nil {
				values = append(values, column.of(row.cell))
			}
		}
		texts = append(texts, decimal(mean(values), max(column.decimals, 1)))
	}
	return append(texts, "", "", "", "")
}

// perSecond is the throughput in req/s, nil if nothing was measured.
func perSecond(c *judge.Cell) *float64 {
	if c.Figures.Throughput() == nil {
		return nil
	}
	return &c.Figures.Throughput().Value
}

func count(n uint64) *float64 {
	v := float64(n)
	return &v
}

func times(v *float64, by float64) *float64 {
	if v == nil {
		return nil
	}
	product := *v * by
	return &product
}

func quotient(of float64, by *float64) *float64 {
	if by == nil || *by == 0 {
		return nil
	}
	v := of / *by
	return &v
}

// mean is nil without values, or if one is not known.
func mean(values []*float64) *float64 {
	if len(values) == 0 || slices.Contains(values, nil) {
		return nil
	}
	sum := 0.0
	for _, v := range values {
		sum += *v
	}
	sum /= float64(len(values))
	return &sum
}

// number is v with the digits that a time has in other tables.
func number(v *float64) string {
	if v == nil {
		return report.Unknown
	}
	return report.Number(*v, 4)
}

func decimal(v *float64, decimals int) string {
	if v == nil {
		return report.Unknown
	}
	return strconv.FormatFloat(*v, 'f', decimals, 64)
}
