package html

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html/template"
	"image/color"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/benchctl/benchctl/report"
	"github.com/benchctl/benchctl/report/plots"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/judge"
)

// section is a table with its explanations.
type section struct {
	ID        string
	Table     *report.Table
	Terms     []results.Term // what its scenario and its app are
	Heads     []head
	Groups    []group
	Bases     []string // candidates to compare others with
	Pairs     []pair
	MorePairs int // how many there are, if not all are shown
	Plots     []figure
	Asides    []figure    // that few look for
	Compared  template.JS // what the script compares rows by
}

type head struct {
	report.Column
	Class, Better string
}

// group is the rows of a class.
type group struct {
	Class report.Class
	Rows  []row
}

type row struct {
	Name, Verdict string
	Cells         []cell
}

type cell struct {
	Heading      bool // it names the row
	Text, Spread string
	Class, Head  string
	Sort         string // what the script sorts by; "" for unknown
	Badge        bool   // coloured by verdict
	Notes        []int
	Bar          template.CSS
}

// newSection is the view of a table of r.
func newSection(r *report.Report, t *report.Table, drawn []plots.Plot, o Options) section {
	main := leading(t)
	t = t.Pick(order(t, main)...)
	s := section{ID: t.Anchor(), Table: t, Terms: terms(r, t), Compared: compared(t)}
	for _, f := range figures(drawn, t.Name, o) {
		if f.aside {
			s.Asides = append(s.Asides, f)
		} else {
			s.Plots = append(s.Plots, f)
		}
	}
	for _, c := range t.Columns {
		s.Heads = append(s.Heads, newHead(t, c, slices.Contains(main, c.Key)))
	}
	for _, class := range t.Classes {
		s.Groups = append(s.Groups, newGroup(t, class, s.Heads))
	}
	for _, row := range t.Rows {
		if row.Cell.Verdict.Usable() && len(t.Pairs) > 0 {
			s.Bases = append(s.Bases, row.Cell.Candidate)
		}
	}
	s.Pairs = pairs(t)
	if len(s.Pairs) < len(t.Pairs) {
		s.MorePairs = len(t.Pairs)
	}
	return s
}

// terms are what the scenario and the app of a table are.
func terms(r *report.Report, t *report.Table) (all []results.Term) {
	app, _, _ := strings.Cut(t.App, "?")
	for _, term := range r.Run.Terms {
		if term.Of == results.TermScenario && term.Name == t.Scenario || term.Of == results.TermApp && term.Name == app {
			all = append(all, term)
		}
	}
	return all
}

// leading are the columns that every screen shows: where a row stands, the figure that ranks it, what it costs,
// and how far it can be trusted.
func leading(t *report.Table) []report.Key {
	const most = 4 // besides those that all tables have
	all := []report.Key{report.Rank, report.Candidate, report.Key(t.Metric)}
	for _, k := range []report.Key{
		report.LayerTime, report.OverReference, report.CPU, report.Throughput, report.FirstP99, report.P99,
		"stall_ms", "p99_around_ms", "drain_ms", report.Peak, report.Exit,
	} {
		known := slices.ContainsFunc(t.Columns, func(c report.Column) bool { return c.Key == k })
		if known && !slices.Contains(all, k) && len(all) < most+2 && (k != report.Throughput || t.Metric != judge.MetricServerCPU) {
			all = append(all, k)
		}
	}
	return append(all, report.Verdict)
}

// order is the leading columns, then all others.
func order(t *report.Table, main []report.Key) []report.Key {
	all := slices.Clone(main)
	for _, c := range t.Columns {
		if !slices.Contains(all, c.Key) && c.Key != report.ClassName {
			all = append(all, c.Key)
		}
	}
	return all
}

func newHead(t *report.Table, c report.Column, main bool) head {
	h := head{Column: c, Class: string(c.Key)}
	if c.Numeric {
		h.Class, h.Better = "n", "less"
		if string(c.Key) == t.Metric && !judge.MetricNamed(t.Metric).LessIsBetter || c.Key == report.Throughput || c.Key == report.Headroom || c.Key == report.Requests {
			h.Better = "more"
		}
	}
	if string(c.Key) == t.Metric {
		h.Class += " ranking"
	}
	if !main {
		h.Class += " more"
	}
	return h
}

func newGroup(t *report.Table, class report.Class, heads []head) group {
	g := group{Class: class}
	rows := t.Of(class)
	scale := 0.0
	for _, r := range rows {
		if e := r.Cell.Figures[t.Metric]; e != nil && r.Cell.Verdict.Usable() {
			_, high, ok := report.Interval(*e)
			if !ok {
				high = e.Value
			}
			scale = max(scale, high)
		}
	}
	for _, r := range rows {
		shown := row{Name: r.Cell.Candidate, Verdict: verdict(r.Cell.Verdict)}
		for i, v := range r.Values {
			c := newCell(heads[i], r, v)
			if e := r.Cell.Figures[t.Metric]; string(heads[i].Key) == t.Metric && e != nil && r.Cell.Verdict.Usable() {
				c.Bar = bar(*e, scale)
			}
			shown.Cells = append(shown.Cells, c)
		}
		g.Rows = append(g.Rows, shown)
	}
	return g
}

// bar is a figure's share of the largest one, with the ends of its interval.
func bar(e judge.Estimate, scale float64) template.CSS {
	if scale <= 0 || e.Value < 0 {
		return ""
	}
	low, high, ok := report.Interval(e)
	if !ok {
		low, high = e.Value, e.Value
	}
	share := func(v float64) float64 { return 100 * max(0, v) / scale }
	return template.CSS(fmt.Sprintf("--v:%.2f%%;--l:%.2f%%;--w:%.2f%%", share(e.Value), share(low), share(high)-share(low)))
}

func newCell(h head, r report.Row, v report.Value) cell {
	shown := cell{Text: v.Text, Spread: v.Spread, Class: h.Class, Head: h.label()}
	switch h.Key {
	case report.Candidate:
		shown.Heading, shown.Class = true, nameClass(v.Text)
	case report.Verdict:
		shown.Badge, shown.Notes = true, r.Notes
	}
	switch {
	case !v.Known:
	case h.Numeric:
		shown.Sort = strconv.FormatFloat(v.Number, 'g', -1, 64)
	case h.Key == report.Rank:
		shown.Sort = strconv.Itoa(r.Cell.Rank)
	default:
		shown.Sort = v.Text
	}
	return shown
}

// label is the head with its unit, for cards.
func (h head) label() string {
	if h.Unit == "" {
		return h.Head
	}
	return h.Head + ", " + h.Unit
}

// nameClass lets long names wrap.
func nameClass(name string) string {
	const long = 32
	if utf8.RuneCountInString(name) > long {
		return "name long"
	}
	return "name"
}

// breakable lets a name go on in the next line where a part of it begins: its version, profile, layer or label.
func breakable(name string) template.HTML {
	var b strings.Builder
	from := 0
	for i, r := range name {
		if i > 0 && strings.ContainsRune("@:+#", r) {
			b.WriteString(template.HTMLEscapeString(name[from:i]) + "<wbr>")
			from = i
		}
	}
	return template.HTML(b.String() + template.HTMLEscapeString(name[from:]))
}

type pair struct {
	A, B, By, Ratio string
	Separated       bool
}

// pairs are the comparisons of rows with the best of their class and with the row before them. The script has the
// others, and the data all.
func pairs(t *report.Table) []pair {
	shown := make(map[[2]string]bool)
	for _, class := range t.Classes {
		rows := t.Of(class)
		for i, r := range rows {
			for _, other := range rows[:i] {
				if other.Cell == rows[0].Cell || other.Cell == rows[i-1].Cell {
					shown[[2]string{r.Cell.Candidate, other.Cell.Candidate}] = true
					shown[[2]string{other.Cell.Candidate, r.Cell.Candidate}] = true
				}
			}
		}
	}
	const few = 40 // that are shown whatever they compare
	var all []pair
	for _, p := range t.Pairs {
		if len(t.Pairs) <= few || shown[[2]string{p.A, p.B}] {
			all = append(all, pair{A: p.A, B: p.B, By: judge.MetricNamed(p.Metric).For("which the objective is met").Of, Ratio: report.Ratio(p), Separated: p.Separated()})
		}
	}
	return all
}

// compared are the pairs by the metric that ranks, for the script: names, and for each pair the places of both among
// them, the ratio of the second to the first, and the ends of its interval.
func compared(t *report.Table) template.JS {
	data := struct {
		Of    string       `json:"of"`
		Names []string     `json:"names"`
		Pairs [][5]float64 `json:"pairs"`
	}{Of: judge.MetricNamed(t.Metric).For(t.Objective()).Head}
	at := make(map[string]int)
	for i, r := range t.Rows {
		at[r.Cell.Candidate] = i
		data.Names = append(data.Names, r.Cell.Candidate)
	}
	for _, p := range t.Pairs {
		if p.Metric == t.Metric {
			data.Pairs = append(data.Pairs, [5]float64{float64(at[p.A]), float64(at[p.B]), short(p.Ratio), short(p.Low), short(p.High)})
		}
	}
	if data.Pairs == nil {
		return ""
	}
	text, err := json.Marshal(data) // escapes <, > and &
	if err != nil {
		return ""
	}
	return template.JS(text)
}

// short is a ratio with as many digits as are shown.
func short(v float64) float64 {
	s, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 5, 64), 64)
	return s
}

type figure struct {
	Title, Alt string
	Wide       template.HTML // where there is room
	Narrow     template.HTML // on a phone
	Files      string        // relative path of its files, without extension
	PNG        bool
	aside      bool
}

// figures are the plots that were drawn of the table of that name, "" of several together.
func figures(drawn []plots.Plot, table string, o Options) []figure {
	var all []figure
	for _, p := range drawn {
		if p.Table == nil && table != "" || p.Table != nil && p.Table.Name != table {
			continue
		}
		f := figure{Title: p.Title, Alt: p.Alt, Wide: inline(p.SVG, p.Alt), Narrow: inline(p.Phone, p.Alt), PNG: o.PNG, aside: p.Aside}
		if o.Plots != "" {
			f.Files = path.Join(o.Plots, p.Name)
		}
		all = append(all, f)
	}
	return all
}

// inline makes an element of an SVG document: without prolog, named for screen
// readers, and with the page's colours, light or dark, instead of its own. The
// documents have no ids that could clash.
func inline(svg []byte, alt string) template.HTML {
	if at := bytes.Index(svg, []byte("<svg ")); at >= 0 {
		svg = svg[at+len("<svg "):]
	}
	for name, c := range map[string]color.NRGBA{
		"paper": plots.Paper, "ink": plots.Ink, "faint": plots.Faint, "line": plots.Grid,
		"sky": plots.Sky, "blue": plots.Blue, "orange": plots.Orange,
	} {
		for _, property := range []string{"fill:", "stroke:"} {
			own := fmt.Sprintf("%s#%02X%02X%02X", property, c.R, c.G, c.B)
			svg = bytes.ReplaceAll(svg, []byte(own), []byte(property+"var(--"+name+")"))
		}
	}
	label := template.HTMLEscapeString(alt)
	return template.HTML(`<svg role="img" aria-label="` + label + `" ` + string(svg))
}
