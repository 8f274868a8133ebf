package text

import (
	"fmt"
	"io"

	"github.com/benchctl/benchctl/results/judge"
)

// Comparisons writes a table of comparisons, folded to the width in columns; 0 does not fold.
func Comparisons(w io.Writer, all []judge.Comparison, width int) error {
	rows := [][]string{{"SCENARIO", "APP", "METRIC", "A", "B", "B/A", "95 % INTERVAL", "CAN SEE", "B IS"}}
	for _, c := range all {
		rows = append(rows, []string{
			c.Scenario, c.App, metricLabel(c.Metric), c.A, c.B,
			fmt.Sprintf("%.3f", c.Ratio), interval(c.Low, c.High), percent(c.MDE), finding(c),
		})
	}
	return Rows(w, rows, width)
}

// metricLabel is a metric with its unit: "server CPU, µs/req".
func metricLabel(metric string) string {
	m := judge.MetricNamed(metric).For("the objective")
	return m.Head + ", " + m.Unit
}

func interval(low, high float64) string { return fmt.Sprintf("%.3f to %.3f", low, high) }

// percent shows a share; one that is not known is empty.
func percent(share *float64) string {
	if share == nil {
		return ""
	}
	return fmt.Sprintf("%.1f %%", 100**share)
}

func finding(c judge.Comparison) string {
	switch {
	case c.Worse && !c.Decides:
		return "worse"
	case c.Better && !c.Decides:
		return "better"
	case c.Worse:
		return "slower"
	case c.Better:
		return "faster"
	}
	return "not told apart"
}
