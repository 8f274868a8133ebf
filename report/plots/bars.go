package plots

import (
	"fmt"
	"image/color"
	"slices"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/benchctl/benchctl/report"
	"github.com/benchctl/benchctl/results/judge"
)

// fills are the colours of the metrics' bars, in turn.
var fills = []color.Color{Sky, green, Orange, vermilion}

// metrics compare the candidates by each metric.
func metrics(t *report.Table) []*chart {
	var all []*chart
	for i, m := range judge.Metrics() {
		m = m.For(t.Objective())
		c := estimates(t, fills[i%len(fills)], m)
		better := "more is better"
		if m.LessIsBetter {
			better = "less is better"
		}
		c.kind, c.title = report.Slug(m.Head), report.Sentence(m.Head)
		c.unit = fmt.Sprintf("%s (%s), %s", m.Of, m.Unit, better)
		c.alt = fmt.Sprintf("%s of each candidate in %s with its 95 %% confidence interval", report.Sentence(m.Head), m.Unit)
		all = append(all, c)
	}
	return all
}

// estimates is a chart of a bar per candidate with a whisker for the interval.
func estimates(t *report.Table, fill color.Color, m judge.Metric) *chart {
	get := func(c *judge.Cell) *judge.Estimate { return c.Figures[m.Name] }
	cells, note := drawn(t, func(c *judge.Cell) bool { return get(c) != nil && get(c).Value >= 0 })
	c := &chart{subtitle: t.Title(), rowHeight: 26}
	c.note = "Bar: estimate; whisker: 95 % confidence interval."
	if note != "" {
		c.note += " " + note
	}
	b := &bars{thickness: 14, text: style(10, Ink, xfont.WeightNormal)}
	c.list(t, cells)
	for i, cell := range cells {
		e := *get(cell)
		label := report.Value{Text: report.Number(e.Value, 4), Spread: report.SpreadOf(m, e)}
		low, high, ok := report.Interval(e)
		if !ok {
			low, high = e.Value, e.Value
		}
		b.all = append(b.all, bar{
			y: c.y(i), value: e.Value, low: low, high: high, label: label.String(),
			fill: fill, hollow: cell.Verdict == judge.Degraded,
		})
	}
	c.data, c.x = b, b.scale()
	return c
}

// memory compares resident memory before, under and after the load.
func memory(t *report.Table) *chart {
	cells, note := drawn(t, func(c *judge.Cell) bool {
		m := c.Memory
		return m != nil && (m.Idle != nil || m.Peak != nil || m.After != nil)
	})
	c := &chart{
		kind: "memory", title: "Memory", subtitle: t.Title(), note: note, rowHeight: 46,
		unit: "resident memory of the process tree (MiB), less is better",
		alt:  "Resident memory of each server in MiB: idle, at its peak, and after the load",
		legend: []key{
			{"idle, before any load", swatch(Sky)}, {"peak", swatch(Blue)}, {"after, connections closed", swatch(Orange)},
		},
	}
	c.list(t, cells)
	b := &bars{thickness: 10, text: style(9, Ink, xfont.WeightNormal)}
	for i, cell := range cells {
		m := cell.Memory
		for j, v := range []*float64{m.Idle, m.Peak, m.After} {
			if v == nil || *v < 0 {
				continue
			}
			b.all = append(b.all, bar{
				y: c.y(i), offset: vg.Length(1-j) * 12, value: *v, low: *v, high: *v, label: report.Number(*v, 3),
				fill: []color.Color{Sky, Blue, Orange}[j], hollow: cell.Verdict == judge.Degraded,
			})
		}
	}
	c.data, c.x = b, b.scale()
	return c
}

// headroom shows how far the load generator was from being the limit.
func headroom(t *report.Table) *chart {
	cells, note := drawn(t, func(c *judge.Cell) bool {
		return c.Loader != nil && c.Loader.Headroom != nil && *c.Loader.Headroom >= 0
	})
	c := &chart{
		kind: "headroom", title: "Headroom of the load generator", subtitle: t.Title(), note: note, rowHeight: 26,
		unit: "requests per second that the load generator could have driven / throughput, more is better",
		alt:  "How many times the throughput of each server the load generator could have driven",
	}
	c.list(t, cells)
	b := &bars{thickness: 14, text: style(10, Ink, xfont.WeightNormal)}
	for i, cell := range cells {
		v := *cell.Loader.Headroom
		b.all = append(b.all, bar{
			y: c.y(i), value: v, low: v, high: v, label: report.Number(v, 3) + "x", fill: Sky, hollow: cell.Verdict == judge.Degraded,
		})
	}
	c.data, c.x = b, b.scale()
	return c
}

// swatch is a bar's colour in the legend.
func swatch(fill color.Color) func(*draw.Canvas, vg.Point) {
	return func(c *draw.Canvas, at vg.Point) {
		c.FillPolygon(fill, box(at.X-5, at.X+5, at.Y-4, at.Y+4))
	}
}

// bars draws horizontal bars from 0, each with its value behind its end.
type bars struct {
	all       []bar
	thickness vg.Length
	text      text.Style // of the values
}

type bar struct {
	y                float64   // row, in data units
	offset           vg.Length // of its middle from the row's middle, upwards
	value, low, high float64
	label            string
	fill             color.Color
	hollow           bool
}

// scale starts at 0, because readers compare lengths.
func (b *bars) scale() scale {
	s := scale{max: 0}
	for _, bar := range b.all {
		s.max = max(s.max, bar.high)
	}
	if s.max < 1e-9 { // no round numbers to mark
		s.max = 1
	}
	return s
}

func (b *bars) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	for _, bar := range b.all {
		mid := y(bar.y) + bar.offset
		outline := box(x(0), x(bar.value), mid-b.thickness/2, mid+b.thickness/2)
		if bar.hollow {
			closed := slices.Concat(outline, outline[:1])
			c.StrokeLines(draw.LineStyle{Color: bar.fill, Width: 1.5, Dashes: []vg.Length{4, 2}}, closed)
		} else {
			c.FillPolygon(bar.fill, outline)
		}
		if bar.high > bar.low {
			whisker(c, x(bar.low), x(bar.high), x(0), mid, b.thickness/3)
		}
		b.write(c, bar.label, x(bar.high)+6, mid)
	}
}

// write puts a value on a blank background, not on the lines of the grid.
func (b *bars) write(c draw.Canvas, value string, left, mid vg.Length) {
	half := b.text.Font.Size * 0.55
	c.FillPolygon(Paper, box(left-2, left+b.text.Width(value)+2, mid-half, mid+half))
	c.FillText(b.text, vg.Point{X: left, Y: mid - b.text.Font.Size*0.35}, value)
}

// GlyphBoxes reserves room for the values behind the bars.
func (b *bars) GlyphBoxes(p *plot.Plot) []plot.GlyphBox {
	boxes := make([]plot.GlyphBox, len(b.all))
	for i, bar := range b.all {
		boxes[i] = plot.GlyphBox{
			X: p.X.Norm(bar.high), Y: p.Y.Norm(bar.y),
			Rectangle: vg.Rectangle{Max: vg.Point{X: 6 + b.text.Width(bar.label)}},
		}
	}
	return boxes
}

// whisker is an interval with caps. One that reaches below 0 ends at 0 without a cap,
// because the names are on the other side.
func whisker(c draw.Canvas, low, high, zero, y, cap vg.Length) {
	sty := draw.LineStyle{Color: Ink, Width: 1.25}
	c.StrokeLine2(sty, max(low, zero), y, high, y)
	if low >= zero {
		c.StrokeLine2(sty, low, y-cap, low, y+cap)
	}
	c.StrokeLine2(sty, high, y-cap, high, y+cap)
}

func box(left, right, bottom, top vg.Length) []vg.Point {
	return []vg.Point{{X: left, Y: bottom}, {X: right, Y: bottom}, {X: right, Y: top}, {X: left, Y: top}}
}
