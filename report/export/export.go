// Package export writes a run in the formats of other programs: HdrHistogram's tools,
// spreadsheets, Markdown. A format is an entry of Formats.
package export

import (
	"encoding/json"
	"io"
	"slices"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/judge"
)

// Format is a format of an export.
type Format struct {
	Name      string // "hlog"
	Extension string // of a file: ".hlog"
	Help      string // what it is for, in a line
	documents func(Run) []Document
}

// Formats are all formats, those of latencies first.
var Formats = []Format{
	{"percentiles", ".hgrm", "each cell's percentile distribution in ms, which HdrHistogram's plotters read", func(r Run) []Document {
		return r.each(func(w io.Writer, _ judge.CellTimes, h *hdrhistogram.Histogram) error {
			return results.WritePercentiles(w, h)
		})
	}},
	{"hlog", ".hlog", "each cell's histogram log in ns, for HistogramLogProcessor", func(r Run) []Document {
		return r.each(func(w io.Writer, c judge.CellTimes, h *hdrhistogram.Histogram) error {
			return results.WriteLog(w, h, c.From, c.To)
		})
	}},
	{"json", ".json", "the summary, as docs/results.md describes it", whole(summary)},
	{"csv", ".csv", "a line for each cell with its metrics, for spreadsheets", whole(table)},
	{"md", ".md", "the tables and what they say, in Markdown", whole(markdown)},
}

// Run is the input of an export: a run's summary and the times of its cells.
type Run struct {
	Summary *judge.Summary
	Times   []judge.CellTimes
	Kind    Kind // of the times
}

// Kind is a kind of times that a cell has.
type Kind struct {
	Name string
	of   func(results.Times) *hdrhistogram.Histogram
}

// Kinds are all kinds of times. A closed loop has response times alone.
var Kinds = []Kind{
	{"response", func(t results.Times) *hdrhistogram.Histogram { return t.Response }},
	{"service", func(t results.Times) *hdrhistogram.Histogram { return t.Service }},
	{"send-lag", func(t results.Times) *hdrhistogram.Histogram { return t.SendLag }},
}

// Document is one text of an export.
type Document struct {
	Parts []string // of its name: a run, or scenario, app and candidate of a cell
	Write func(io.Writer) error
}

// Documents returns the texts of a run in the format: one of the whole run, or one of each
// cell that has the times.
func (f Format) Documents(r Run) []Document { return f.documents(r) }

// each makes a document of each cell that has times of the run's kind.
func (r Run) each(write func(io.Writer, judge.CellTimes, *hdrhistogram.Histogram) error) []Document {
	var all []Document
	for _, c := range r.Times {
		if h := r.Kind.of(c.Times); h != nil {
			all = append(all, Document{
				Parts: []string{c.Scenario, c.App, c.Candidate, r.Kind.Name},
				Write: func(w io.Writer) error { return write(w, c, h) },
			})
		}
	}
	return all
}

// whole makes one document of a summary with at least one cell.
func whole(write func(io.Writer, *judge.Summary) error) func(Run) []Document {
	return func(r Run) []Document {
		if len(r.Summary.Cells) == 0 {
			return nil
		}
		return []Document{{Parts: []string{r.Summary.Run.ID}, Write: func(w io.Writer) error { return write(w, r.Summary) }}}
	}
}

// summary writes the summary as it is.
func summary(w io.Writer, s *judge.Summary) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(s)
}

// Pick returns r with only the cells that pick selects.
func (r Run) Pick(pick func(scenario, app, candidate string) bool) Run {
	s := *r.Summary
	s.Cells = slices.DeleteFunc(slices.Clone(s.Cells), func(c judge.Cell) bool { return !pick(c.Scenario, c.App, c.Candidate) })
	s.Pairs = slices.DeleteFunc(slices.Clone(s.Pairs), func(p judge.Pair) bool {
		return !pick(p.Scenario, p.App, p.A) || !pick(p.Scenario, p.App, p.B)
	})
	r.Summary = &s
	r.Times = slices.DeleteFunc(slices.Clone(r.Times), func(c judge.CellTimes) bool { return !pick(c.Scenario, c.App, c.Candidate) })
	return r
}
