package text

import (
	"cmp"
	"fmt"
	"io"

	"github.com/benchctl/benchctl/report"
	"github.com/benchctl/benchctl/results/judge"
)

// Calibration writes a calibration as tables and sentences, folded to the width in columns;
// 0 does not fold.
func Calibration(w io.Writer, c judge.Calibration, width int) error {
	e, l, f := c.Environment, c.Loader, c.Floor
	sink := "sink unknown"
	if l.SinkShare != nil {
		sink = fmt.Sprintf("sink %.0f %%; bottleneck: %s", *l.SinkShare*100, l.Bottleneck)
	}
	err := Rows(w, [][]string{
		{"machine", fmt.Sprintf("%s, %d cores (servers %s, loader %s)", e.CPU, e.Cores, cmp.Or(e.ServerCPUs, "any"), cmp.Or(e.LoaderCPUs, "any"))},
		{"loader", fmt.Sprintf("%.0f req/s against a sink (%s, %d connections, %.1f s)", l.Throughput, l.Engine, l.Connections, l.Seconds)},
		{"", fmt.Sprintf("%.1f µs of CPU per request, so at most %.0f req/s", l.CPU, l.RPS)},
		{"", fmt.Sprintf("processors in use: loader %.0f %%, %s", l.LoaderShare*100, sink)},
		{"noise floor", fmt.Sprintf("%s against itself: %s, %s, %d x %d rounds, %.1f s", f.A, f.Scenario, f.App, f.Launches, f.Rounds, f.Seconds)},
	}, width)
	if err != nil {
		return err
	}
	return floor(w, f, width)
}

func floor(w io.Writer, f judge.NoiseFloor, width int) error {
	head := []string{"metric", "ratio", "95 % interval", "half-width"}
	for _, span := range judge.Spans() {
		head = append(head, "in "+span.Name)
	}
	rows := [][]string{head}
	for _, n := range f.Metrics {
		row := []string{metricLabel(n.Metric), fmt.Sprintf("%.3f", n.Ratio), interval(n.Low, n.High), inPercent(n.HalfWidth)}
		for _, span := range judge.Spans() {
			resolved := report.Unknown
			if r, ok := n.Resolved[span.Name]; ok {
				resolved = inPercent(r)
			}
			row = append(row, resolved)
		}
		rows = append(rows, row)
	}
	fmt.Fprintln(w)
	if err := Rows(w, rows, width); err != nil {
		return err
	}
	_, err := fmt.Fprint(w, `
The last columns are the smallest difference between two candidates that a run
of that length tells in 80 % of cases, scaled by 1/sqrt(time) from this one.
`)
	return err
}

func inPercent(p float64) string { return report.Number(p, 2) + " %" }
