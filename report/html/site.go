package html

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/benchctl/benchctl/report"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/judge"
)

// Names of the pages over all runs, and the directory of the runs' own.
const (
	Method  = "method.html"
	Servers = "servers"
	Runs    = "runs"
)

// Site is what the pages over all runs are made of.
type Site struct {
	Runs     []report.Digest // newest first
	Compared []Comparison
	Checks   []report.Check // of servers
	Card     string         // URL of the picture that other sites show with a link to this one; "" for none
}

// Render renders the pages over all runs and hands each to save: Index, a page for each server, and what the method is.
func (s Site) Render(save func(Page) error) error {
	add := func(name, path string, view any) error {
		page, err := render(name, path, view)
		if err != nil {
			return err
		}
		return save(page)
	}
	servers := serversOf(s.Runs, s.Checks)
	for _, one := range servers {
		one.document = newDocument(one.Name, strings.TrimSuffix(one.Name+": "+one.Doc, ": "), trail("../")...)
		if err := add("server.html", Servers+"/"+one.File, one); err != nil {
			return err
		}
	}
	if err := add("servers.html", Servers+"/"+Index, serversView{newDocument("Servers", "All servers that were measured or verified.", trail("../")...), servers}); err != nil {
		return err
	}
	if err := add("method.html", Method, newDocument("Method", "How the figures are made, and what they don't tell.", trail("./")...)); err != nil {
		return err
	}
	index := newIndex(s.Runs, s.Compared)
	index.Card = s.Card
	return add("index.html", Index, index)
}

// leanView is a run on one page, without plots.
type leanView struct {
	document
	Run    report.Digest
	Tables []leanTable
}

type leanTable struct {
	ID, Title string
	Rows      []report.DigestRow
}

// Lean renders a run as one page of figures, made of its digest.
func Lean(d report.Digest) (Page, error) {
	v := leanView{document: newDocument(d.Heading, d.Quality, trail("../../")...), Run: d}
	for _, t := range d.Tables {
		v.Tables = append(v.Tables, leanTable{t.Anchor(), t.Scenario + " · " + t.App, t.Rows})
	}
	return render("lean.html", Index, v)
}

// indexView is the first page: what the newest run of each machine says, then all runs by machine.
type indexView struct {
	document
	Machines []machine
	Older    int // runs that are not listed
}

type machine struct {
	Name   string
	Newest indexRun
	Runs   []indexRun
}

type indexRun struct {
	report.Digest
	Path     string
	Compared string // path of the comparison with the run before; "" if there is none
}

// listed is how many runs of a machine the first page has.
const listed = 100

func newIndex(runs []report.Digest, compared []Comparison) indexView {
	paths := make(map[string]string)
	for _, c := range compared {
		paths[c.After.ID] = c.Path
	}
	v := indexView{document: newDocument("HTTP server benchmarks", "", Link{Servers + "/" + Index, "Servers"}, Link{Method, "Method"})}
	v.Feed = "feed.xml"
	for _, d := range runs {
		at := slices.IndexFunc(v.Machines, func(m machine) bool { return m.Name == d.Machine })
		run := indexRun{d, Runs + "/" + d.ID + "/" + Index, paths[d.ID]}
		switch {
		case at < 0:
			v.Machines = append(v.Machines, machine{d.Machine, run, []indexRun{run}})
		case len(v.Machines[at].Runs) < listed:
			v.Machines[at].Runs = append(v.Machines[at].Runs, run)
		default:
			v.Older++
		}
	}
	if len(runs) > 0 {
		for _, a := range runs[0].Answers {
			v.Description = strings.TrimSpace(v.Description + " " + a.Text)
		}
	}
	return v
}

type serversView struct {
	document
	Servers []server
}

// server is what runs tell of a server, newest first.
type server struct {
	document
	Name, File string
	Class      string // "" if it is not known
	Doc        string
	Home       string
	Source     string
	Versions   []string
	Cells      []serverCell
	More       int            // cells that are not shown
	Watched    []serverCell   // those around events
	Conforms   []report.Check // of the server's candidates
	Controlled []report.Check
}

type serverCell struct {
	report.DigestCell
	Date, Path string
}

// history is how many cells the page of a server has.
const history = 400

// field is the servers of a site while they are gathered.
type field struct {
	all   []server
	index map[string]int
	files map[string]bool
}

// of is the server of a name.
func (f *field) of(name string) *server {
	at, known := f.index[name]
	if !known {
		at = len(f.all)
		f.index[name] = at
		file := report.Slug(name)
		for f.files[file] || file == "index" {
			file += "-2"
		}
		f.files[file] = true
		f.all = append(f.all, server{Name: name, File: file + ".html"})
	}
	return &f.all[at]
}

// serversOf are those that runs have, newest first, and those that were only checked.
func serversOf(runs []report.Digest, checks []report.Check) []server {
	f := field{index: make(map[string]int), files: make(map[string]bool)}
	for _, d := range runs {
		for _, c := range d.Cells() {
			f.of(c.Server).add(d, c)
		}
		for _, term := range d.Terms {
			if at, known := f.index[term.Name]; known && term.Of == results.TermServer && f.all[at].Doc == "" {
				f.all[at].Doc, f.all[at].Home, f.all[at].Source = term.Doc, term.Home, term.Source
			}
		}
	}
	for _, c := range checks {
		s := f.of(c.Server())
		s.Class = cmp.Or(s.Class, c.Class)
		if c.Of == report.CheckConformance {
			s.Conforms = append(s.Conforms, c)
		} else {
			s.Controlled = append(s.Controlled, c)
		}
	}
	slices.SortFunc(f.all, func(a, b server) int { return cmp.Or(cmp.Compare(a.Class, b.Class), cmp.Compare(a.Name, b.Name)) })
	return f.all
}

// add adds a cell of a run.
func (s *server) add(d report.Digest, c report.DigestCell) {
	s.Class = cmp.Or(s.Class, c.Class)
	if c.Version != "" && !slices.Contains(s.Versions, c.Version) {
		s.Versions = append(s.Versions, c.Version)
	}
	cell := serverCell{c, d.Date, "../" + Runs + "/" + d.ID + "/" + c.At}
	switch {
	case c.Events != "":
		s.Watched = append(s.Watched, cell)
	case len(s.Cells) < history:
		s.Cells = append(s.Cells, cell)
	default:
		s.More++
	}
}

// comparisonView is a run against one before it with cells in common.
type comparisonView struct {
	document
	Elsewhere  bool // the runs are of different machines
	Of, Before report.Digest
	Changes    []change
	Resolved   int
}

// change is a cell in two runs.
type change struct {
	Before, After    report.DigestCell
	Ratio, Low, High float64
	Shown            string
	Resolved, Better bool
}

// Comparison is a run against one before it.
type Comparison struct {
	After, Before report.Digest
	Path          string // of its page, beside those of the run after
}

// Comparisons are those of runs, which are given newest first, with figures in common: each with the one before it of the
// same machine and heading, and two runs with each other, whatever they are. The path of each changes with the run before: a
// page that is there may be kept.
func Comparisons(runs []report.Digest) (all []Comparison) {
	last := make(map[string]report.Digest) // the run after, by machine and what was measured
	for _, d := range runs {
		key := d.Machine + "\n" + d.Heading
		if len(runs) == 2 {
			key = ""
		}
		if after, ok := last[key]; ok && alike(after, d) {
			all = append(all, Comparison{after, d, Runs + "/" + after.ID + "/" + Since + d.ID + ".html"})
		}
		last[key] = d
	}
	return all
}

// Since is what the names of pages with comparisons begin with. No table's page does: its name has a "_".
const Since = "since-"

// cellKey tells whether cells of two runs are of the same load and candidate.
type cellKey struct{ identity, app, scenario, candidate string }

func keyOf(c report.DigestCell) cellKey { return cellKey{c.Identity, c.App, c.Scenario, c.Candidate} }

func cellsByKey(d report.Digest) map[cellKey]report.DigestCell {
	all := make(map[cellKey]report.DigestCell)
	for _, c := range d.Cells() {
		all[keyOf(c)] = c
	}
	return all
}

// hasRatio reports whether a cell can be divided by the one before.
func hasRatio(after, before report.DigestCell) bool {
	return after.Estimate != nil && before.Estimate != nil && after.Metric == before.Metric && before.Estimate.Value > 0 && after.Estimate.Value > 0
}

func alike(after, before report.Digest) bool {
	old := cellsByKey(before)
	return slices.ContainsFunc(after.Cells(), func(c report.DigestCell) bool { return hasRatio(c, old[keyOf(c)]) })
}

// Render renders the page.
func (c Comparison) Render() (Page, error) {
	v := comparisonView{Of: c.After, Before: c.Before, Elsewhere: c.After.Machine != c.Before.Machine}
	v.document = newDocument(c.After.Heading+": "+c.After.Date+" against "+c.Before.Date, "What changed between two runs.", append(trail("../../"), Link{Index, "This run"}, Link{"../" + c.Before.ID + "/" + Index, "The run before"})...)
	old := cellsByKey(c.Before)
	for _, cell := range c.After.Cells() {
		was := old[keyOf(cell)]
		if !hasRatio(cell, was) {
			continue
		}
		v.Changes = append(v.Changes, newChange(was, cell))
		if v.Changes[len(v.Changes)-1].Resolved {
			v.Resolved++
		}
	}
	slices.SortStableFunc(v.Changes, func(a, b change) int { return cmp.Compare(b.size(), a.size()) })
	return render("compare.html", c.Path, v)
}

// size of a change that is resolved, so that the largest come first; the others follow in the order of the run.
func (c change) size() float64 {
	if !c.Resolved {
		return 0
	}
	return math.Abs(math.Log(c.Ratio))
}

// newChange is the ratio of two figures of independent runs: the intervals of their logarithms add up in quadrature. It
// is not paired: what the machine did differently is in it.
func newChange(before, after report.DigestCell) change {
	c := change{Before: before, After: after, Ratio: after.Estimate.Value / before.Estimate.Value}
	half := func(e *judge.Estimate) float64 {
		if e.Low <= 0 || e.High <= e.Low {
			return math.NaN()
		}
		return math.Log(e.High/e.Low) / 2
	}
	h := math.Hypot(half(before.Estimate), half(after.Estimate))
	c.Low, c.High = c.Ratio*math.Exp(-h), c.Ratio*math.Exp(h)
	if math.IsNaN(h) {
		c.Shown = report.Number(c.Ratio, 3) + "x"
		return c
	}
	c.Shown = report.Ratio(judge.Pair{Ratio: c.Ratio, Low: c.Low, High: c.High})
	c.Resolved = c.Low > 1 || c.High < 1
	c.Better = c.Ratio > 1 != judge.MetricNamed(after.Metric).LessIsBetter
	return c
}
