package text

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/benchctl/benchctl/apps/conform"
	"github.com/benchctl/benchctl/apps/duties"
	"github.com/benchctl/benchctl/report"
)

// Duties writes which duties of the app contract candidates broke, by whom and how often, and what
// happened first.
func Duties(w io.Writer, m duties.Matrix) error {
	var b, padded strings.Builder
	table := tabwriter.NewWriter(&padded, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "candidate\tduty\tbroken by\tat\ttimes\tdeclared")
	for _, c := range m.Candidates {
		dutiesRow(table, c)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for line := range strings.Lines(padded.String()) {
		b.WriteString(trim(line) + "\n")
	}
	for _, c := range m.Candidates {
		breaches(&b, c)
	}
	_, err := io.WriteString(w, report.Prose(b.String())+"\n")
	return err
}

// dutiesRow has a line for each finding.
func dutiesRow(w io.Writer, c duties.Row) {
	switch {
	case c.State != conform.Verified:
		fmt.Fprintf(w, "%s\t%s\t\t\t\t\n", c.Candidate, c.State)
	case len(c.Findings) == 0:
		fmt.Fprintf(w, "%s\tnone\t\t\t\t\n", c.Candidate)
	}
	for _, f := range c.Findings {
		declared := "NO"
		if f.Declared != "" {
			declared = "yes"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\n", c.Candidate, f.Rule, f.By, f.Path, f.Times, declared)
	}
}

// breaches says what happened, or why a candidate was not checked.
func breaches(b *strings.Builder, c duties.Row) {
	if c.State == conform.Verified && len(c.Findings) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s: %s\n", c.Candidate, c)
	for _, f := range c.Findings {
		fmt.Fprintf(b, "  %s %s %s: %s\n", f.Rule, f.Method, f.Path, oneLine(f.Text))
		if f.Declared != "" {
			fmt.Fprintf(b, "    declared: %s\n", f.Declared)
		}
	}
}
