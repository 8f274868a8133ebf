package plots

import (
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/benchctl/benchctl/report"
	"github.com/benchctl/benchctl/results/judge"
)

// course shows the requests of each candidate over time, right replies upwards and losses
// downwards, with the events.
func course(t *report.Table) *chart {
	cells, note := drawn(t, func(c *judge.Cell) bool { return c.Watched != nil && c.Watched.Worst != nil })
	c := &chart{
		kind: "timeline", title: "Timeline", subtitle: t.Title(), rowHeight: 44,
		note: joinNotes("Of each candidate the repetition in which the most was lost. Each row has a scale of its own.", note),
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
	n := 0
	for _, counts := range c.Bins {
		n = max(n, len(counts))
	}
	each := max(1, (n+places-1)/places)
	s := strip{y: y, bin: float64(each) * c.BinMS / 1e3}
	s.good, s.lost = make([]float64, (n+each-1)/each), make([]float64, (n+each-1)/each)
	for outcome, counts := range c.Bins {
		into := s.lost
		switch outcome {
		case report.Completed:
			into = s.good
		case report.Unfinished:
			continue
		}
		for i, count := range counts {
			into[i/each] += float64(count)
		}
	}
	for _, e := range c.Events {
		s.events = append(s.events, e.AtMS/1e3)
	}
	return s
}

// scale reaches to the end of the longest course.
func (c *courses) scale() scale {
	s := scale{max: 1}
	for _, row := range c.rows {
		s.max = max(s.max, row.bin*float64(len(row.good)))
	}
	return s
}

func (c *courses) Plot(canvas draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&canvas)
	for _, row := range c.rows {
		base := y(row.y) - c.height/6
		up, down := c.height*2/3, c.height/3
		bars := func(counts []float64, height vg.Length, fill func([]vg.Point)) {
			most := max(1, slices.Max(append([]float64{0}, counts...)))
			for i, n := range counts {
				if n == 0 {
					continue
				}
				left, right := x(float64(i)*row.bin), x(float64(i+1)*row.bin)
				fill(box(left, max(right, left+0.75), base, base+height*vg.Length(n/most)))
			}
		}
		bars(row.good, up, func(b []vg.Point) { canvas.FillPolygon(Sky, b) })
		bars(row.lost, -down, func(b []vg.Point) { canvas.FillPolygon(vermilion, b) })
		for _, at := range row.events {
			canvas.StrokeLine2(eventLine, x(at), base-down, x(at), base+up)
		}
	}
}
