package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/benchctl/benchctl/bench/launch"
	"github.com/benchctl/benchctl/bench/plan"
	"github.com/benchctl/benchctl/report"
	"github.com/benchctl/benchctl/results"
)

// progress tells on standard error how a run goes: one line that is rewritten on
// a terminal, a line now and then elsewhere.
type progress struct {
	env
	began    time.Time
	first    int // rounds that an earlier attempt had measured
	said     time.Time
	line     int // length of the line on the terminal
	launches int
}

// quiet is how long nothing is said where lines can't be rewritten.
const quiet = 10 * time.Second

func newProgress(e env, store *results.Store) *progress {
	m := store.Manifest()
	rounds, takes := report.Plural(m.Rounds, "round"), "about "+plan.Forecast(m).Round(time.Second).String()
	switch {
	case m.Fills():
		rounds, takes = "as many rounds as the time holds", m.Budget.String()
	case m.Budget > 0:
		takes += fmt.Sprintf(", %v at most (--budget sets another time)", m.Budget)
	}
	fmt.Fprintf(e.stderr, "run %s: %s, %s, %s of %s, seed %d; takes %s\n", m.ID, report.Plural(len(m.Candidates), "candidate"),
		report.Plural(len(m.Candidates)*len(m.Blocks), "cell"), report.Plural(m.Launches, "launch"), rounds, m.Seed, takes)
	return &progress{env: e, launches: m.Launches, first: -1}
}

func (p *progress) observe(e launch.Event) {
	if p.first < 0 {
		p.began, p.first = time.Now(), e.Done
	}
	switch e.Kind {
	case launch.Failed:
		where := ""
		if e.App != "" {
			where = fmt.Sprintf(" of %s, %s", e.Scenario, e.App)
		}
		p.say(fmt.Sprintf("%s is out%s: %s", e.Candidate, where, report1(e.Text)))
	case launch.Warning:
		p.say("benchctl: warning: " + e.Text)
	case launch.Starting:
		p.update(e, "starting")
	case launch.Ready:
		p.update(e, fmt.Sprintf("%s ready in %.0f ms", e.Candidate, e.Took.Seconds()*1e3))
	case launch.Measuring:
		p.update(e, fmt.Sprintf("%s, %s: warming up", e.Scenario, e.App))
	case launch.Passing:
		p.update(e, fmt.Sprintf("%s, %s: loading each without a break, %v in all", e.Scenario, e.App, e.Took.Round(time.Second/10)))
		p.began = p.began.Add(e.Took) // which is none of the rounds'
	case launch.Round:
		p.update(e, fmt.Sprintf("%s, %s", e.Scenario, e.App))
	}
}

// report1 is the first line of a text.
func report1(text string) string {
	first, _, _ := strings.Cut(text, "\n")
	return first
}

// update shows the state of the run.
func (p *progress) update(e launch.Event, what string) {
	text := fmt.Sprintf("launch %d/%d, round %d", e.Launch+1, p.launches, e.Done)
	if e.Total > 0 {
		text += fmt.Sprintf("/%d", e.Total)
	}
	if left, ok := p.left(e); ok {
		text += fmt.Sprintf(", %v left", left)
	}
	text += ": " + what
	switch {
	case p.terminal:
		fmt.Fprintf(p.stderr, "\r%-*s", p.line, text)
		p.line = len(text)
	case time.Since(p.said) >= quiet || e.Kind == launch.Passing || e.Done == e.Total && e.Kind == launch.Round:
		p.say(text)
	}
}

// left is about how long the run still takes: what is left of a budget to fill, or
// as long per round as so far.
func (p *progress) left(e launch.Event) (time.Duration, bool) {
	if e.Total == 0 {
		return max(0, time.Until(e.Ends)).Round(time.Second), true
	}
	measured := e.Done - p.first
	if measured <= 0 {
		return 0, false
	}
	left := time.Since(p.began) / time.Duration(measured) * time.Duration(e.Total-e.Done)
	if e.Kind == launch.Passing {
		left += e.Took
	}
	if !e.Ends.IsZero() {
		left = min(left, time.Until(e.Ends))
	}
	return max(0, left).Round(time.Second), true
}

// say prints a line of its own.
func (p *progress) say(text string) {
	p.end()
	fmt.Fprintln(p.stderr, report.Prose(text))
	p.said = time.Now()
}

// end leaves the line that is being rewritten.
func (p *progress) end() {
	if p.line > 0 {
		fmt.Fprintf(p.stderr, "\r%s\r", strings.Repeat(" ", p.line))
		p.line = 0
	}
}
