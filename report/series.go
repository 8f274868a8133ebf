package report

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/benchctl/benchctl/results/judge"
)

// Series is how a figure of the candidates of a class depends on what differs between tables: the number at the end
// of a scenario's name, or a parameter of an app. The figure is the one that ranks, and where requests were offered at a
// rate also percentiles of their latency.
type Series struct {
	Name   string // of files
	Of     string // what is varied: "concurrency", "bytes", "offered rate"
	Unit   string // of that, "req/s"; "": it is a number
	Where  string // what is not: "hello"
	Class  Class
	Metric judge.Metric
	Lines  []Line
}

// Line is a candidate's figures by what is varied, in its order.
type Line struct {
	Candidate string
	Points    []Point
}

// Point is one figure.
type Point struct {
	X        float64
	Estimate judge.Estimate
	Degraded bool
}

// varied is what a table has a number of.
type varied struct {
	of, where string
	x         float64
}

// leastPoints is how many tables make a series.
const leastPoints = 3

// Series are those of the report, in the order of its tables.
func (r *Report) Series() []Series {
	var order []varied
	tables := make(map[varied][]*Table)
	for _, t := range r.Tables {
		for _, v := range t.varied() {
			key := varied{of: v.of, where: v.where}
			if tables[key] == nil {
				order = append(order, key)
			}
			tables[key] = append(tables[key], t)
		}
	}
	var all []Series
	for _, key := range order {
		if len(tables[key]) < leastPoints || slices.ContainsFunc(tables[key], func(t *Table) bool { return t.Metric != tables[key][0].Metric || t.isWatched() }) {
			continue
		}
		for _, o := range r.Overviews {
			all = append(all, seriesOf(key, tables[key], o.Class)...)
		}
	}
	return all
}

// varied are the numbers that the table's scenario and app have.
func (t *Table) varied() (all []varied) {
	if at := strings.LastIndexByte(t.Scenario, '-'); at > 0 {
		if x, err := strconv.ParseFloat(t.Scenario[at+1:], 64); err == nil && x > 0 {
			all = append(all, varied{t.Scenario[:at], t.App, x})
		}
	}
	name, query, _ := strings.Cut(t.App, "?")
	if values, err := url.ParseQuery(query); err == nil && len(values) == 1 {
		for param, value := range values {
			if x, err := strconv.ParseFloat(value[0], 64); err == nil && x > 0 {
				all = append(all, varied{name + " " + param, t.Scenario, x})
			}
		}
	}
	return all
}

// isOpen tells whether requests were offered at a rate.
func (t *Table) isOpen() bool {
	return !slices.ContainsFunc(t.Rows, func(r Row) bool {
		return r.Cell.Verdict.Usable() && (r.Cell.Offered == nil || *r.Cell.Offered <= 0)
	})
}

// percentiles are the latencies that are told by the rate that was offered.
var percentiles = []struct {
	metric judge.Metric
	of     func(*judge.Latency) *float64
}{
	{latency("p50", "median"), func(l *judge.Latency) *float64 { return l.P50 }},
	{latency("p99", "99th percentile"), func(l *judge.Latency) *float64 { return l.P99 }},
	{latency("p99.9", "99.9th percentile"), func(l *judge.Latency) *float64 { return l.P999 }},
}

func latency(name, of string) judge.Metric {
	return judge.Metric{Name: name, Unit: "ms", Head: "latency " + name, Of: of + " of the response time", LessIsBetter: true}
}

// seriesOf are the series of a class over tables: those with curves.
func seriesOf(key varied, tables []*Table, class Class) (all []Series) {
	s := Series{Name: Slug(key.of+" "+key.where) + "_" + Slug(class.Name), Of: key.of, Where: key.where, Class: class, Metric: tables[0].by()}
	offered := key.where == tables[0].App && !slices.ContainsFunc(tables, func(t *Table) bool { return !t.isOpen() })
	if offered { // each candidate may have rates of its own: the number in the name may be a share of its ceiling
		s.Of, s.Unit = "offered rate", "req/s"
		for _, p := range percentiles {
			l := s
			l.Metric, l.Name = p.metric, s.Name+"_"+Slug(p.metric.Name)
			l.Lines = curves(key, tables, class, true, func(c *judge.Cell) *judge.Estimate {
				if c.Latency == nil || p.of(c.Latency) == nil || *p.of(c.Latency) <= 0 {
					return nil
				}
				ms := *p.of(c.Latency)
				return &judge.Estimate{Value: ms, Low: ms, High: ms}
			})
			all = append(all, l)
		}
	}
	s.Lines = curves(key, tables, class, offered, func(c *judge.Cell) *judge.Estimate { return c.Figures[tables[0].Metric] })
	all = append(all, s)
	return slices.DeleteFunc(all, func(s Series) bool { return len(s.Lines) == 0 })
}

// curves are those of a class: of each candidate with two figures at least, by the rate that it was offered or by
// what is varied.
func curves(key varied, tables []*Table, class Class, offered bool, figure func(*judge.Cell) *judge.Estimate) (all []Line) {
	for _, t := range tables {
		var x float64
		for _, v := range t.varied() {
			if v.of == key.of && v.where == key.where {
				x = v.x
			}
		}
		for _, r := range t.Of(class) {
			e := figure(r.Cell)
			if e == nil || !r.Cell.Verdict.Usable() {
				continue
			}
			at := slices.IndexFunc(all, func(l Line) bool { return l.Candidate == r.Cell.Candidate })
			if at < 0 {
				at = len(all)
				all = append(all, Line{Candidate: r.Cell.Candidate})
			}
			if offered {
				x = *r.Cell.Offered
			}
			all[at].Points = append(all[at].Points, Point{x, *e, r.Cell.Verdict == judge.Degraded})
		}
	}
	for _, l := range all {
		slices.SortFunc(l.Points, func(a, b Point) int { return cmp.Compare(a.X, b.X) })
	}
	return slices.DeleteFunc(all, func(l Line) bool { return len(l.Points) < 2 })
}
