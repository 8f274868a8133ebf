// Package plots draws the figures of a report as SVG and PNG: charts of a row for each candidate, best first,
// so that many of them with long names stay readable; and graphs of two figures, or of one over what is
// varied.
//
// Invalid cells are left out and charts say so; degraded ones are hollow. Colours are of the Okabe-Ito palette, which people with any
// colour vision can tell apart, and marks differ in shape too.
package plots

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/benchctl/benchctl/report"
	"github.com/benchctl/benchctl/results/judge"
)

// Plot is one picture.
type Plot struct {
	Table *report.Table // what it shows; nil: several tables
	Name  string        // file name without extension; letters, digits, "-" and "_" only
	Title string        // "Throughput"
	Alt   string        // what can be seen, for those who can't
	SVG   []byte        // a document of its own, without ids and external references
	Phone []byte        // the same for the width of a phone
	// Aside is that the plot shows what the table itself shows, or what few look for.
	Aside bool

	drawn picture
}

// picture is what a plot was drawn of.
type picture interface {
	svg(layout) ([]byte, error)
	png(layout) ([]byte, error)
}

// PNG draws the plot as an image of 1200 pixels' width.
func (p Plot) PNG() ([]byte, error) {
	png, err := p.drawn.png(wide)
	if err != nil {
		return nil, fmt.Errorf("draw %s as PNG: %w", p.Name, err)
	}
	return png, nil
}

// Render draws what is known of every table, and of several together. A figure that no row knows has no
// plot.
func Render(r *report.Report) ([]Plot, error) {
	var all []Plot
	for _, t := range r.Tables {
		for _, p := range of(t) {
			p.Table, p.Name = t, t.Name+"_"+p.Name
			all = append(all, p)
		}
	}
	for _, s := range r.Series() {
		g := scaling(s)
		all = append(all, Plot{Name: s.Name + "_" + g.kind, Title: g.title, Alt: g.alt, drawn: g})
	}
	for i := range all {
		var err error
		if all[i].SVG, err = all[i].drawn.svg(wide); err != nil {
			return nil, fmt.Errorf("draw %s: %w", all[i].Name, err)
		}
		if all[i].Phone, err = all[i].drawn.svg(narrow); err != nil {
			return nil, fmt.Errorf("draw %s for phones: %w", all[i].Name, err)
		}
	}
	return all, nil
}

// of are the plots of a table that have something to show, named by their kinds.
func of(t *report.Table) (all []Plot) {
	for _, class := range t.Classes {
		for _, g := range []*graph{effort(t, class), tail(t, class)} {
			if len(g.curves) > 1 {
				all = append(all, Plot{Name: g.kind, Title: g.title, Alt: g.alt, drawn: g})
			}
		}
	}
	for _, c := range charts(t) {
		all = append(all, Plot{Name: c.kind, Title: c.title, Alt: c.alt, Aside: c.kind != "timeline", drawn: c})
	}
	return all
}

// charts are those of rows that have something to show.
func charts(t *report.Table) []*chart {
	all := append([]*chart{course(t), memory(t)}, append(metrics(t), latency(t), headroom(t))...)
	return slices.DeleteFunc(all, func(c *chart) bool { return len(c.names) == 0 })
}

// Save writes every plot to dir as <name>.svg, and as <name>.png too if that is asked for, creating dir.
func Save(dir string, all []Plot, pngs bool) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write plots %s: %w", dir, err)
	}
	for _, p := range all {
		path := filepath.Join(dir, p.Name)
		if err := os.WriteFile(path+".svg", p.SVG, 0o644); err != nil {
			return fmt.Errorf("write plot %s: %w", p.Name, err)
		}
		if !pngs {
			continue
		}
		png, err := p.PNG()
		if err != nil {
			return err
		}
		if err := os.WriteFile(path+".png", png, 0o644); err != nil {
			return fmt.Errorf("write plot %s: %w", p.Name, err)
		}
	}
	return nil
}

// drawn picks the rows that a chart shows, best first, and the note that says
// which are missing.
func drawn(t *report.Table, known func(*judge.Cell) bool) (cells []*judge.Cell, note string) {
	invalid, unknown, degraded := 0, 0, 0
	for _, r := range t.Rows {
		switch {
		case !r.Cell.Verdict.Usable():
			invalid++
		case !known(r.Cell):
			unknown++
		default:
			if r.Cell.Verdict == judge.Degraded {
				degraded++
			}
			cells = append(cells, r.Cell)
		}
	}
	var notes []string
	if degraded > 0 {
		notes = append(notes, "Hollow: degraded.")
	}
	if invalid > 0 {
		notes = append(notes, rows(invalid, "invalid row")+" left out.")
	}
	if unknown > 0 {
		notes = append(notes, rows(unknown, "row")+" without this figure left out.")
	}
	return cells, strings.Join(notes, " ")
}

func rows(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
