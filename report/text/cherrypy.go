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
	"github.com/benchctl/benchctl/results"
)

// CherryPy writes a run as the benchmark of CherryPy (cherrypy/test/benchmark.py) does: for
// each candidate a Client Thread Report, of cells that differ in their connections,
// and a Size Report, of cells with app size that differ in its bytes. Its column
// msec/req was the inverse of the throughput; here it is the median latency, and
// p99 stands beside it.
func CherryPy(w io.Writer, s *results.Summary) error {
	var b bytes.Buffer
	for _, candidate := range candidates(s) {
		for _, r := range cherryReports(s, candidate) {
			if err := r.write(&b); err != nil {
				return err
			}
		}
	}
	if b.Len() == 0 {
		b.WriteString("No cells differ in their connections alone, or are of app size: run scenarios such as threads-* and sizes.\n")
	}
	_, err := w.Write(b.Bytes())
	return err
}

// candidates are those of a summary, in its order.
func candidates(s *results.Summary) []string {
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
	title string
	by    string // heads the first column
	rows  []cherryRow
}

type cherryRow struct {
	key  int64
	cell *results.Cell
}

// cherryReports are the reports that a candidate's cells make.
func cherryReports(s *results.Summary, candidate string) []cherryReport {
	sizes := cherryReport{title: candidate + ": Size Report", by: "bytes"}
	threads := map[string]*cherryReport{} // by app
	var apps []string
	for i := range s.Cells {
		c := &s.Cells[i]
		if c.Candidate != candidate || c.Throughput == nil {
			continue
		}
		if size, ok := strings.CutPrefix(c.App, "size?bytes="); ok {
			if n, err := strconv.ParseInt(size, 10, 64); err == nil {
				sizes.rows = append(sizes.rows, cherryRow{n, c})
			}
			continue
		}
		if threads[c.App] == nil {
			apps = append(apps, c.App)
			threads[c.App] = &cherryReport{title: candidate + ": Client Thread Report (" + c.App + ")", by: "threads"}
		}
		threads[c.App].rows = append(threads[c.App].rows, cherryRow{int64(c.Connections), c})
	}
	var all []cherryReport
	for _, app := range apps {
		if len(threads[app].rows) > 1 {
			all = append(all, *threads[app])
		}
	}
	if len(sizes.rows) > 0 {
		all = append(all, sizes)
	}
	return all
}

func (r cherryReport) write(w io.Writer) error {
	slices.SortStableFunc(r.rows, func(a, b cherryRow) int { return cmp.Compare(a.key, b.key) })
	fmt.Fprintf(w, "%s\n\n", report.Printable(r.title))
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
	table.Header([]string{r.by, "Completed", "Failed", "req/sec", "msec/req", "p99 msec", "KB/sec"})
	var rates, medians, bodies []float64
	for _, row := range r.rows {
		c := row.cell
		latency := results.Latency{}
		if c.Latency != nil {
			latency = *c.Latency
		}
		if err := table.Append([]string{
			strconv.FormatInt(row.key, 10), strconv.FormatUint(c.Requests, 10), strconv.FormatUint(c.Errors.Total, 10),
			number(&c.Throughput.Value), number(latency.P50), number(latency.P99), kilobytes(c.BodyRate),
		}); err != nil {
			return err
		}
		rates = append(rates, c.Throughput.Value)
		medians = appendKnown(medians, latency.P50)
		bodies = appendKnown(bodies, c.BodyRate)
	}
	if err := table.Append([]string{"Average", "", "", number(mean(rates)), number(mean(medians)), "", kilobytes(mean(bodies))}); err != nil {
		return err
	}
	if err := table.Render(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w)
	return err
}

func appendKnown(values []float64, v *float64) []float64 {
	if v == nil {
		return values
	}
	return append(values, *v)
}

// mean is nil of nothing.
func mean(values []float64) *float64 {
	if len(values) == 0 {
		return nil
	}
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	sum /= float64(len(values))
	return &sum
}

func number(v *float64) string {
	if v == nil {
		return report.Unknown
	}
	return report.Number(*v, 4)
}

// kilobytes are of 1000 bytes, of bodies alone.
func kilobytes(bytes *float64) string {
	if bytes == nil {
		return report.Unknown
	}
	k := *bytes / 1000
	return number(&k)
}
