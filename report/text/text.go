// Package text renders a report for a terminal or a plain text file.
package text

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"github.com/benchctl/benchctl/report"
)

// Options control the output. The zero value is usable.
type Options struct {
	Width int  // columns of the terminal; 0 is 110
	Wide  bool // every column, however wide that gets
	Color bool // colour the verdicts by ANSI escapes
}

const (
	defaultWidth = 110
	leastWidth   = 60 // below it texts are no longer wrapped tighter
)

// narrow are the columns shown unless all are asked for.
var narrow = []report.Key{
	report.Rank, report.Candidate, report.Throughput, report.SLO, report.Relative, report.CPU, report.OverBase,
	report.LayerTime, report.LayerAllocations, report.LayerAllocated,
	report.P50, report.P99, report.FirstP50, report.Peak, report.IdleKiB, report.Errors,
	report.Lost, "zombies_per_event", "idle_closed_ms", "race_lost_get_percent", "race_lost_post_percent", "stall_ms", "p99_before_ms", "p99_around_ms", "overlap_ms", "drain_ms", "recovery_ms", "ended_ms", report.Sent, report.Verdict,
}

// dispensable are the columns left out, in that order, where width is lacking.
var dispensable = []report.Key{report.Relative, report.P50, report.Peak, report.Errors, report.P99, report.OverBase, report.CPU, "p99_before_ms", report.Sent, "recovery_ms", "drain_ms"}

// Write renders the whole report: the facts of the run, of several tables what they say together, then each table with its findings
// and footnotes, and what candidates are against their references.
func Write(w io.Writer, r *report.Report, o Options) error {
	if o.Width <= 0 {
		o.Width = defaultWidth
	}
	o.Width = max(o.Width, leastWidth)
	p := &printer{w: bufio.NewWriter(w), Options: o}
	p.header(r)
	if len(r.Tables) > 1 {
		for _, of := range r.Overviews {
			if err := p.overview(of); err != nil {
				return fmt.Errorf("render overview of the %s: %w", of.Class.Many, err)
			}
		}
	}
	for _, t := range r.Tables {
		if err := p.table(t); err != nil {
			return fmt.Errorf("render table %s: %w", t.Title(), err)
		}
	}
	for _, of := range r.References {
		if err := p.references(of); err != nil {
			return fmt.Errorf("render references of %s: %w", of.Scenario, err)
		}
	}
	if err := p.w.Flush(); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// printer writes to a buffer, which keeps the first error until it is flushed.
type printer struct {
	w *bufio.Writer
	Options
}

func (p *printer) header(r *report.Report) {
	var facts []string
	for _, f := range r.Facts() {
		if f.Name == "status" || f.Name == "started" {
			facts = append(facts, f.Value)
			continue
		}
		facts = append(facts, f.Name+" "+f.Value)
	}
	p.wrap("", strings.Join(facts, " · "))
	if m := r.Machine(); m != "" {
		p.wrap("", "machine "+m)
	}
	p.wrap("", r.Quality())
	for _, n := range r.Run.Notes {
		p.wrap("note: ", n)
	}
}

func (p *printer) table(t *report.Table) error {
	fmt.Fprintln(p.w)
	p.wrap("", t.Title())
	if t.Effort != "" {
		p.wrap("", strings.TrimPrefix("engine "+t.Engine+" · "+t.Effort, "engine  · "))
	}
	fmt.Fprintln(p.w)
	if err := p.grid(t); err != nil {
		return err
	}
	fmt.Fprintln(p.w)
	for _, s := range t.Findings {
		p.wrap("", s)
	}
	p.ties(t)
	for _, n := range t.Notes {
		p.wrap(fmt.Sprintf("[%d] ", n.Number), n.Who+": "+n.Text)
	}
	return nil
}

// ties lists what could not be resolved, up to a screenful.
func (p *printer) ties(t *report.Table) {
	const most = 8
	for i, s := range t.Ties {
		if i == most {
			p.wrap("= ", fmt.Sprintf("%d more pairs can't be told apart", len(t.Ties)-most))
			return
		}
		p.wrap("= ", s)
	}
}

// wrap writes lines of at most the width, all indented like the first.
func (p *printer) wrap(lead, text string) {
	indent := strings.Repeat(" ", twwidth.Width(lead))
	for _, line := range strings.Split(text, "\n") {
		for _, part := range Fold(line, p.Width-len(indent)) {
			fmt.Fprintln(p.w, lead+part)
			lead = indent
		}
	}
}

// Fold breaks a line at spaces into parts of at most width columns, or within a
// word that is wider than that. A number stays with its per cent sign.
func Fold(line string, width int) []string {
	var parts []string
	for twwidth.Width(line) > width {
		head := twwidth.Truncate(line, width)
		at := len(head)
		space := strings.LastIndexByte(line[:min(at+1, len(line))], ' ') // the width may end with a word
		if space > 0 && strings.HasPrefix(line[space:], " %") {
			space = strings.LastIndexByte(head[:space], ' ')
		}
		if space > at/2 {
			at = space
		}
		if at == 0 {
			break
		}
		parts = append(parts, strings.TrimRight(line[:at], " "))
		line = strings.TrimLeft(line[at:], " ")
	}
	return append(parts, line)
}
