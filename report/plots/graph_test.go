package plots

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/recorder"

	"github.com/benchctl/benchctl/report"
	"github.com/benchctl/benchctl/report/internal/fixture"
	"github.com/benchctl/benchctl/results/judge"
)

// graphsOf draws all graphs of a run, also those of one curve, which pages leave out.
func graphsOf(s *judge.Summary) (all []*graph) {
	r := report.New(s)
	for _, t := range r.Tables {
		for _, class := range t.Classes {
			all = append(all, effort(t, class), tail(t, class))
		}
	}
	for _, s := range r.Series() {
		all = append(all, scaling(s))
	}
	var known []*graph
	for _, g := range all {
		if len(g.curves) > 0 {
			known = append(known, g)
		}
	}
	return known
}

// engines makes all rows one class.
func engines(s *judge.Summary) *judge.Summary {
	for i := range s.Cells {
		s.Cells[i].Class = "engine"
	}
	return s
}

// scaled multiplies what the first candidate of each table does and costs.
func scaled(s *judge.Summary, by float64) *judge.Summary {
	for i := range s.Cells {
		c := &s.Cells[i]
		if c.Candidate != s.Cells[0].Candidate {
			continue
		}
		for _, metric := range []string{judge.MetricThroughput, judge.MetricServerCPU} {
			e := c.Figures[metric]
			c.Figures[metric] = &judge.Estimate{Value: e.Value * by, Low: e.Low * by, High: e.High * by}
		}
		for _, p := range []*float64{c.Latency.P50, c.Latency.P90, c.Latency.P99, c.Latency.P999} {
			*p *= by
		}
	}
	return s
}

// long gives candidates long names that differ in their middle.
func long(s *judge.Summary) *judge.Summary {
	for i := range s.Cells {
		c := &s.Cells[i].Candidate
		*c = "gunicorn-with-a-very-long-name@2.5.0-rc.1:tuned-" + *c + "+headers*5+compress#with-a-very-long-label"
	}
	return s
}

func fields() map[string]*judge.Summary {
	return map[string]*judge.Summary{
		"1": engines(fixture.Sweep(3, 1)), "2": engines(fixture.Sweep(3, 2)), "5": engines(fixture.Sweep(4, 5)), "60": engines(fixture.Sweep(12, 60)),
		"long": long(engines(fixture.Sweep(3, 12))), "100x": scaled(engines(fixture.Sweep(3, 6)), 100), "1/100": scaled(engines(fixture.Sweep(3, 6)), 0.01),
		"mixed": fixture.Mixed(), "field": fixture.Field(), "equal": equal(engines(fixture.Sweep(3, 9))),
		"offered": offered(engines(fixture.Sweep(4, 9))),
	}
}

// offered has requests offered at shares of what each candidate does.
func offered(s *judge.Summary) *judge.Summary {
	for i := range s.Cells {
		c := &s.Cells[i]
		rate := c.Figures.Throughput().Value / 2
		c.Offered = &rate
	}
	return s
}

// equal makes all candidates do the same, so that all names would be at one height.
func equal(s *judge.Summary) *judge.Summary {
	for i := range s.Cells {
		s.Cells[i].Figures, s.Cells[i].Latency = s.Cells[0].Figures, s.Cells[0].Latency
	}
	return s
}

// No text of a graph is cut off at an edge, and none is written over another one, in any layout.
func TestTextsOfGraphsHaveRoom(t *testing.T) {
	for field, s := range fields() {
		for _, g := range graphsOf(s) {
			for form, l := range map[string]layout{"wide": wide, "narrow": narrow} {
				name := fmt.Sprintf("%s, %s, %s", field, g.kind, form)
				var drawn recorder.Canvas
				g.draw(draw.NewCanvas(&drawn, l.width, g.height(l)), l)
				if n := apart(t, name, drawn, l.width, g.height(l)); n < min(named, len(g.curves))+2 {
					t.Errorf("%s: %d texts of %d curves", name, n, len(g.curves))
				}
			}
		}
	}
}

// Lengths are compared, so that linear axes begin at 0; all points are on the plot.
func TestAxesHoldAllPoints(t *testing.T) {
	for field, s := range fields() {
		for _, g := range graphsOf(s) {
			for axis, of := range map[string]scale{"x": g.x, "y": g.y} {
				if !of.log && of.min != 0 || of.log && of.min <= 0 || of.max <= of.min {
					t.Errorf("%s, %s: axis %s from %v to %v", field, g.kind, axis, of.min, of.max)
				}
			}
			for _, c := range g.curves {
				for _, at := range c.points {
					if at.x < g.x.min || at.x > g.x.max || at.y < g.y.min || max(at.y, at.high) > g.y.max {
						t.Errorf("%s, %s: %s at %v is off the plot", field, g.kind, c.name, at)
					}
				}
			}
			if g.y.log && labelled(logTicks{most: 8}.Ticks(g.y.min, g.y.max)) < 2 {
				t.Errorf("%s, %s: fewer than two marks from %v to %v", field, g.kind, g.y.min, g.y.max)
			}
		}
	}
}

// Latency over the offered rate has a graph for each percentile.
func TestLatencyOverTheOfferedRate(t *testing.T) {
	var titles []string
	for _, g := range graphsOf(offered(engines(fixture.Sweep(4, 3)))) {
		if g.kind == "scaling" {
			titles = append(titles, g.title)
			if g.xTicks != nil {
				t.Errorf("%s: marks at rates that candidates have of their own", g.title)
			}
			if strings.HasPrefix(g.title, "Latency") != g.y.log || strings.Contains(g.note, "interval") == g.y.log {
				t.Errorf("%s: logarithmic %v, %q", g.title, g.y.log, g.note)
			}
		}
	}
	want := []string{"Latency p50 by offered rate", "Latency p99 by offered rate", "Latency p99.9 by offered rate", "Throughput by offered rate"}
	if !slices.Equal(titles, want) {
		t.Errorf("graphs %q, want %q", titles, want)
	}
}

func labelled(marks []plot.Tick) (n int) {
	for _, m := range marks {
		if m.Label != "" {
			n++
		}
	}
	return n
}

// Those that end best have names; how many have none is said.
func TestNamesOfCurves(t *testing.T) {
	s := engines(fixture.Sweep(3, 12))
	var g *graph
	for _, one := range graphsOf(s) {
		if one.kind == "scaling" {
			g = one
		}
	}
	last := math.Inf(1)
	for _, c := range g.curves {
		y := c.points[len(c.points)-1].y
		if y > last {
			t.Errorf("%s ends at %v, better than the one before", c.name, y)
		}
		last = y
	}
	if note := strings.Join(g.notes(wide), " "); !strings.Contains(note, "4 more candidates in grey") {
		t.Errorf("note %q", note)
	}
}
