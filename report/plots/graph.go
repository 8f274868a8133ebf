package plots

import (
	"bytes"
	"cmp"
	"image/color"
	"math"
	"slices"
	"strings"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// graph is a plot of curves or of points with two axes of figures. Each curve has its candidate's name at its end, as a
// legend of many colours can't be read by all.
type graph struct {
	kind, title, subtitle, note, alt string
	xUnit, yUnit                     string
	x, y                             scale
	xTicks                           plot.Ticker // nil: by the scale
	curves                           []curve
	apart                            bool // points are not joined
}

// curve is the points of a candidate, with the ends of their intervals.
type curve struct {
	name   string
	points []at
}

type at struct {
	x, y, low, high float64
	hollow          bool
}

// named is how many curves have a colour and a name; the others are thin and grey.
const named = 8

// Sizes of graphs, in points.
const (
	tall     = vg.Length(230) // the plot itself
	nameEnd  = vg.Length(112) // room for names, at most
	nameStep = vg.Length(11)
	sideRoom = vg.Length(50) // of the figures beside the plot, at most
)

// inks are the colours of curves, Okabe and Ito's that stand out on light and on dark paper, and their marks.
var inks = []struct {
	color color.Color
	shape shape
}{
	{Blue, circle}, {vermilion, square}, {green, triangle}, {Orange, diamond}, {Sky, wedge},
	{Blue, square}, {vermilion, triangle}, {green, diamond},
}

func (g *graph) svg(l layout) ([]byte, error) {
	canvas := vgsvg.NewWith(vgsvg.UseWH(l.width, g.height(l)))
	g.draw(draw.New(canvas), l)
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return nil, err
	}
	return portable(b.Bytes()), nil
}

func (g *graph) png(l layout) ([]byte, error) {
	canvas := vgimg.NewWith(vgimg.UseWH(l.width, g.height(l)), vgimg.UseDPI(dpi))
	g.draw(draw.New(canvas), l)
	return encode(canvas)
}

func (g *graph) height(l layout) vg.Length {
	lines := len(wrap(g.xUnit, unitStyle, l.room())) + len(wrap(g.yUnit, unitStyle, l.room())) + len(g.notes(l))
	return 2*margin + titles + tall + ticks + label + gap + vg.Length(lines)*leading
}

// notes are the lines below the plot.
func (g *graph) notes(l layout) []string {
	note := g.note
	if more := len(g.curves) - named; more > 0 {
		note = joinNotes(note, rows(more, "more candidate")+" in grey.")
	}
	return wrap(note, noteStyle, l.room())
}

// draw lays out, from top to bottom: titles, what is upwards, the plot, what is to the right, the note.
func (g *graph) draw(page draw.Canvas, l layout) {
	page.SetColor(Paper)
	page.Fill(page.Rectangle.Path())
	area := draw.Crop(page, margin, -margin, margin, -margin)
	area.FillText(style(15, Ink, xfont.WeightBold), vg.Point{X: area.Min.X, Y: area.Max.Y - 13}, g.title)
	sub := style(11.5, Faint, xfont.WeightNormal)
	area.FillText(sub, vg.Point{X: area.Min.X, Y: area.Max.Y - 30}, shorten(g.subtitle, sub, l.room()))
	area.Max.Y -= titles
	for _, line := range wrap(g.yUnit, unitStyle, l.room()) {
		area.FillText(unitStyle, vg.Point{X: area.Min.X, Y: area.Max.Y - 8}, line)
		area.Max.Y -= leading
	}
	from := func(lines []string, right bool) {
		for i, line := range lines {
			sty, x := noteStyle, area.Min.X
			if right {
				sty, x = unitStyle, area.Min.X+(l.room()-unitStyle.Width(line))/2
			}
			area.FillText(sty, vg.Point{X: x, Y: area.Min.Y + vg.Length(len(lines)-1-i)*leading + 3}, line)
		}
		area.Min.Y += vg.Length(len(lines)) * leading
	}
	from(g.notes(l), false)
	from(wrap(g.xUnit, unitStyle, l.room()), true)
	area.Min.Y += gap
	g.plot(l).Draw(draw.Crop(area, 0, -g.nameRoom(l), 0, 0))
}

// nameRoom is the width that names take at the right.
func (g *graph) nameRoom(l layout) vg.Length {
	most := min(nameEnd, l.room()*2/5)
	var room vg.Length
	for _, c := range g.curves[:min(named, len(g.curves))] {
		room = max(room, min(most, noteStyle.Width(c.name)))
	}
	return room + 10
}

// shortNames are the names of the curves that have one.
func (g *graph) shortNames(l layout) []string {
	var names []string
	for _, c := range g.curves[:min(named, len(g.curves))] {
		names = append(names, c.name)
	}
	return shortenAll(names, noteStyle, func(int) vg.Length { return g.nameRoom(l) - 8 })
}

func (g *graph) plot(l layout) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Tick.Label = style(10, Faint, xfont.WeightNormal)
		axis.Tick.LineStyle = draw.LineStyle{Color: Faint, Width: 0.75}
		axis.Tick.Length = 4
		axis.LineStyle = draw.LineStyle{Color: Faint, Width: 0.75}
		axis.Padding = 0
	}
	p.X.Tick.Label.XAlign, p.X.Tick.Label.YAlign = draw.XCenter, draw.YTop
	p.Y.Tick.Label.XAlign, p.Y.Tick.Label.YAlign = draw.XRight, draw.YCenter
	p.X.Tick.Marker, p.Y.Tick.Marker = linearTicks{about: l.linear}, linearTicks{about: 5}
	if g.x.log {
		p.X.Tick.Marker, p.X.Scale = logTicks{most: l.log}, plot.LogScale{}
	}
	if g.xTicks != nil {
		p.X.Tick.Marker = g.xTicks
	}
	if g.x.log {
		p.X.Tick.Marker = roomyTicks{p.X.Tick.Marker, l.room() - g.nameRoom(l) - sideRoom}
	}
	if g.y.log {
		p.Y.Tick.Marker, p.Y.Scale = logTicks{most: 8}, plot.LogScale{}
	}
	p.Add(&plotter.Grid{Vertical: draw.LineStyle{Color: Grid, Width: 0.75}, Horizontal: draw.LineStyle{Color: Grid, Width: 0.75}})
	p.Add(g.marks(l))
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = g.x.min, g.x.max, g.y.min, g.y.max
	return p
}

// marks draws the curves, those without a name first.
func (g *graph) marks(l layout) plot.Plotter {
	return plotterFunc(func(c draw.Canvas, p *plot.Plot) {
		x, y := p.Transforms(&c)
		for i := len(g.curves) - 1; i >= 0; i-- {
			ink, width := color.Color(Grid), vg.Length(1)
			if i < named {
				ink, width = inks[i].color, 1.75
			}
			var path []vg.Point
			for _, at := range g.curves[i].points {
				path = append(path, vg.Point{X: x(at.x), Y: y(at.y)})
			}
			if !g.apart {
				c.StrokeLines(draw.LineStyle{Color: ink, Width: width}, path)
			}
			if i < named {
				g.whiskers(&c, y, g.curves[i], path, ink)
				inks[i].shape.drawAll(&c, g.curves[i], path, ink, g.apart)
			} else if g.apart {
				circle.drawAll(&c, g.curves[i], path, Faint, true)
			}
		}
		g.names(c, x, y, l)
	})
}

// whiskers draws the intervals of a curve that reach beyond its marks.
func (g *graph) whiskers(c *draw.Canvas, y func(float64) vg.Length, of curve, path []vg.Point, ink color.Color) {
	var all vg.Path
	for n, at := range of.points {
		if at.high <= at.low {
			continue
		}
		low, high := y(max(at.low, g.y.min)), y(min(at.high, g.y.max))
		if max(high-path[n].Y, path[n].Y-low) > markRadius {
			all.Move(vg.Point{X: path[n].X, Y: low})
			all.Line(vg.Point{X: path[n].X, Y: high})
		}
	}
	if len(all) > 0 {
		c.SetLineStyle(draw.LineStyle{Color: ink, Width: 1})
		c.Stroke(all)
	}
}

// markRadius is how far from its middle a mark hides what is behind it.
const markRadius = vg.Length(4)

// drawAll draws the marks of a curve. All hollow ones are one element of an SVG, and so are the others: a run of sixty
// candidates has thousands of marks. Edges tell marks of several curves apart that lie over each other.
func (s shape) drawAll(c *draw.Canvas, of curve, path []vg.Point, ink color.Color, edged bool) {
	for _, hollow := range []bool{false, true} {
		var all vg.Path
		for n, at := range of.points {
			if at.hollow != hollow {
				continue
			}
			all.Move(path[n].Add(s[0]))
			for _, corner := range s[1:] {
				all.Line(path[n].Add(corner))
			}
			all.Close()
		}
		if len(all) == 0 {
			continue
		}
		fill, edge := ink, color.Color(Paper)
		if hollow {
			fill, edge = Paper, ink
		}
		c.SetColor(fill)
		c.Fill(all)
		if hollow || edged {
			c.SetLineStyle(draw.LineStyle{Color: edge, Width: 1})
			c.Stroke(all)
		}
	}
}

// names writes the name of each curve beside its last point, none over another.
func (g *graph) names(c draw.Canvas, x, y func(float64) vg.Length, l layout) {
	type name struct {
		text string
		to   vg.Point
		y    vg.Length
		ink  color.Color
	}
	var all []name
	short := g.shortNames(l)
	for i, curve := range g.curves[:len(short)] {
		last := curve.points[len(curve.points)-1]
		all = append(all, name{short[i], vg.Point{X: x(last.x), Y: y(last.y)}, y(last.y), inks[i].color})
	}
	slices.SortStableFunc(all, func(a, b name) int { return cmp.Compare(a.y, b.y) })
	for i := range all { // upwards from below, then back where that is too high
		if i > 0 {
			all[i].y = max(all[i].y, all[i-1].y+nameStep)
		}
	}
	for i := len(all) - 1; i >= 0; i-- {
		limit := c.Max.Y
		if i < len(all)-1 {
			limit = all[i+1].y - nameStep
		}
		all[i].y = min(all[i].y, limit)
	}
	left := c.Max.X + 8
	for _, n := range all {
		c.StrokeLine2(draw.LineStyle{Color: n.ink, Width: 0.5, Dashes: []vg.Length{2, 2}}, n.to.X+5, n.to.Y, left-2, n.y)
		c.FillText(noteStyle, vg.Point{X: left, Y: n.y - 3.5}, n.text)
	}
}

// plotterFunc is a plot.Plotter of a function.
type plotterFunc func(c draw.Canvas, p *plot.Plot)

// Plot implements plot.Plotter.
func (f plotterFunc) Plot(c draw.Canvas, p *plot.Plot) { f(c, p) }

// wideRange is how many times the least figure of a graph the largest may be, for both to be seen on a linear axis.
const wideRange = 20

// isWide reports whether what is told of the points differs too much for a linear axis.
func (g *graph) isWide(of func(at) float64) bool {
	low, high := math.Inf(1), 0.0
	for _, c := range g.curves {
		for _, at := range c.points {
			low, high = min(low, of(at)), max(high, of(at))
		}
	}
	return low > 0 && high > wideRange*low
}

// unit is what is told along an axis, with how it is scaled.
func unit(of, in string, log bool) string {
	if log {
		in = strings.TrimPrefix(in+", logarithmic", ", ")
	}
	if in == "" {
		return of
	}
	return of + " (" + in + ")"
}

// fit sets the scales to hold all points; lengths are compared, so that linear ones begin at 0.
func (g *graph) fit(logX, logY bool) {
	g.x, g.y = scale{log: logX}, scale{log: logY}
	lowX, lowY := math.Inf(1), math.Inf(1)
	for _, c := range g.curves {
		for _, at := range c.points {
			g.x.max, g.y.max = max(g.x.max, at.x), max(g.y.max, at.y, at.high)
			lowX, lowY = min(lowX, at.x), min(lowY, at.y)
		}
	}
	if logX {
		g.x.min, g.x.max = lowX/1.15, g.x.max*1.15
	} else {
		g.x.max *= 1.05
	}
	if logY {
		g.y.min, g.y.max = 1/round(1/(lowY*0.95)), round(g.y.max*1.05)
	} else {
		g.y.max *= 1.05
	}
	if g.x.max <= g.x.min {
		g.x.max = g.x.min + 1
	}
	if g.y.max <= g.y.min {
		g.y.max = g.y.min + 1
	}
}
