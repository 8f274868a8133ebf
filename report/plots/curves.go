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
	better, varied := "more is better", s.Of+" (logarithmic)"
	if s.Unit != "" {
		varied = fmt.Sprintf("%s (%s, logarithmic)", s.Of, s.Unit)
	}
	if s.Metric.LessIsBetter {
		better = "less is better"
	}
	g := &graph{
		kind: "scaling", title: report.Sentence(s.Metric.Head) + " by " + s.Of, subtitle: s.Where + " · " + s.Class.Many,
		note:  "Line: 95 % interval. Hollow: degraded.",
		xUnit: varied, yUnit: fmt.Sprintf("%s (%s), %s", s.Metric.Of, s.Metric.Unit, better),
		alt: fmt.Sprintf("%s of each of the %s by %s", report.Sentence(s.Metric.Of), s.Class.Many, s.Of),
	}
	for _, l := range s.Lines {
		c := curve{name: l.Candidate}
		for _, p := range l.Points {
			if low, high, ok := report.Interval(p.Estimate); ok {
				c.points = append(c.points, at{p.X, p.Estimate.Value, low, high, p.Degraded})
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
	g.fit(true, false)
	return g
}

// effort shows what each candidate of a class serves and what it spends on it.
func effort(t *report.Table, class report.Class) *graph {
	g := &graph{
		kind: "cost_" + report.Slug(class.Name), title: "Throughput and server CPU", subtitle: t.Title() + " · " + class.Many, apart: true,
		note:  "Above and to the left is better. Hollow: degraded.",
		xUnit: "server CPU (µs/req), less is better", yUnit: "throughput (req/s), more is better",
		alt: fmt.Sprintf("Requests per second of each of the %s against its CPU time per request", class.Many),
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
	g.fit(false, false)
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
