package plots

import (
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// layout is the shape of a drawing. Text has the same size in all layouts, so it is
// readable if a drawing is shown at about its own width.
type layout struct {
	width  vg.Length
	above  vg.Length // room for candidates' names above their rows; 0: they stand beside them
	linear int       // marks of a linear axis, about
	log    int       // marks of a logarithmic one, at most
}

var (
	// wide is for files and for pages with room: at 96 dpi, 450 pt are 600 pixels.
	wide = layout{width: 450, linear: 6, log: 10}
	// narrow is for the width of a phone, 360 pixels.
	narrow = layout{width: 270, above: 14, linear: 4, log: 9}
)

// room is the width between the margins.
func (l layout) room() vg.Length { return l.width - 2*margin }

// wrap breaks a text at spaces into lines of that width. A wider word has a line of
// its own.
func wrap(s string, sty text.Style, room vg.Length) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(s) {
		longer := strings.TrimPrefix(line+" "+word, " ")
		if line != "" && sty.Width(longer) > room {
			lines = append(lines, line)
			longer = word
		}
		line = longer
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// headings writes names above the rows.
type headings struct {
	names []string
	y     func(row int) float64 // of a row's middle, in data units
	above vg.Length             // from there to the name's baseline
	text  text.Style
}

func (h headings) Plot(c draw.Canvas, p *plot.Plot) {
	_, y := p.Transforms(&c)
	size := h.text.Font.Size
	for i, name := range h.names {
		at := vg.Point{X: c.Min.X + 4, Y: y(h.y(i)) + h.above}
		c.FillPolygon(Paper, box(at.X-2, at.X+h.text.Width(name)+2, at.Y-size*0.2, at.Y+size*0.8)) // not on the grid's lines
		c.FillText(h.text, at, name)
	}
}
