package plots

import (
	"fmt"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"github.com/benchctl/benchctl/report"
)

// Size of a card in points: 1,200 x 630 pixels, as the Open Graph protocol's pictures are shown (https://ogp.me).
const (
	cardWidth  = vg.Length(450)
	cardHeight = vg.Length(236.25)
	cardRows   = 5
)

// Card draws what other sites show with a link to a run, as PNG: what the run says first, the best rows of its first
// table, and how far it can be trusted.
func Card(d report.Digest) ([]byte, error) {
	canvas := vgimg.NewWith(vgimg.UseWH(cardWidth, cardHeight), vgimg.UseDPI(dpi))
	page := draw.New(canvas)
	page.SetColor(Paper)
	page.Fill(page.Rectangle.Path())
	area := draw.Crop(page, 22, -22, 16, -20)
	down := func(sty text.Style, step vg.Length, lines ...string) {
		for _, line := range lines {
			area.Max.Y -= step
			area.FillText(sty, vg.Point{X: area.Min.X, Y: area.Max.Y}, line)
		}
	}
	room := area.Max.X - area.Min.X
	head := style(17, Ink, xfont.WeightBold)
	down(head, 16, shorten(d.Heading, head, room))
	if len(d.Answers) > 0 {
		said := style(12, Ink, xfont.WeightNormal)
		area.Max.Y -= 6
		down(said, 15, atMost(3, wrap(d.Answers[0].Text, said, room), said, room)...)
	}
	quality := style(9.5, Faint, xfont.WeightNormal)
	rows := firstRows(d)
	told := d.Quality + " " + d.Date + ", " + d.Machine
	if len(rows) > 0 {
		if of := rows[0].Scenario + " · " + rows[0].App; of != d.Heading {
			told = of + ". " + told
		}
	}
	foot := atMost(2, wrap(told, quality, room), quality, room)
	for i, line := range foot {
		area.FillText(quality, vg.Point{X: area.Min.X, Y: area.Min.Y + vg.Length(len(foot)-1-i)*12}, line)
	}
	area.Min.Y += vg.Length(len(foot)) * 12
	area.Max.Y -= 10
	cardBars(area, rows)
	picture, err := encode(canvas)
	if err != nil {
		return nil, fmt.Errorf("draw card: %w", err)
	}
	return picture, nil
}

// firstRows are the best of the class that the run speaks of first, in its first table.
func firstRows(d report.Digest) (all []report.DigestCell) {
	for _, c := range d.Cells() {
		if c.Estimate == nil || c.Estimate.Value <= 0 || len(d.Answers) > 0 && c.Class != d.Answers[0].Class {
			continue
		}
		if len(all) == cardRows || len(all) > 0 && all[0].At != c.At {
			break
		}
		all = append(all, c)
	}
	return all
}

// cardBars draws a bar for each row, from 0.
func cardBars(area draw.Canvas, rows []report.DigestCell) {
	const pitch, thick = vg.Length(21), vg.Length(13)
	name, figure := style(10.5, Ink, xfont.WeightNormal), style(10, Faint, xfont.WeightNormal)
	var names, figures vg.Length
	most := 0.0
	for _, r := range rows {
		names, figures = max(names, min(name.Width(r.Candidate), 130)), max(figures, figure.Width(r.Figure))
		most = max(most, r.Estimate.Value, r.Estimate.High)
	}
	left := area.Min.X + names + 8
	room := area.Max.X - left - figures - 8
	for i, r := range rows {
		mid := area.Max.Y - pitch*(vg.Length(i)+0.5)
		if mid-pitch/2 < area.Min.Y {
			return
		}
		right := left + room*vg.Length(r.Estimate.Value/most)
		area.FillText(name, vg.Point{X: area.Min.X, Y: mid - 3.5}, shorten(r.Candidate, name, 130))
		area.FillPolygon(Sky, box(left, right, mid-thick/2, mid+thick/2))
		if low, high, ok := report.Interval(*r.Estimate); ok {
			whisker(area, left+room*vg.Length(low/most), left+room*vg.Length(high/most), left, mid, thick/3)
			right = left + room*vg.Length(high/most)
		}
		area.FillText(figure, vg.Point{X: right + 8, Y: mid - 3.5}, r.Figure)
	}
}

// atMost are the first n lines; the last one tells that there are more.
func atMost(n int, lines []string, sty text.Style, room vg.Length) []string {
	if len(lines) <= n {
		return lines
	}
	return append(lines[:n-1:n-1], shorten(lines[n-1]+" …", sty, room))
}
