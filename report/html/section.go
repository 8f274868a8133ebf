package html

import (
	"bytes"
	"fmt"
	"html/template"
	"image/color"
	"path"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/benchctl/benchctl/report"
	"github.com/benchctl/benchctl/report/plots"
	"github.com/benchctl/benchctl/results/judge"
)

// section is a table with its explanations.
type section struct {
	ID    string
	Table *report.Table
	Rows  []row
	Pairs []pair
	Plots []figure
}

type row struct {
	Class string // the verdict
	Cells []cell
}

type cell struct {
	Text, Spread string
	Class        string
	Sort         string // what the script sorts by; "" for unknown
	Badge        bool   // coloured by verdict
	Notes        []int
}

// forward moves the verdict next to the name, where every screen shows it.
func forward(t *report.Table) *report.Table {
	order := []report.Key{report.Rank, report.Candidate, report.Verdict}
	for _, c := range t.Columns {
		if !slices.Contains(order, c.Key) {
			order = append(order, c.Key)
		}
	}
	return t.Pick(order...)
}

func rows(t *report.Table) []row {
	var all []row
	for _, r := range t.Rows {
		shown := row{Class: verdict(r.Cell.Verdict)}
		for i, v := range r.Values {
			shown.Cells = append(shown.Cells, newCell(t.Columns[i], r, v))
		}
		all = append(all, shown)
	}
	return all
}

func newCell(c report.Column, r report.Row, v report.Value) cell {
	shown := cell{Text: v.Text, Spread: v.Spread}
	switch {
	case c.Numeric:
		shown.Class = "n"
	case c.Key == report.Candidate:
		shown.Class = nameClass(v.Text)
	case c.Key == report.Verdict:
		shown.Badge, shown.Notes = true, r.Notes
	}
	switch {
	case !v.Known:
	case c.Numeric:
		shown.Sort = strconv.FormatFloat(v.Number, 'g', -1, 64)
	case c.Key == report.Rank:
		shown.Sort = strconv.Itoa(r.Cell.Rank)
	default:
		shown.Sort = v.Text
	}
	return shown
}

// nameClass lets long names wrap.
func nameClass(name string) string {
	const long = 32
	if utf8.RuneCountInString(name) > long {
		return "name long"
	}
	return "name"
}

// verdict is a class name for any verdict, known or not.
func verdict(v judge.Verdict) string {
	switch v {
	case judge.Valid, judge.Degraded:
		return string(v)
	}
	return string(judge.Invalid)
}

type pair struct {
	A, B, By, Ratio string
	Separated       bool
}

func pairs(t *report.Table) []pair {
	var all []pair
	for _, p := range t.Pairs {
		all = append(all, pair{A: p.A, B: p.B, By: judge.MetricNamed(p.Metric).For("which the objective is met").Of, Ratio: report.Ratio(p), Separated: p.Separated()})
	}
	return all
}

type figure struct {
	Title, Alt string
	Wide       template.HTML // where there is room
	Narrow     template.HTML // on a phone
	Files      string        // relative path of its files, without extension
}

// figures are the plots that were drawn of the table.
func figures(t *report.Table, drawn []plots.Plot, dir string) []figure {
	var all []figure
	for _, p := range drawn {
		if p.Table != t {
			continue
		}
		f := figure{Title: p.Title, Alt: p.Alt, Wide: inline(p.SVG, p.Alt), Narrow: inline(p.Phone, p.Alt)}
		if dir != "" {
			f.Files = path.Join(dir, p.Name)
		}
		all = append(all, f)
	}
	return all
}

// inline makes an element of an SVG document: without prolog, named for screen
// readers, and with the page's colours, light or dark, instead of its own. The
// documents have no ids that could clash.
func inline(svg []byte, alt string) template.HTML {
	if at := bytes.Index(svg, []byte("<svg ")); at >= 0 {
		svg = svg[at+len("<svg "):]
	}
	for name, c := range map[string]color.NRGBA{
		"paper": plots.Paper, "ink": plots.Ink, "faint": plots.Faint, "line": plots.Grid,
		"sky": plots.Sky, "blue": plots.Blue, "orange": plots.Orange,
	} {
		for _, property := range []string{"fill:", "stroke:"} {
			own := fmt.Sprintf("%s#%02X%02X%02X", property, c.R, c.G, c.B)
			svg = bytes.ReplaceAll(svg, []byte(own), []byte(property+"var(--"+name+")"))
		}
	}
	label := template.HTMLEscapeString(alt)
	return template.HTML(`<svg role="img" aria-label="` + label + `" ` + string(svg))
}
