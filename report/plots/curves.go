package plots

import (
	"cmp"
	"fmt"
	"slices"

	"gonum.org/v1/plot"

	"github.com/benchctl/benchctl/report"
	"github.com/benchctl/benchctl/results/judge"
)

// scaling shows how the figure of each candidate of a class depends on what is varied between tables.
func scaling(s report.Series) *graph {
	better := "more is better"
	if s.Metric.LessIsBetter {
		better = "less is better"
	}
	g := &graph{
		kind: "scaling", title: report.Sentence(s.Metric.Head) + " by " + s.Of, subtitle: s.Where + " · " + s.Class.Many,
		note:  "Hollow: degraded.",
		xUnit: unit(s.Of, s.Unit, true),
		alt:   fmt.Sprintf("%s of each of the %s by %s", report.Sentence(s.Metric.Of), s.Class.Many, s.Of),
	}
	for _, l := range s.Lines {
		c := curve{name: l.Candidate}
		for _, p := range l.Points {
			if low, high, ok := report.Interval(p.Estimate); ok {
				c.points = append(c.points, at{p.X, p.Estimate.Value, low, high, p.Degraded})
				g.note = "Line: 95 % interval. Hollow: degraded."
			} else {
				c.points = append(c.points, at{p.X, p.Estimate.Value, 0, 0, p.Degraded})
			}
		}
		g.curves = append(g.curves, c)
	}
	slices.SortStableFunc(g.curves, func(a, b curve) int { // those that end best have names
		x, y := a.points[len(a.points)-1].y, b.points[len(b.points)-1].y
		if s.Metric.LessIsBetter {
			return cmp.Compare(x, y)
		}
		return cmp.Compare(y, x)
	})
	log := s.Metric.Unit == "ms" || g.isWide(upwards) // near its ceiling a server's latency grows without bound
	g.yUnit = unit(s.Metric.Of, s.Metric.Unit, log) + ", " + better
	if s.Unit == "" { // a rate is each candidate's own
		g.xTicks = varied(g.curves)
	}
	g.fit(true, log)
	return g
}

func along(p at) float64   { return p.x }
func upwards(p at) float64 { return p.y }

// mostValues is how many values of what is varied are marked as they are.
const mostValues = 12

// varied marks the values of what is varied; nil if they are too many.
func varied(curves []curve) plot.Ticker {
	var all plot.ConstantTicks
	for _, c := range curves {
		for _, p := range c.points {
			if !slices.ContainsFunc(all, func(t plot.Tick) bool { return t.Value == p.x }) {
				all = append(all, plot.Tick{Value: p.x, Label: trimZeros(report.Number(p.x, 6))}) // 1,024, not 1,020
			}
		}
	}
	if len(all) > mostValues {
		return nil
	}
	slices.SortFunc(all, func(a, b plot.Tick) int { return cmp.Compare(a.Value, b.Value) })
	return all
}

// effort shows what each candidate of a class serves and what it spends on it.
func effort(t *report.Table, class report.Class) *graph {
	g := &graph{
		kind: "cost_" + report.Slug(class.Name), title: "Throughput and server CPU", subtitle: t.Title() + " · " + class.Many, apart: true,
		note: "Above and to the left is better. Hollow: degraded.",
		alt:  fmt.Sprintf("Requests per second of each of the %s against its CPU time per request", class.Many),
	}
	for _, r := range t.Of(class) {
		rps, cpu := r.Cell.Figures.Throughput(), r.Cell.Figures.ServerCPU()
		if !r.Cell.Verdict.Usable() || rps == nil || cpu == nil || rps.Value <= 0 || cpu.Value <= 0 {
			continue
		}
		one := at{x: cpu.Value, y: rps.Value, hollow: r.Cell.Verdict == judge.Degraded}
		if low, high, ok := report.Interval(*rps); ok {
			one.low, one.high = low, high
		}
		g.curves = append(g.curves, curve{r.Cell.Candidate, []at{one}})
	}
	logX, logY := g.isWide(along), g.isWide(upwards)
	g.xUnit, g.yUnit = unit("server CPU", "µs/req", logX)+", less is better", unit("throughput", "req/s", logY)+", more is better"
	g.fit(logX, logY)
	return g
}

// nines places percentiles as HdrHistogram's plots do: each nine more is as far as the one before.
var nines = plot.ConstantTicks{{Value: 1.0 / 0.5, Label: "50"}, {Value: 1 / 0.1, Label: "90"}, {Value: 1 / 0.01, Label: "99"}, {Value: 1 / 0.001, Label: "99.9"}}

// tail shows the latency of each candidate of a class by percentile, on the axis of HdrHistogram's plots.
func tail(t *report.Table, class report.Class) *graph {
	g := &graph{
		kind: "tail_" + report.Slug(class.Name), title: "Latency by percentile", subtitle: t.Title() + " · " + class.Many, note: "Hollow: degraded.",
		xUnit: "percentile", yUnit: "latency (ms, logarithmic), less is better", xTicks: nines,
		alt: fmt.Sprintf("Latency of each of the %s in milliseconds by percentile", class.Many),
	}
	for _, r := range t.Of(class) {
		l := r.Cell.Latency
		if l == nil || !r.Cell.Verdict.Usable() {
			continue
		}
		c := curve{name: r.Cell.Candidate}
		for i, v := range []*float64{l.P50, l.P90, l.P99, l.P999} {
			if v != nil && *v > 0 {
				c.points = append(c.points, at{x: nines[i].Value, y: *v, hollow: r.Cell.Verdict == judge.Degraded})
			}
		}
		if len(c.points) > 1 {
			g.curves = append(g.curves, c)
		}
	}
	g.fit(true, true)
	return g
}
