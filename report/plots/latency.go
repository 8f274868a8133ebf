package plots

import (
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/benchctl/benchctl/report"
	"github.com/benchctl/benchctl/results/judge"
)

// percentile is a mark of the latency chart. Marks differ in colour and in shape.
type percentile struct {
	label string
	color color.Color
	shape shape
	get   func(judge.Latency) *float64
}

func percentiles() []percentile {
	return []percentile{
		{"p50", Sky, circle, func(l judge.Latency) *float64 { return l.P50 }},
		{"p90", Blue, square, func(l judge.Latency) *float64 { return l.P90 }},
		{"p99", green, triangle, func(l judge.Latency) *float64 { return l.P99 }},
		{"p99.9", Orange, diamond, func(l judge.Latency) *float64 { return l.P999 }},
		{"max", vermilion, wedge, func(l judge.Latency) *float64 { return l.Max }},
	}
}

// latency shows every percentile of each candidate on a line of its own.
func latency(t *report.Table) *chart {
	cells, note := drawn(t, func(c *judge.Cell) bool { return len(spots(c)) > 0 })
	c := &chart{
		kind: "latency", title: "Latency percentiles", subtitle: t.Title(), note: note, rowHeight: 26,
		unit: "latency (ms, logarithmic), less is better",
		alt:  "Latency percentiles of each candidate in milliseconds, from the median to the maximum",
	}
	for _, p := range percentiles() {
		marked := func(c *judge.Cell) bool { return c.Latency != nil && p.get(*c.Latency) != nil }
		if !slices.ContainsFunc(cells, marked) {
			continue
		}
		c.legend = append(c.legend, key{p.label, func(c *draw.Canvas, at vg.Point) { p.shape.draw(c, at, p.color, false) }})
	}
	l := &lines{}
	c.list(t, cells)
	for i, cell := range cells {
		l.all = append(l.all, line{y: c.y(i), spots: spots(cell), hollow: cell.Verdict == judge.Degraded})
	}
	c.data, c.x = l, l.scale()
	return c
}

// spot is a percentile's mark at its latency in ms.
type spot struct {
	percentile
	ms float64
}

// spots are the percentiles that are known and have a place on a log axis.
func spots(c *judge.Cell) []spot {
	if c.Latency == nil {
		return nil
	}
	var known []spot
	for _, p := range percentiles() {
		if v := p.get(*c.Latency); v != nil && *v > 0 {
			known = append(known, spot{p, *v})
		}
	}
	return known
}

// lines draws a candidate's percentiles, joined.
type lines struct{ all []line }

type line struct {
	y      float64
	spots  []spot
	hollow bool
}

// scale reaches from a round number below all marks to one above.
func (l *lines) scale() scale {
	low, high := math.Inf(1), 0.0
	for _, line := range l.all {
		for _, s := range line.spots {
			low, high = min(low, s.ms), max(high, s.ms)
		}
	}
	if high == 0 {
		return scale{min: 0.1, max: 10, log: true}
	}
	return scale{min: 1 / round(1/(low*0.95)), max: round(high * 1.05), log: true}
}

func (l *lines) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	for _, line := range l.all {
		var path []vg.Point
		for _, s := range line.spots {
			path = append(path, vg.Point{X: x(s.ms), Y: y(line.y)})
		}
		c.StrokeLines(draw.LineStyle{Color: Faint, Width: 1.25}, path)
		for i, s := range line.spots {
			s.shape.draw(&c, path[i], s.color, line.hollow)
		}
	}
}

// shape is the outline of a mark around its middle, in points.
type shape []vg.Point

var (
	circle   = polygon(16, 4.2, 0)
	square   = polygon(4, 5.2, math.Pi/4)
	triangle = polygon(3, 5.6, math.Pi/2)
	diamond  = polygon(4, 5.4, 0)
	wedge    = polygon(3, 5.6, -math.Pi/2)
)

func polygon(corners int, radius, turn float64) shape {
	s := make(shape, corners)
	for i := range s {
		angle := turn + 2*math.Pi*float64(i)/float64(corners)
		s[i] = vg.Point{X: vg.Length(radius * math.Cos(angle)), Y: vg.Length(radius * math.Sin(angle))}
	}
	return s
}

// draw fills the mark, or leaves it hollow with a line of its colour.
func (s shape) draw(c *draw.Canvas, at vg.Point, ink color.Color, hollow bool) {
	outline := make([]vg.Point, len(s))
	for i, p := range s {
		outline[i] = p.Add(at)
	}
	fill, edge := ink, color.Color(Paper)
	if hollow {
		fill, edge = Paper, ink
	}
	c.FillPolygon(fill, outline)
	c.StrokeLines(draw.LineStyle{Color: edge, Width: 1}, append(outline, outline[0], outline[1]))
}
