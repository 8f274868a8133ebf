package text

import (
	"fmt"
	"io"
	"strings"

	"github.com/benchctl/benchctl/apps/conform"
	"github.com/benchctl/benchctl/report"
	"github.com/benchctl/benchctl/servers/audit"
)

// ProcessControl writes how candidates kept the rules of process control: the matrix, what
// its columns are, and why rules were not kept.
func ProcessControl(w io.Writer, m audit.Matrix) error {
	var b strings.Builder
	width := len("candidate")
	for _, c := range m.Candidates {
		width = max(width, len(c.Candidate))
	}
	fmt.Fprintf(&b, "%-*s ", width, "candidate")
	for _, r := range m.Rules {
		b.WriteString(" " + r.ID)
	}
	b.WriteString("  kept   gate\n")
	for _, c := range m.Candidates {
		processRow(&b, m.Rules, c, width)
	}
	b.WriteString("\n. kept   F failed, of the gate   r failed, reported   - not offered   # needs root   ? not made\n\n")
	for _, r := range m.Rules {
		fmt.Fprintf(&b, "%-3s %-6s %s (%s)\n", r.ID, r.Level, r.Rule, r.Source)
	}
	for _, c := range m.Candidates {
		unkept(&b, m.Rules, c)
	}
	_, err := io.WriteString(w, report.Prose(b.String())+"\n")
	return err
}

func processRow(b *strings.Builder, rules []audit.Rule, c audit.Row, width int) {
	fmt.Fprintf(b, "%-*s ", width, c.Candidate)
	if c.State == conform.Absent {
		fmt.Fprintf(b, " %s\n", c.State)
		return
	}
	for _, r := range rules {
		fmt.Fprintf(b, " %c ", outcomeMark(c.Outcome(r.ID), r.Level))
	}
	gate := "passed"
	if !c.Gate {
		gate = "FAILED"
	}
	passed := c.Count(audit.Passed)
	fmt.Fprintf(b, " %2d/%-2d  %s\n", passed, passed+c.Count(audit.Failed), gate)
}

func outcomeMark(o audit.Outcome, level conform.Level) rune {
	switch o {
	case audit.Passed:
		return '.'
	case audit.NotOffered:
		return '-'
	case audit.NeedsRoot:
		return '#'
	case audit.NotMade:
		return '?'
	}
	if level == conform.Gate {
		return 'F'
	}
	return 'r'
}

// unkept says why rules were not kept, and why some were not tried.
func unkept(b *strings.Builder, rules []audit.Rule, c audit.Row) {
	var lines []string
	for i, f := range c.Findings {
		switch {
		case f.Outcome == audit.Failed:
			lines = append(lines, fmt.Sprintf("  %s %s: %s\n", rules[i].Level, f.Rule, oneLine(f.Reason)))
		case f.Outcome == audit.NotMade && f.Reason != "":
			lines = append(lines, fmt.Sprintf("  %s %s: %s\n", f.Outcome, f.Rule, oneLine(f.Reason)))
		}
	}
	if lines != nil || c.State != conform.Verified {
		fmt.Fprintf(b, "\n%s: %s\n%s", c.Candidate, c, strings.Join(lines, ""))
	}
}

func oneLine(s string) string { return strings.ReplaceAll(s, "\n", "; ") }
