package text

import (
	"fmt"
	"io"
	"slices"

	"github.com/benchctl/benchctl/report"
	"github.com/benchctl/benchctl/results/judge"
)

// Comparisons writes a table of ratios and one of differences, folded to the width in columns;
// 0 is any.
func Comparisons(w io.Writer, all []judge.Comparison, width int) error {
	rows := [][]string{{"SCENARIO", "APP", "METRIC", "A", "B", "B/A", "95 % INTERVAL", "CAN SEE", "B IS"}}
	differences := [][]string{{"SCENARIO", "APP", "METRIC", "A", "B", "A HAS", "B HAS", "B-A", "95 % INTERVAL", "CAN SEE", "B IS"}}
	for _, c := range all {
		is := []string{c.Scenario, c.App, metricLabel(c.Metric), c.A, c.B}
		if d := c.Difference; d != nil {
			differences = append(differences, append(is, figure(d.A), figure(d.B), signed(d.Value), signed(d.Low)+" to "+signed(d.High), figure(d.MDE), finding(c)))
			continue
		}
		rows = append(rows, append(is, fmt.Sprintf("%.3f", c.Ratio), interval(c.Low, c.High), percent(c.MDE), finding(c)))
	}
	tables := slices.DeleteFunc([][][]string{rows, differences}, func(table [][]string) bool { return len(table) == 1 && len(all) > 0 })
	for i, table := range tables {
		if i > 0 {
			fmt.Fprintln(w)
		}
		if err := Rows(w, table, width); err != nil {
			return err
		}
	}
	return nil
}

// figure is one of a difference.
func figure(v float64) string { return report.Number(v, 3) }

// signed is a figure with its sign.
func signed(v float64) string {
	if v > 0 {
		return "+" + figure(v)
	}
	return figure(v)
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

// finding is what b is. What was watched around events is not of its speed.
func finding(c judge.Comparison) string {
	speed := c.Decides && c.Difference == nil
	switch {
	case c.Worse && speed:
		return "slower"
	case c.Better && speed:
		return "faster"
	case c.Worse:
		return "worse"
	case c.Better:
		return "better"
	}
	return "not told apart"
}
