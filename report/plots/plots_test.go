package plots

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/recorder"

	"github.com/benchctl/benchctl/report"
	"github.com/benchctl/benchctl/report/internal/fixture"
	"github.com/benchctl/benchctl/results/judge"
)

func TestRender(t *testing.T) {
	for name, s := range map[string]*judge.Summary{
		"mixed": fixture.Mixed(), "one": fixture.Many(1), "two": fixture.Many(2), "twelve": fixture.Many(12), "field": fixture.Field(),
	} {
		all, err := Render(report.New(s))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(all) == 0 {
			t.Errorf("%s: no plots", name)
		}
		for _, p := range all {
			check(t, p)
		}
	}
}

func check(t *testing.T, p Plot) {
	t.Helper()
	if !regexp.MustCompile(`^[a-z0-9_-]+$`).MatchString(p.Name) {
		t.Errorf("name %q is not safe", p.Name)
	}
	d := xml.NewDecoder(bytes.NewReader(p.SVG))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%s.svg: %v", p.Name, err)
		}
		if e, ok := token.(xml.StartElement); ok {
			harmless(t, p.Name, e)
		}
	}
}

func TestPNG(t *testing.T) {
	all, err := Render(report.New(fixture.Many(3)))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		data, err := p.PNG()
		if err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatalf("%s.png: %v", p.Name, err)
		}
		if size := img.Bounds().Size(); size.X != 1200 || size.Y < 200 || size.Y > 1100 {
			t.Errorf("%s.png: size %v", p.Name, size)
		}
	}
}

// harmless: pages take the elements in as they are, several of them.
func harmless(t *testing.T, name string, e xml.StartElement) {
	t.Helper()
	switch e.Name.Local {
	case "svg", "g", "path", "text":
	default:
		t.Errorf("%s.svg: element %s", name, e.Name.Local)
	}
	for _, a := range e.Attr {
		if a.Name.Local == "id" || a.Name.Local == "href" || strings.Contains(a.Value, "url(") {
			t.Errorf("%s.svg: attribute %s=%q", name, a.Name.Local, a.Value)
		}
	}
}

func TestInvalidRowsAreLeftOut(t *testing.T) {
	for _, c := range charts(report.New(fixture.Mixed()).Tables[0]) {
		for _, name := range c.names {
			if name == fixture.Markup {
				t.Errorf("%s shows an invalid row", c.kind)
			}
		}
		if !strings.Contains(c.note, "2 invalid rows left out.") {
			t.Errorf("%s: note %q", c.kind, c.note)
		}
	}
}

// Rows of several classes say which one; long names of one have room with it.
func TestClassesAreNamed(t *testing.T) {
	for _, c := range charts(report.New(fixture.Field()).Tables[0]) {
		var labels []string
		for _, tick := range c.lay(wide).plot().Y.Tick.Marker.Ticks(0, 1) {
			labels = append(labels, tick.Label)
		}
		for _, want := range []string{"gunicorn-eventlet:tuned · wsgi", "fiber · framework"} {
			if !slices.Contains(labels, want) {
				t.Errorf("%s: no row %q in %q", c.kind, want, labels)
			}
		}
	}
	for _, c := range charts(report.New(fixture.Many(3)).Tables[0]) {
		if len(c.classes) > 0 {
			t.Errorf("%s names the class of all rows", c.kind)
		}
	}
}

// No text is cut off at an edge, and none is written over another one, in any layout.
func TestTextsHaveRoom(t *testing.T) {
	for name, s := range map[string]*judge.Summary{
		"mixed": fixture.Mixed(), "one": fixture.Many(1), "twelve": fixture.Many(12), "field": fixture.Field(),
	} {
		for _, table := range report.New(s).Tables {
			for _, c := range charts(table) {
				for form, l := range map[string]layout{"wide": wide, "narrow": narrow} {
					roomy(t, name+", "+c.kind+", "+form, c.lay(l))
				}
			}
		}
	}
}

func roomy(t *testing.T, name string, d drawing) {
	t.Helper()
	var drawn recorder.Canvas
	d.draw(draw.NewCanvas(&drawn, d.width, d.height()))
	if n := apart(t, name, drawn, d.width, d.height()); n < len(d.names)+2 {
		t.Errorf("%s: %d texts of %d candidates", name, n, len(d.names))
	}
}

// apart fails if a text is cut off or written over another one, and returns how many there are.
func apart(t *testing.T, name string, drawn recorder.Canvas, wide, high vg.Length) int {
	t.Helper()
	type placed struct {
		text                     string
		left, right, bottom, top vg.Length
	}
	var texts []placed
	for _, action := range drawn.Actions {
		s, ok := action.(*recorder.FillString)
		if !ok || s.String == "" {
			continue
		}
		width := text.Style{Font: s.Font, Handler: plot.DefaultTextHandler}.Width(s.String)
		p := placed{s.String, s.Point.X, s.Point.X + width, s.Point.Y, s.Point.Y + s.Size*0.7}
		if p.left < 2 || p.right > wide-2 || p.bottom < 2 || p.top > high-2 {
			t.Errorf("%s: %q is at %.0f to %.0f, %.0f to %.0f of %.0f x %.0f", name, p.text, p.left, p.right, p.bottom, p.top, wide, high)
		}
		for _, o := range texts {
			if p.left < o.right && o.left < p.right && p.bottom < o.top && o.bottom < p.top {
				t.Errorf("%s: %q is written over %q", name, p.text, o.text)
			}
		}
		texts = append(texts, p)
	}
	return len(texts)
}

// An interval that reaches below 0 would strike through the candidate's name.
func TestWhiskersStayOffTheNames(t *testing.T) {
	const zero = 5
	var drawn recorder.Canvas
	whisker(draw.NewCanvas(&drawn, 100, 100), -20, 50, zero, 10, 4)
	for _, action := range drawn.Actions {
		stroke, ok := action.(*recorder.Stroke)
		if !ok {
			continue
		}
		for _, at := range stroke.Path {
			if at.Pos.X < zero {
				t.Errorf("a line goes to %v", at.Pos)
			}
		}
	}
}

func TestNothingKnown(t *testing.T) {
	s := fixture.Mixed()
	for i := range s.Cells {
		s.Cells[i].Verdict = judge.Invalid
	}
	if all, err := Render(report.New(s)); err != nil || len(all) != 0 {
		t.Errorf("%d plots of invalid rows alone, error %v", len(all), err)
	}
	zero := fixture.Many(1)
	zero.Cells[0].Figures[judge.MetricThroughput] = &judge.Estimate{}
	zero.Cells[0].Latency = &judge.Latency{P50: new(float64)}
	if _, err := Render(report.New(zero)); err != nil {
		t.Errorf("zeros: %v", err)
	}
}

func TestNamesAreUnique(t *testing.T) {
	s := fixture.Many(2)
	s.Cells[0].App, s.Cells[1].App = "a?b", "a/b"
	all, err := Render(report.New(s))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, p := range all {
		if seen[p.Name] {
			t.Errorf("%s twice", p.Name)
		}
		seen[p.Name] = true
	}
}

func TestTicks(t *testing.T) {
	for _, c := range []struct{ v, want float64 }{{0.9, 1}, {1, 1}, {1.1, 2}, {2.1, 5}, {5.1, 10}, {25000, 50000}} {
		if got := round(c.v); got < c.want*0.999 || got > c.want*1.001 {
			t.Errorf("round(%v) = %v, want %v", c.v, got, c.want)
		}
	}
	for max, want := range map[float64]string{160000: "0 50,000 100,000 150,000", 1: "0 0.2 0.4 0.6 0.8 1", 13: "0 5 10"} {
		var labels []string
		for _, tick := range (linearTicks{6}).Ticks(0, max) {
			labels = append(labels, tick.Label)
		}
		if got := strings.Join(labels, " "); got != want {
			t.Errorf("ticks to %v: %s, want %s", max, got, want)
		}
	}
}
