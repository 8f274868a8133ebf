package plots

import (
	"bytes"
	"image/color"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/benchctl/benchctl/report"
	"github.com/benchctl/benchctl/results"
)

// Measures in points; at 96 dpi, 600 pt are 800 pixels.
const (
	width    = vg.Length(600)
	margin   = vg.Length(14)
	titles   = vg.Length(48) // title and subtitle
	keys     = vg.Length(22) // the legend's line
	ticks    = vg.Length(20) // of the x axis
	label    = vg.Length(24) // of the x axis
	caption  = vg.Length(22) // the note below it
	nameRoom = vg.Length(200)
	dpi      = 144
)

// Colours of all that is not data. Renderers that restyle the SVG look for them.
var (
	Ink   = color.NRGBA{0x1f, 0x29, 0x33, 0xff} // text, intervals
	Faint = color.NRGBA{0x5b, 0x66, 0x73, 0xff} // secondary text, axes
	Grid  = color.NRGBA{0xdf, 0xe3, 0xe8, 0xff}
	Paper = color.NRGBA{0xff, 0xff, 0xff, 0xff}
)

// Colours of the data: Okabe and Ito's palette.
var (
	Blue      = color.NRGBA{0x00, 0x72, 0xb2, 0xff}
	Sky       = color.NRGBA{0x56, 0xb4, 0xe9, 0xff}
	green     = color.NRGBA{0x00, 0x9e, 0x73, 0xff}
	Orange    = color.NRGBA{0xe6, 0x9f, 0x00, 0xff}
	vermilion = color.NRGBA{0xd5, 0x5e, 0x00, 0xff}
)

// chart is a plot whose y axis lists candidates.
type chart struct {
	kind      string // "throughput": part of the file name
	title     string
	subtitle  string
	note      string // what is hollow, what was left out
	alt       string
	unit      string   // label of the x axis: what, unit, direction
	names     []string // candidates, best first
	classes   []string // theirs; none where all are of one
	rowHeight vg.Length
	legend    []key
	x         scale
	data      plot.Plotter
}

// scale is the extent of the x axis and its kind.
type scale struct {
	min, max float64
	log      bool
}

// key explains a mark in the legend.
type key struct {
	label string
	draw  func(c *draw.Canvas, at vg.Point)
}

// list puts the cells of a table on the y axis, with their classes where they differ.
func (c *chart) list(t *report.Table, cells []*results.Cell) {
	for _, cell := range cells {
		c.names = append(c.names, cell.Candidate)
		if t.Mixed {
			c.classes = append(c.classes, cell.Class)
		}
	}
}

// y is where the row of that index is drawn: the first on top.
func (c *chart) y(row int) float64 { return float64(len(c.names) - 1 - row) }

func (c *chart) height() vg.Length {
	h := 2*margin + titles + vg.Length(len(c.names))*c.rowHeight + ticks + label
	if len(c.legend) > 0 {
		h += keys
	}
	if c.note != "" {
		h += caption
	}
	return h
}

// svg draws the chart as a document.
func (c *chart) svg() ([]byte, error) {
	canvas := vgsvg.NewWith(vgsvg.UseWH(width, c.height()))
	c.draw(draw.New(canvas))
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return nil, err
	}
	return portable(b.Bytes()), nil
}

// png draws the chart as an image.
func (c *chart) png() ([]byte, error) {
	canvas := vgimg.NewWith(vgimg.UseWH(width, c.height()), vgimg.UseDPI(dpi))
	c.draw(draw.New(canvas))
	var b bytes.Buffer
	if _, err := (vgimg.PngCanvas{Canvas: canvas}).WriteTo(&b); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// portable names families that stand in where Liberation Sans, whose measures
// Arial and Helvetica share, is not installed.
func portable(svg []byte) []byte {
	svg = bytes.ReplaceAll(svg, []byte("font-family:Liberation Sans;"), []byte("font-family:'Liberation Sans',Arial,Helvetica,sans-serif;"))
	return bytes.ReplaceAll(svg, []byte("font-variant:none;"), nil)
}

// draw lays out, from top to bottom: titles, legend, plot, note.
func (c *chart) draw(page draw.Canvas) {
	page.SetColor(Paper)
	page.Fill(page.Rectangle.Path())
	area := draw.Crop(page, margin, -margin, margin, -margin)

	area.FillText(style(15, Ink, xfont.WeightBold), vg.Point{X: area.Min.X, Y: area.Max.Y - 13}, c.title)
	sub := style(11.5, Faint, xfont.WeightNormal)
	area.FillText(sub, vg.Point{X: area.Min.X, Y: area.Max.Y - 30}, shorten(c.subtitle, sub, width-2*margin))
	area.Max.Y -= titles

	if len(c.legend) > 0 {
		c.drawLegend(area)
		area.Max.Y -= keys
	}
	if c.note != "" {
		area.FillText(style(10, Faint, xfont.WeightNormal), vg.Point{X: area.Min.X, Y: area.Min.Y}, c.note)
		area.Min.Y += caption
	}
	p := c.plot()
	body := draw.Crop(area, 0, 0, label, 0)
	p.Draw(body)
	data := p.DataCanvas(body)
	about := style(11, Faint, xfont.WeightNormal)
	about.XAlign = draw.XCenter
	area.FillText(about, vg.Point{X: data.Center().X, Y: area.Min.Y + 4}, c.unit)
}

func (c *chart) drawLegend(area draw.Canvas) {
	sty := style(11, Ink, xfont.WeightNormal)
	x, y := area.Min.X+6, area.Max.Y-6
	for _, k := range c.legend {
		k.draw(&area, vg.Point{X: x, Y: y})
		area.FillText(sty, vg.Point{X: x + 10, Y: y - 3.8}, k.label)
		x += 10 + sty.Width(k.label) + 22
	}
}

// plot sets up the axes: candidates on y, the figure on x.
func (c *chart) plot() *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil
	c.nameRows(p)
	c.measure(p)
	grid := &plotter.Grid{Vertical: draw.LineStyle{Color: Grid, Width: 0.75}}
	p.Add(grid, c.data)
	p.X.Min, p.X.Max = c.x.min, c.x.max
	p.Y.Min, p.Y.Max = -0.5, float64(len(c.names))-0.5
	return p
}

func (c *chart) nameRows(p *plot.Plot) {
	p.Y.Tick.Label = style(11, Ink, xfont.WeightNormal)
	p.Y.Tick.Label.XAlign, p.Y.Tick.Label.YAlign = draw.XRight, draw.YCenter
	p.Y.Tick.Length = 0
	p.Y.LineStyle = draw.LineStyle{Color: Faint, Width: 0.75}
	p.Y.Padding = 0
	marks := make(plot.ConstantTicks, len(c.names))
	for i, name := range c.names {
		class := ""
		if len(c.classes) > 0 {
			class = " · " + c.classes[i]
		}
		room := nameRoom - p.Y.Tick.Label.Width(class)
		marks[i] = plot.Tick{Value: c.y(i), Label: shorten(name, p.Y.Tick.Label, room) + class}
	}
	p.Y.Tick.Marker = marks
}

func (c *chart) measure(p *plot.Plot) {
	p.X.Tick.Label = style(10, Faint, xfont.WeightNormal)
	p.X.Tick.Label.XAlign, p.X.Tick.Label.YAlign = draw.XCenter, draw.YTop
	p.X.Tick.LineStyle = draw.LineStyle{Color: Faint, Width: 0.75}
	p.X.Tick.Length = 4
	p.X.LineStyle = draw.LineStyle{Color: Faint, Width: 0.75}
	p.X.Padding = 0
	p.X.Tick.Marker = linearTicks{}
	if c.x.log {
		p.X.Tick.Marker, p.X.Scale = logTicks{}, plot.LogScale{}
	}
}

// style is sans-serif text of that size in points.
func style(size vg.Length, ink color.Color, weight xfont.Weight) text.Style {
	return text.Style{
		Color:   ink,
		Font:    font.Font{Typeface: "Liberation", Variant: "Sans", Weight: weight, Size: size},
		Handler: plot.DefaultTextHandler,
	}
}
