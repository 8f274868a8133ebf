package main

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/benchctl/benchctl/apps/conform"
	"github.com/benchctl/benchctl/report"
)

// write prints the matrix of candidates and checks, what its columns are, and why
// checks failed.
func (v verification) write(w io.Writer, exchanges bool) error {
	var b strings.Builder
	v.matrix(&b)
	b.WriteString("\n. passed   F failed, of the gate   r failed, reported   - not made\n\n")
	for _, c := range v.Checks {
		fmt.Fprintf(&b, "%2d %-20s %-6s %s (%s)\n", c.Number, c.ID, c.Level, c.Rule, c.Source)
	}
	for _, c := range v.Candidates {
		c.failures(&b, exchanges)
	}
	_, err := io.WriteString(w, report.Prose(b.String())+"\n")
	return err
}

// matrix has a row for each candidate and a column for each check.
func (v verification) matrix(b *strings.Builder) {
	width := len("candidate")
	for _, c := range v.Candidates {
		width = max(width, len(c.Candidate))
	}
	v.numbers(b, width)
	b.WriteString("  passed  gate\n")
	for _, c := range v.Candidates {
		fmt.Fprintf(b, "%-*s  ", width, c.Candidate)
		if c.State == skipped {
			fmt.Fprintf(b, "%s\n", c.State)
			continue
		}
		for _, check := range v.Checks {
			b.WriteByte(mark(c.outcome(check.ID), check.Level))
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
func (v verification) numbers(b *strings.Builder, width int) {
	digits := len(strconv.Itoa(len(v.Checks)))
	for place := range digits {
		if place > 0 {
			b.WriteByte('\n')
		}
		label := "check"
		if place == digits-1 {
			label = "candidate"
		}
		fmt.Fprintf(b, "%-*s  ", width, label)
		for _, c := range v.Checks {
			b.WriteByte(fmt.Sprintf("%*d", digits, c.Number)[place])
		}
	}
}

func mark(outcome string, level conform.Level) byte {
	switch {
	case outcome == outcomePassed:
		return '.'
	case outcome == outcomeSkipped:
		return '-'
	case level == conform.Gate:
		return 'F'
	}
	return 'r'
}

// failures says why the candidate's checks failed.
func (r candidateRow) failures(b *strings.Builder, exchanges bool) {
	if r.Failed == 0 && r.State == verified {
		return
	}
	fmt.Fprintf(b, "\n%s: %s\n", r.Candidate, cmp.Or(r.Reason, r.summary()))
	for _, f := range r.Findings {
		if f.Outcome != outcomeFailed {
			continue
		}
		app := ""
		if f.App != "" {
			app = " with " + f.App
		}
		fmt.Fprintf(b, "  %s %s%s: %s\n", f.level, f.Check, app, strings.ReplaceAll(f.Reason, "\n", "; "))
		if exchanges {
			f.exchange(b)
		}
	}
}

// exchange shows what went over the wire, quoted, a line of it a line.
func (f findingRow) exchange(b *strings.Builder) {
	for _, m := range f.Exchange {
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
