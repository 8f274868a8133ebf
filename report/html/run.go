package html

import (
	"fmt"
	"html/template"
	"slices"
	"strconv"
	"strings"

	"github.com/benchctl/benchctl/report"
	"github.com/benchctl/benchctl/report/plots"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/judge"
)

// Run renders the pages of a run with the plots that plots.Render drew of it: Index and, if it has several tables,
// one for each.
func Run(r *report.Report, drawn []plots.Plot, o Options) ([]Page, error) {
	v := runView{
		document: o.document(r.Heading(), description(r), trail(o.Site)...), Report: r, Answers: r.Answers(), Classes: classesOf(r),
		Quality: r.Quality(), State: string(r.State()), Where: r.Where(), Links: o.Links, Terms: r.Run.Terms,
	}
	if len(r.Tables) <= 1 {
		for _, t := range r.Tables {
			v.Sections = append(v.Sections, newSection(r, t, drawn, o))
		}
		page, err := render("run.html", Index, v)
		return []Page{page}, err
	}
	v.Plots = figures(drawn, "", o)
	for i, overview := range r.Overviews {
		v.Overviews = append(v.Overviews, newHeat(r, overview, v.Answers[i].Text))
	}
	var pages []Page
	for _, t := range r.Tables {
		v.Summaries = append(v.Summaries, summary{t.Anchor(), r.PageOf(t), t.Title(), t.Answers()})
		page, err := render("table.html", r.PageOf(t), tableView{
			document: o.document(t.Title(), strings.Join(t.Findings, " "), append(trail(o.Site), Link{Index, r.Heading()})...),
			Where:    r.Where(), Classes: several(t.Classes), Sections: []section{newSection(r, t, drawn, o)},
		})
		if err != nil {
			return nil, err
		}
		pages = append(pages, page)
	}
	page, err := render("run.html", Index, v)
	return append(pages, page), err
}

// runView is the page of a run.
type runView struct {
	document
	Report         *report.Report
	Answers        []report.Answer
	Classes        []report.Class // to choose among; none if all rows are of one
	Quality, State string
	Where          string
	Overviews      []heat
	Plots          []figure // of several tables together
	Summaries      []summary
	Sections       []section
	Terms          []results.Term
	Links          []Link
	None           []string
}

// summary is what a table says, on the page of its run.
type summary struct {
	ID, Path, Title string
	Answers         []report.Answer
}

// tableView is the page of a table.
type tableView struct {
	document
	Where    string
	Classes  []report.Class
	Sections []section
}

// document is one of a run's pages.
func (o Options) document(heading, description string, trail ...Link) document {
	d := newDocument(heading, description, trail...)
	d.Card = o.Card
	if o.Live {
		d = d.live()
	}
	return d
}

func trail(site string) []Link {
	if site == "" {
		return nil
	}
	return []Link{{site + Index, "All runs"}, {site + "servers/" + Index, "Servers"}, {site + "method.html", "Method"}}
}

func description(r *report.Report) string {
	var said []string
	for _, a := range r.Answers() {
		said = append(said, a.Text)
	}
	return strings.Join(append(said, r.Quality()), " ")
}

func classesOf(r *report.Report) (all []report.Class) {
	for _, o := range r.Overviews {
		all = append(all, o.Class)
	}
	return several(all)
}

func several(classes []report.Class) []report.Class {
	if len(classes) < 2 {
		return nil
	}
	return classes
}

// heat is an overview as a table whose cells are the darker, the nearer they are to the best.
type heat struct {
	Class           report.Class
	Heading, Answer string
	Columns         []heatColumn
	Rows            []heatRow
}

type heatColumn struct{ Path, Scenario, App string }

type heatRow struct {
	Name, Verdict string
	Cells         []heatCell
}

type heatCell struct {
	Text, Class, Sort, Help string
	Style                   template.CSS
}

func newHeat(r *report.Report, o report.Overview, answer string) heat {
	h := heat{Class: o.Class, Heading: report.Sentence(o.Class.Many), Answer: answer}
	for _, t := range o.Tables {
		h.Columns = append(h.Columns, heatColumn{r.PageOf(t), t.Scenario, t.App})
	}
	for _, of := range o.Rows {
		row := heatRow{Name: of.Candidate, Verdict: string(judge.Valid)}
		for i, s := range of.Standings {
			row.Cells = append(row.Cells, newHeatCell(o.Tables[i], s))
			if s.Cell != nil && s.Cell.Verdict != judge.Valid && row.Verdict != string(judge.Invalid) {
				row.Verdict = verdict(s.Cell.Verdict)
			}
		}
		h.Rows = append(h.Rows, row)
	}
	return h
}

func newHeatCell(t *report.Table, s report.Standing) heatCell {
	c := heatCell{Text: s.Text, Class: "n", Help: t.Title() + ": not measured"}
	if s.Cell == nil {
		return c
	}
	c.Help = fmt.Sprintf("%s: %s", t.Title(), s.Cell.Verdict)
	if e := s.Cell.Figures[t.Metric]; e != nil {
		m := judge.MetricNamed(t.Metric).For(t.Objective())
		c.Help = fmt.Sprintf("%s: %s %s", t.Title(), report.Number(e.Value, 4), m.Unit)
		if s.Cell.Verdict != judge.Valid {
			c.Help += ", " + string(s.Cell.Verdict)
		}
	}
	c.Class += " " + verdict(s.Cell.Verdict)
	if s.First {
		c.Class += " first"
	}
	if !s.Cell.Verdict.Usable() {
		c.Text = string(s.Cell.Verdict)
	}
	if s.Share > 0 {
		c.Sort = strconv.FormatFloat(s.Share, 'g', 4, 64)
		c.Style = template.CSS(fmt.Sprintf("--s:%.0f%%", 100*s.Share*s.Share)) // those near the best differ most
	}
	return c
}

// verdict is a class name for any verdict, known or not.
func verdict(v judge.Verdict) string {
	if slices.Contains([]judge.Verdict{judge.Valid, judge.Degraded}, v) {
		return string(v)
	}
	return string(judge.Invalid)
}
