package plots

import (
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/benchctl/benchctl/report"
	"github.com/benchctl/benchctl/results/judge"
)

// course shows the requests of each candidate over time, correct replies upwards and losses
// downwards, with the events.
func course(t *report.Table) *chart {
	cells, note := drawn(t, func(c *judge.Cell) bool { return c.Watched != nil && c.Watched.Worst != nil })
	c := &chart{
		kind: "timeline", title: "Timeline", subtitle: t.Title(), rowHeight: 44,
		note: joinNotes("Of each candidate the repetition in which the most was lost. Each row has a scale of its own, one for replies and losses.", note),
		unit: "time since the load began (s)",
		alt:  "Requests of each candidate over time: right replies, lost requests, and when the events took place",
		legend: []key{
			{"right replies", swatch(Sky)}, {"lost", swatch(vermilion)}, {"event", func(c *draw.Canvas, at vg.Point) {
				c.StrokeLine2(eventLine, at.X, at.Y-5, at.X, at.Y+5)
			}},
		},
	}
	c.list(t, cells)
	all := &courses{height: 36}
	for i, cell := range cells {
		all.rows = append(all.rows, newStrip(c.y(i), cell.Watched.Worst))
	}
	c.data, c.x = all, all.scale()
	return c
}

func joinNotes(a, b string) string {
	if b == "" {
		return a
	}
	return a + " " + b
}

// eventLine marks an event.
var eventLine = draw.LineStyle{Color: Ink, Width: 1, Dashes: []vg.Length{3, 2}}

// courses draws a strip for each candidate.
type courses struct {
	rows   []strip
	height vg.Length
}

// strip is the course of one candidate. Times are in s.
type strip struct {
	y          float64
	bin        float64
	good, lost []float64 // requests in each bin
	events     []float64
}

// wide bins: a strip of a page has about 300 places.
const places = 300

// newStrip is the strip of a course, in as many bins as have room.
func newStrip(y float64, c *judge.Course) strip {
	each := max(1, (max(len(c.Good), len(c.Bad))+places-1)/places)
	s := strip{y: y, bin: float64(each) * c.BinMS / 1e3, good: together(c.Good, each), lost: together(c.Bad, each)}
	for _, e := range c.Events {
		s.events = append(s.events, e.AtMS/1e3)
	}
	return s
}

// together adds up so many bins each.
func together(counts []uint32, each int) []float64 {
	all := make([]float64, (len(counts)+each-1)/each)
	for i, n := range counts {
		all[i/each] += float64(n)
	}
	return all
}

// scale reaches to the end of the longest course.
func (c *courses) scale() scale {
	s := scale{max: 1}
	for _, row := range c.rows {
		s.max = max(s.max, row.bin*float64(max(len(row.good), len(row.lost))))
	}
	return s
}

// bars calls draw for each bin that has something, with its edges.
func (s strip) bars(counts []float64, x func(float64) vg.Length, draw func(left, right vg.Length, n float64)) {
	for i, n := range counts {
		if n > 0 {
			left := x(float64(i) * s.bin)
			draw(left, max(x(float64(i+1)*s.bin), left+0.75), n)
		}
	}
}

func (c *courses) Plot(canvas draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&canvas)
	for _, row := range c.rows {
		base := y(row.y) - c.height/6
		up, down := c.height*2/3, c.height/3
		most := slices.Max(slices.Concat([]float64{1}, row.good, row.lost)) // one scale for both
		row.bars(row.good, x, func(left, right vg.Length, n float64) {
			canvas.FillPolygon(Sky, box(left, right, base, base+up*vg.Length(n/most)))
		})
		row.bars(row.lost, x, func(left, right vg.Length, n float64) { // a single one can be seen
			canvas.FillPolygon(vermilion, box(left, right, base-min(down, max(2, up*vg.Length(n/most))), base))
		})
		for _, at := range row.events {
			canvas.StrokeLine2(eventLine, x(at), base-down, x(at), base+up)
		}
	}
}
