package text

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/benchctl/benchctl/apps/conform"
	"github.com/benchctl/benchctl/report"
)

// Matrix writes the results of the conformance checks: the matrix, the meaning of its columns,
// and why checks failed. With exchanges, it also writes the bytes of failed checks.
func Matrix(w io.Writer, m conform.Matrix, exchanges bool) error {
	var b strings.Builder
	matrix(&b, m)
	b.WriteString("\n. passed   F failed, of the gate   r failed, reported   - not made\n\n")
	for _, c := range m.Checks {
		fmt.Fprintf(&b, "%2d %-20s %-6s %s (%s)\n", c.Number, c.ID, c.Level, c.Rule, c.Source)
	}
	for _, r := range m.Candidates {
		failures(&b, r, exchanges)
	}
	_, err := io.WriteString(w, report.Prose(b.String())+"\n")
	return err
}

// matrix has a row for each candidate and a column for each check.
func matrix(b *strings.Builder, m conform.Matrix) {
	width := len("candidate")
	for _, c := range m.Candidates {
		width = max(width, len(c.Candidate))
	}
	numbers(b, m.Checks, width)
	b.WriteString("  passed  gate\n")
	for _, c := range m.Candidates {
		fmt.Fprintf(b, "%-*s  ", width, c.Candidate)
		if c.State == conform.Absent {
			fmt.Fprintf(b, "%s\n", c.State)
			continue
		}
		for _, check := range m.Checks {
			b.WriteByte(mark(c.Outcome(check.ID), check.Level))
		}
		gate := "passed"
		if !c.Gate {
			gate = "FAILED"
		}
		fmt.Fprintf(b, "  %2d/%-2d   %s\n", c.Passed, c.Passed+c.Failed, gate)
	}
}

// numbers heads the columns with the numbers of the checks, a line for each digit. None
// begins with white space, which would be cut from the first.
func numbers(b *strings.Builder, checks []conform.Column, width int) {
	digits := len(strconv.Itoa(len(checks)))
	for place := range digits {
		if place > 0 {
			b.WriteByte('\n')
		}
		label := "check"
		if place == digits-1 {
			label = "candidate"
		}
		fmt.Fprintf(b, "%-*s  ", width, label)
		for _, c := range checks {
			b.WriteByte(fmt.Sprintf("%*d", digits, c.Number)[place])
		}
	}
}

func mark(outcome conform.Outcome, level conform.Level) byte {
	switch {
	case outcome == conform.Passed:
		return '.'
	case outcome == conform.NotMade:
		return '-'
	case level == conform.Gate:
		return 'F'
	}
	return 'r'
}

// failures writes why the candidate's checks failed.
func failures(b *strings.Builder, r conform.Row, exchanges bool) {
	if r.Failed == 0 && r.State == conform.Verified {
		return
	}
	fmt.Fprintf(b, "\n%s: %s\n", r.Candidate, cmp.Or(r.Reason, r.String()))
	for _, f := range r.Findings {
		if f.Outcome != conform.Failed {
			continue
		}
		app := ""
		if f.App != "" {
			app = " with " + f.App
		}
		fmt.Fprintf(b, "  %s %s%s: %s\n", f.Level, f.Check, app, strings.ReplaceAll(f.Reason, "\n", "; "))
		if exchanges {
			exchange(b, f.Exchange)
		}
	}
}

// exchange writes the bytes of a check, quoted, line by line.
func exchange(b *strings.Builder, all []conform.Exchanged) {
	for _, m := range all {
		way, text := ">", m.Sent
		if m.Received != "" {
			way, text = "<", m.Received
		}
		for line := range strings.Lines(text) {
			fmt.Fprintf(b, "    %d%s %s\n", m.Connection, way, quoteBytes(line))
		}
		if m.Cut > 0 {
			fmt.Fprintf(b, "    %d%s %d more bytes\n", m.Connection, way, m.Cut)
		}
	}
}

// quoteBytes shows what is not printable ASCII as \xNN, or as \r and \n.
func quoteBytes(text string) string {
	var b strings.Builder
	for _, c := range text {
		switch {
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\\' || c < ' ' || c > '~':
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}
