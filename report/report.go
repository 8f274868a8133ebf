// Package report turns the summary of a run into tables, footnotes and findings
// once; the packages below it render them as text, plots and HTML.
//
// The model is neutral: it knows no markup, no terminal and no colour. Every
// string in it is printable (see Printable), so a renderer only escapes the
// markup of its own format. An unknown figure is shown as "–", never as 0.
package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/benchctl/benchctl/results/judge"
)

// Report is a run ready to be rendered.
type Report struct {
	Run    judge.Run
	Tables []*Table // a table per scenario x app, in the order of the summary
	// Overviews are the rows of each class over all tables.
	Overviews []Overview
	// References are what candidates are against those that their scenarios compare them with.
	References []References
}

// New builds the report of a summary, which it does not change.
func New(s *judge.Summary) *Report {
	s = printable(s)
	r := &Report{Run: s.Run}
	for _, g := range groups(s.Cells) {
		r.Tables = append(r.Tables, newTable(g, s.Pairs, &r.Run))
	}
	nameFiles(r.Tables)
	var order []string
	for _, c := range s.Cells {
		order = append(order, c.Candidate)
	}
	r.References = references(r.Tables, order)
	r.Overviews = overviews(r.Tables, order)
	return r
}

// groups splits cells by scenario and app, in order of first appearance.
func groups(cells []judge.Cell) [][]*judge.Cell {
	type key struct{ scenario, app string }
	var all [][]*judge.Cell
	index := map[key]int{}
	for i := range cells {
		k := key{cells[i].Scenario, cells[i].App}
		at, known := index[k]
		if !known {
			at = len(all)
			index[k] = at
			all = append(all, nil)
		}
		all[at] = append(all[at], &cells[i])
	}
	return all
}

// Field is a named fact.
type Field struct{ Name, Value string }

// Environment lists the known facts of the machine and of its division.
func (r *Report) Environment() []Field {
	e := r.Run.Environment
	return known([]Field{
		{"CPU", e.CPU},
		{"cores", count(e.Cores)},
		{"cores of the servers", e.ServerCPUs},
		{"cores of the loader", e.LoaderCPUs},
		{"memory", memory(e.MemoryMiB)},
		{"operating system", e.OS},
		{"kernel", e.Kernel},
		{"virtualized", e.Virtualized},
		{"frequency governor", e.Governor},
		{"Go", e.Go},
		{"fingerprint", e.Fingerprint},
	})
}

// Settings lists the settings of the machine that may change figures.
func (r *Report) Settings() (all []Field) {
	settings := r.Run.Environment.Settings
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		all = append(all, Field{name, settings[name]})
	}
	return all
}

// Heading names what was measured: "concurrency-64 · hello", "latency-50 and latency-85 · 3 apps".
func (r *Report) Heading() string {
	var scenarios, apps []string
	for _, t := range r.Tables {
		if !slices.Contains(scenarios, t.Scenario) {
			scenarios = append(scenarios, t.Scenario)
		}
		if !slices.Contains(apps, t.App) {
			apps = append(apps, t.App)
		}
	}
	switch len(apps) {
	case 0:
		return "run " + r.Run.ID
	case 1:
		return List(scenarios) + " · " + apps[0]
	}
	return fmt.Sprintf("%s · %d apps", List(scenarios), len(apps))
}

// Where is when and on what the run was made, in a line: "2026-09-17 10:15 UTC · AMD EPYC 7B13, 2 cores · benchctl v0.1.0".
func (r *Report) Where() string {
	e := r.Run.Environment
	cores := ""
	if e.Cores > 0 {
		cores = Plural(e.Cores, "core")
	}
	return join(" · ", r.Date(), join(", ", e.CPU, cores), join(" ", "benchctl", r.Run.Benchctl))
}

// Facts lists what identifies the run.
func (r *Report) Facts() []Field {
	return known([]Field{
		{"run", r.Run.ID},
		{"status", r.Run.Status},
		{"started", r.Date()},
		{"took", r.took()},
		{"benchctl", r.Run.Benchctl},
		{"seed", fmt.Sprint(r.Run.Seed)},
	})
}

// Machine describes the machine in one line.
func (r *Report) Machine() string {
	e := r.Run.Environment
	cores := ""
	if e.Cores > 0 {
		cores = Plural(e.Cores, "core")
	}
	if e.ServerCPUs != "" && e.LoaderCPUs != "" {
		cores = join(" ", cores, fmt.Sprintf("(servers %s, loader %s)", e.ServerCPUs, e.LoaderCPUs))
	}
	return join(" · ", e.CPU, cores, memory(e.MemoryMiB), join(" ", e.OS, e.Kernel), e.Virtualized, e.Go)
}

// Date is when the run started, in UTC.
func (r *Report) Date() string {
	if r.Run.Started.IsZero() {
		return ""
	}
	return r.Run.Started.UTC().Format("2006-01-02 15:04 UTC")
}

func (r *Report) took() string {
	if r.Run.Started.IsZero() || !r.Run.Finished.After(r.Run.Started) {
		return ""
	}
	took := r.Run.Finished.Sub(r.Run.Started)
	text := took.Round(time.Second).String()
	if r.Run.CountedSeconds > 0 {
		text += fmt.Sprintf(", %.0f %% of it in counted slices", 100*r.Run.CountedSeconds/took.Seconds())
	}
	return text
}

func known(fields []Field) []Field {
	return slices.DeleteFunc(fields, func(f Field) bool { return f.Value == "" })
}

func count(n int) string {
	if n <= 0 {
		return ""
	}
	return fmt.Sprint(n)
}

func memory(mib float64) string {
	if mib <= 0 {
		return ""
	}
	return Number(mib/1024, 3) + " GiB"
}

// join joins the parts that are not empty.
func join(sep string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), sep)
}

// Plural counts things: "1 round", "2 launches".
func Plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if strings.HasSuffix(noun, "ch") {
		noun += "e"
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// List joins names as in a sentence: "a", "a and b", "a, b and c". Of many, it names the
// first ones, "a, b, c, d and 26 more", as the rows show them all.
func List(names []string) string {
	const most, named = 6, 4
	if len(names) > most {
		return strings.Join(names[:named], ", ") + fmt.Sprintf(" and %d more", len(names)-named)
	}
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// best orders rows of a class best first by the figure that ranks them, then by name. Rows without the figure
// come behind, and behind all those that are not usable. A rank does not order them: who is measured less
// precisely may have a better one, as it can't be told from more rows.
func (t *Table) best(a, b Row) int {
	figures := cmp.Compare(t.figure(b.Cell), t.figure(a.Cell))
	if t.by().LessIsBetter {
		figures = -figures
	}
	return cmp.Or(cmp.Compare(t.group(a.Cell), t.group(b.Cell)), figures, cmp.Compare(a.Cell.Candidate, b.Cell.Candidate))
}

// group is 0 for rows that have the figure that ranks, 1 for those that don't, 2 for those that count for nothing.
func (t *Table) group(c *judge.Cell) int {
	switch {
	case !c.Verdict.Usable():
		return 2
	case c.Figures[t.Metric] == nil:
		return 1
	}
	return 0
}
