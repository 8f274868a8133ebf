// Package plots draws the figures of a report as SVG and PNG: throughput and
// server CPU with their confidence intervals, latency percentiles, memory.
//
// Candidates are rows in all of them, best first, so many of them with long
// names stay readable. Invalid cells are left out and the plot says so; degraded
// ones are hollow. Colours are of the Okabe-Ito palette, which people with any
// colour vision can tell apart, and marks differ in shape too.
package plots

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/benchctl/benchctl/report"
	"github.com/benchctl/benchctl/results/judge"
)

// Plot is one picture.
type Plot struct {
	Table *report.Table // what it shows
	Name  string        // file name without extension; letters, digits, "-" and "_" only
	Title string        // "Throughput"
	Alt   string        // what can be seen, for those who can't
	SVG   []byte        // a document of its own, without ids and external references
	Phone []byte        // the same for the width of a phone

	chart *chart
}

// PNG draws the plot as an image of 1200 pixels' width.
func (p Plot) PNG() ([]byte, error) {
	png, err := p.chart.png(wide)
	if err != nil {
		return nil, fmt.Errorf("draw %s as PNG: %w", p.Name, err)
	}
	return png, nil
}

// Render draws what is known of every table. A figure that no row knows has no
// plot.
func Render(r *report.Report) ([]Plot, error) {
	var all []Plot
	taken := map[string]bool{}
	for _, t := range r.Tables {
		stem := unique(slug(t.Scenario)+"_"+slug(t.App), taken)
		for _, c := range charts(t) {
			svg, err := c.svg(wide)
			if err != nil {
				return nil, fmt.Errorf("draw %s of %s: %w", c.kind, t.Title(), err)
			}
			phone, err := c.svg(narrow)
			if err != nil {
				return nil, fmt.Errorf("draw %s of %s for phones: %w", c.kind, t.Title(), err)
			}
			all = append(all, Plot{Table: t, Name: stem + "_" + c.kind, Title: c.title, Alt: c.alt, SVG: svg, Phone: phone, chart: c})
		}
	}
	return all, nil
}

// charts lists the charts that have something to show.
func charts(t *report.Table) []*chart {
	var shown []*chart
	for _, c := range append(metrics(t), latency(t), memory(t), course(t)) {
		if len(c.names) > 0 {
			shown = append(shown, c)
		}
	}
	return shown
}

// Save writes every plot to dir as <name>.svg and <name>.png, creating dir.
func Save(dir string, all []Plot) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write plots %s: %w", dir, err)
	}
	for _, p := range all {
		png, err := p.PNG()
		if err != nil {
			return err
		}
		path := filepath.Join(dir, p.Name)
		if err := os.WriteFile(path+".svg", p.SVG, 0o644); err != nil {
			return fmt.Errorf("write plot %s: %w", p.Name, err)
		}
		if err := os.WriteFile(path+".png", png, 0o644); err != nil {
			return fmt.Errorf("write plot %s: %w", p.Name, err)
		}
	}
	return nil
}

// slug makes a name safe within a file name on any system.
func slug(name string) string {
	const longest = 60
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		if (r >= 'a' && r <= 'z') || (r >= '0' && r <= '9') {
			b.WriteRune(r)
		} else if s := b.String(); s != "" && !strings.HasSuffix(s, "-") {
			b.WriteByte('-')
		}
		if b.Len() == longest {
			break
		}
	}
	if s := strings.Trim(b.String(), "-"); s != "" {
		return s
	}
	return "x"
}

// unique numbers a name that is taken.
func unique(name string, taken map[string]bool) string {
	free := name
	for n := 2; taken[free]; n++ {
		free = fmt.Sprintf("%s-%d", name, n)
	}
	taken[free] = true
	return free
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
