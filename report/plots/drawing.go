package plots

import (
	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// drawing is a chart in a layout, its texts broken into lines.
type drawing struct {
	*chart
	layout
	keys  [][]key // a line of the legend each
	units []string
	notes []string
}

// Texts of a drawing.
var (
	keyStyle  = style(11, Ink, xfont.WeightNormal)
	unitStyle = style(11, Faint, xfont.WeightNormal)
	noteStyle = style(10, Faint, xfont.WeightNormal)
)

func (c *chart) lay(l layout) drawing {
	return drawing{
		chart: c, layout: l, keys: legendLines(c.legend, l.room()),
		units: wrap(c.unit, unitStyle, l.room()), notes: wrap(c.note, noteStyle, l.room()),
	}
}

// legendLines breaks a legend into lines of that width.
func legendLines(legend []key, room vg.Length) [][]key {
	var all [][]key
	x := room + 1
	for _, k := range legend {
		w := k.width()
		if x+w > room {
			all, x = append(all, nil), 0
		}
		last := len(all) - 1
		all[last] = append(all[last], k)
		x += w + keyGap
	}
	return all
}

// keyMark is the room for a mark of the legend.
const keyMark = vg.Length(16)

func (k key) width() vg.Length { return keyMark + keyStyle.Width(k.label) }

func (d drawing) height() vg.Length {
	h := 2*margin + titles + vg.Length(len(d.names))*d.pitch() + ticks + label + vg.Length(len(d.units))*leading
	if len(d.keys) > 0 {
		h += vg.Length(len(d.keys))*keys + gap
	}
	if len(d.notes) > 0 {
		h += vg.Length(len(d.notes))*leading + gap
	}
	return h
}

// pitch is from one row to the next.
func (d drawing) pitch() vg.Length { return d.rowHeight + d.above }

// draw lays out, from top to bottom: titles, legend, plot, label, note.
func (d drawing) draw(page draw.Canvas) {
	page.SetColor(Paper)
	page.Fill(page.Rectangle.Path())
	area := draw.Crop(page, margin, -margin, margin, -margin)

	area.FillText(style(15, Ink, xfont.WeightBold), vg.Point{X: area.Min.X, Y: area.Max.Y - 13}, d.title)
	sub := style(11.5, Faint, xfont.WeightNormal)
	area.FillText(sub, vg.Point{X: area.Min.X, Y: area.Max.Y - 30}, shorten(d.subtitle, sub, d.room()))
	area.Max.Y -= titles

	if len(d.keys) > 0 {
		d.drawLegend(area)
		area.Max.Y -= vg.Length(len(d.keys))*keys + gap
	}
	if len(d.notes) > 0 {
		area.Min.Y = d.text(area, noteStyle, area.Min.X, d.notes) + gap
	}
	p := d.plot()
	body := draw.Crop(area, 0, 0, label+vg.Length(len(d.units))*leading, 0)
	p.Draw(body)
	about, data := unitStyle, p.DataCanvas(body)
	about.XAlign = draw.XCenter
	var half vg.Length
	for _, s := range d.units {
		half = max(half, about.Width(s)/2)
	}
	d.text(area, about, max(area.Min.X+half, min(data.Center().X, area.Max.X-half)), d.units)
}

// text writes lines at the bottom of the area, and returns where they begin.
func (d drawing) text(area draw.Canvas, sty text.Style, x vg.Length, lines []string) (top vg.Length) {
	top = area.Min.Y + vg.Length(len(lines))*leading
	for i, s := range lines {
		area.FillText(sty, vg.Point{X: x, Y: top - vg.Length(i+1)*leading + 3}, s)
	}
	return top
}

func (d drawing) drawLegend(area draw.Canvas) {
	for i, entries := range d.keys {
		x, y := area.Min.X, area.Max.Y-6-vg.Length(i)*keys
		for _, k := range entries {
			k.draw(&area, vg.Point{X: x + 6, Y: y})
			area.FillText(keyStyle, vg.Point{X: x + keyMark, Y: y - 3.8}, k.label)
			x += k.width() + keyGap
		}
	}
}

// plot sets up the axes: candidates on y, the figure on x.
func (d drawing) plot() *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil
	d.measure(p)
	p.Add(&plotter.Grid{Vertical: draw.LineStyle{Color: Grid, Width: 0.75}})
	d.nameRows(p)
	p.Add(d.data)
	p.X.Min, p.X.Max = d.x.min, d.x.max
	half := float64(d.rowHeight / d.pitch() / 2)
	p.Y.Min, p.Y.Max = -half, float64(len(d.names))-half
	return p
}

// nameRows writes the candidates' names beside their rows, or above them.
func (d drawing) nameRows(p *plot.Plot) {
	sty := style(11, Ink, xfont.WeightNormal)
	p.Y.Tick.Length, p.Y.Padding = 0, 0
	p.Y.LineStyle = draw.LineStyle{Color: Faint, Width: 0.75}
	p.Y.Tick.Marker = plot.ConstantTicks{}
	if d.above > 0 {
		p.Add(headings{d.labels(sty, d.room()-8), d.y, d.rowHeight/2 - 2, sty})
		return
	}
	p.Y.Tick.Label = sty
	p.Y.Tick.Label.XAlign, p.Y.Tick.Label.YAlign = draw.XRight, draw.YCenter
	var marks plot.ConstantTicks
	for i, name := range d.labels(sty, nameRoom) {
		marks = append(marks, plot.Tick{Value: d.y(i), Label: name})
	}
	p.Y.Tick.Marker = marks
}

// labels are the candidates' names with their classes, each as wide as there is room.
func (d drawing) labels(sty text.Style, room vg.Length) []string {
	class := func(i int) string {
		if len(d.classes) == 0 {
			return ""
		}
		return " · " + d.classes[i]
	}
	all := shortenAll(d.names, sty, func(i int) vg.Length { return room - sty.Width(class(i)) })
	for i := range all {
		all[i] += class(i)
	}
	return all
}

func (d drawing) measure(p *plot.Plot) {
	p.X.Tick.Label = style(10, Faint, xfont.WeightNormal)
	p.X.Tick.Label.XAlign, p.X.Tick.Label.YAlign = draw.XCenter, draw.YTop
	p.X.Tick.LineStyle = draw.LineStyle{Color: Faint, Width: 0.75}
	p.X.Tick.Length = 4
	p.X.LineStyle = draw.LineStyle{Color: Faint, Width: 0.75}
	p.X.Padding = 0
	p.X.Tick.Marker = linearTicks{about: d.linear}
	if d.x.log {
		p.X.Tick.Marker, p.X.Scale = logTicks{most: d.log}, plot.LogScale{}
	}
}
