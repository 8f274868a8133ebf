package plots

import (
	"bytes"
	"image/color"
	"image/png"
	"math"
	"regexp"
	"strconv"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/benchctl/benchctl/report"
	"github.com/benchctl/benchctl/results/judge"
)

// Measures in points.
const (
	margin   = vg.Length(14)
	titles   = vg.Length(48) // title and subtitle
	keys     = vg.Length(16) // a line of the legend
	keyGap   = vg.Length(12) // between two of its entries
	gap      = vg.Length(6)  // below it, and above the note
	ticks    = vg.Length(20) // of the x axis
	label    = vg.Length(10) // above the label of the x axis
	leading  = vg.Length(14) // of that label, and of the note
	nameRoom = vg.Length(160)
	dpi      = 192
)

// Colours of everything that is not data. Renderers that restyle the SVG replace them.
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
func (c *chart) list(t *report.Table, cells []*judge.Cell) {
	for _, cell := range cells {
		c.names = append(c.names, cell.Candidate)
		if t.Mixed() {
			c.classes = append(c.classes, cell.Class)
		}
	}
}

// y is where the row of that index is drawn: the first on top.
func (c *chart) y(row int) float64 { return float64(len(c.names) - 1 - row) }

// svg draws the chart as a document.
func (c *chart) svg(l layout) ([]byte, error) {
	d := c.lay(l)
	canvas := vgsvg.NewWith(vgsvg.UseWH(l.width, d.height()))
	d.draw(draw.New(canvas))
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return nil, err
	}
	return portable(b.Bytes()), nil
}

// png draws the chart as an image.
func (c *chart) png(l layout) ([]byte, error) {
	d := c.lay(l)
	canvas := vgimg.NewWith(vgimg.UseWH(l.width, d.height()), vgimg.UseDPI(dpi))
	d.draw(draw.New(canvas))
	return encode(canvas)
}

// encode is the PNG of a drawing. With the least compression the report of a run takes 15 % less time and 2 % more room.
func encode(c *vgimg.Canvas) ([]byte, error) {
	var b bytes.Buffer
	fast := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := fast.Encode(&b, c.Image()); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// portable adds fallback fonts for systems without Liberation Sans, once for all texts. Arial and Helvetica have the
// same metrics. What texts have without saying so is left out, and places are told to a tenth of a point: the pages of
// large runs are mostly these.
func portable(svg []byte) []byte {
	svg = bytes.Replace(svg, []byte("<svg "), []byte(`<svg font-family="'Liberation Sans',Arial,Helvetica,sans-serif" `), 1)
	for _, plain := range []string{"font-family:Liberation Sans;", "font-variant:none;", "font-variant:normal;", "font-weight:normal;", "font-style:normal;"} {
		svg = bytes.ReplaceAll(svg, []byte(plain), nil)
	}
	svg = bytes.ReplaceAll(svg, []byte("\"\n\tstyle="), []byte("\" style="))
	return coordinates.ReplaceAllFunc(svg, func(place []byte) []byte { return decimals.ReplaceAllFunc(place, tenth) })
}

var (
	coordinates = regexp.MustCompile(` (?:d|x|y)="[^"]*"`)
	decimals    = regexp.MustCompile(`-?\d+\.\d{2,}`)
)

// tenth is a number with one decimal, or none.
func tenth(number []byte) []byte {
	v, err := strconv.ParseFloat(string(number), 64)
	if err != nil {
		return number
	}
	return strconv.AppendFloat(nil, math.Round(v*10)/10, 'f', -1, 64)
}

// style is sans-serif text of that size in points.
func style(size vg.Length, ink color.Color, weight xfont.Weight) text.Style {
	return text.Style{
		Color:   ink,
		Font:    font.Font{Typeface: "Liberation", Variant: "Sans", Weight: weight, Size: size},
		Handler: plot.DefaultTextHandler,
	}
}
