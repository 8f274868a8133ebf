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

// Site renders the pages over all runs, which are given newest first: Index, a page for each server, one for each run
// that has a predecessor to be compared with, and what the method is.
func Site(runs []report.Digest) ([]Page, error) {
	var pages []Page
	add := func(name, path string, view any) error {
		page, err := render(name, path, view)
		pages = append(pages, page)
		return err
	}
	compared, err := comparisons(runs, add)
	if err != nil {
		return nil, err
	}
	servers := serversOf(runs)
	if err := add("index.html", Index, newIndex(runs, compared)); err != nil {
		return nil, err
	}
	if err := add("servers.html", Servers+"/"+Index, serversView{newDocument("Servers", "All servers that were measured.", trail("../")...), servers}); err != nil {
		return nil, err
	}
	for _, s := range servers {
		s.document = newDocument(s.Name, s.Name+": "+s.Doc, trail("../")...)
		if err := add("server.html", Servers+"/"+s.File, s); err != nil {
			return nil, err
		}
	}
	return pages, add("method.html", Method, newDocument("Method", "How the figures are made, and what they don't tell.", trail("./")...))
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

func newIndex(runs []report.Digest, compared map[string]string) indexView {
	v := indexView{document: newDocument("HTTP server benchmarks", "", Link{Servers + "/" + Index, "Servers"}, Link{Method, "Method"})}
	v.Feed = "feed.xml"
	for _, d := range runs {
		at := slices.IndexFunc(v.Machines, func(m machine) bool { return m.Name == d.Machine })
		run := indexRun{d, Runs + "/" + d.ID + "/" + Index, compared[d.ID]}
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
	Class      string
	Doc        string
	Home       string
	Source     string
	Versions   []string
	Cells      []serverCell
	More       int // cells that are not shown
}

type serverCell struct {
	report.DigestCell
	Date, Path string
}

// history is how many cells the page of a server has.
const history = 400

func serversOf(runs []report.Digest) []server {
	var all []server
	index := make(map[string]int)
	files := make(map[string]bool)
	for _, d := range runs {
		for _, c := range d.Cells {
			at, known := index[c.Server]
			if !known {
				at = len(all)
				index[c.Server] = at
				file := report.Slug(c.Server)
				for files[file] || file == "index" {
					file += "-2"
				}
				files[file] = true
				all = append(all, server{Name: c.Server, File: file + ".html", Class: c.Class})
			}
			s := &all[at]
			if c.Version != "" && !slices.Contains(s.Versions, c.Version) {
				s.Versions = append(s.Versions, c.Version)
			}
			if len(s.Cells) < history {
				s.Cells = append(s.Cells, serverCell{c, d.Date, "../" + Runs + "/" + d.ID + "/" + c.At})
			} else {
				s.More++
			}
		}
		for _, term := range d.Terms {
			if at, known := index[term.Name]; known && term.Of == results.TermServer && all[at].Doc == "" {
				all[at].Doc, all[at].Home, all[at].Source = term.Doc, term.Home, term.Source
			}
		}
	}
	slices.SortFunc(all, func(a, b server) int { return cmp.Or(cmp.Compare(a.Class, b.Class), cmp.Compare(a.Name, b.Name)) })
	return all
}

// comparisonView is a run against the one before it on the same machine with cells in common.
type comparisonView struct {
	document
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

// comparisons adds the page of each run's comparison, in the run's own directory, and returns their paths by the runs'
// ids.
func comparisons(runs []report.Digest, add func(name, path string, view any) error) (map[string]string, error) {
	paths := make(map[string]string)
	last := make(map[string]report.Digest) // the run after, by machine and what was measured
	for i, d := range runs {
		_ = i
		key := d.Machine + "\n" + d.Heading
		if after, ok := last[key]; ok {
			v := compareRuns(after, d)
			if len(v.Changes) > 0 {
				path := Runs + "/" + after.ID + "/compare.html"
				paths[after.ID] = path
				if err := add("compare.html", path, v); err != nil {
					return nil, err
				}
			}
		}
		last[key] = d
	}
	return paths, nil
}

func compareRuns(after, before report.Digest) comparisonView {
	v := comparisonView{Of: after, Before: before}
	v.document = newDocument(after.Heading+": "+after.Date+" against "+before.Date, "What changed between two runs.", append(trail("../../"), Link{Index, "This run"}, Link{"../" + before.ID + "/" + Index, "The run before"})...)
	old := make(map[[2]string]report.DigestCell)
	for _, c := range before.Cells {
		old[[2]string{c.Identity + c.App + c.Scenario, c.Candidate}] = c
	}
	for _, c := range after.Cells {
		was, ok := old[[2]string{c.Identity + c.App + c.Scenario, c.Candidate}]
		if ok && c.Estimate != nil && was.Estimate != nil && c.Metric == was.Metric && was.Estimate.Value > 0 && c.Estimate.Value > 0 {
			v.Changes = append(v.Changes, newChange(was, c))
			if v.Changes[len(v.Changes)-1].Resolved {
				v.Resolved++
			}
		}
	}
	return v
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
