package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/benchctl/benchctl/bench/launch"
	"github.com/benchctl/benchctl/bench/plan"
	"github.com/benchctl/benchctl/report"
	"github.com/benchctl/benchctl/report/live"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/judge"
)

// progress tells on standard error how a run goes: one line that is rewritten on
// a terminal, a line now and then elsewhere.
type progress struct {
	env
	began    time.Time
	first    int // rounds that an earlier attempt had measured
	said     time.Time
	line     bool // there is one that is being rewritten
	launches int
	launch   int    // that is being measured
	dir      string // of the run
	view     *view  // of the run while it goes on; nil: nobody asked
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
	fmt.Fprintf(e.stderr, "run %s: %s, %s, %s of %s, seed %d; takes %s%s\n", m.ID, report.Plural(len(m.Candidates), "candidate"),
		report.Plural(len(m.Candidates)*len(m.Blocks), "cell"), report.Plural(m.Launches, "launch"), rounds, m.Seed, takes, slicesOf(m))
	if warning := tooShort(m); warning != "" {
		e.say("benchctl: warning: %s", warning)
	}
	return &progress{env: e, launches: m.Launches, first: -1, dir: store.Dir()}
}

// slicesOf tells how many slices each cell will have.
func slicesOf(m results.Manifest) string {
	if m.Blocks[0].Load.Watched() || m.Rounds == 0 {
		return ""
	}
	about := "about"
	if m.Fill {
		about = "at most"
	}
	return fmt.Sprintf(", %s %s each", about, report.Plural(m.Launches*m.Rounds, "slice"))
}

// tooShort warns that no row will have a place, "" if that is not to be expected.
func tooShort(m results.Manifest) string {
	each := m.Launches * m.Rounds
	if each == 0 || each >= judge.Needed || m.Blocks[0].Load.Watched() {
		return ""
	}
	text := fmt.Sprintf("an interval takes %d slices, and there are %d of each candidate: no row will have a place", judge.Needed, each)
	if m.Budget > 0 {
		longer := (m.Budget*judge.Needed/time.Duration(each) + time.Minute - 1).Truncate(time.Minute)
		text += "; about --budget " + strings.TrimSuffix(longer.String(), "0s") + " is enough"
	}
	return text
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
		p.interim(e)
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
	if p.view != nil {
		p.view.tell(live.Progress, text)
	}
	switch {
	case p.terminal:
		fmt.Fprintf(p.stderr, "\r%s\x1b[K", p.clip(text))
		p.line = true
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
	if p.line {
		fmt.Fprint(p.stderr, "\r\x1b[K")
		p.line = false
	}
}

// clip cuts a text that the terminal has no room for: it would begin another line each time.
func (p *progress) clip(text string) string {
	if runes := []rune(text); p.width > 1 && len(runes) >= p.width {
		return string(runes[:p.width-2]) + "…"
	}
	return text
}

// interim says between launches, when nothing is loaded, who is ahead so far.
func (p *progress) interim(e launch.Event) {
	if e.Launch <= p.launch {
		return
	}
	p.launch = e.Launch
	if s, err := judge.SummarizeDir(p.dir); err == nil { // the end tells what is wrong
		for _, line := range report.New(s).SoFar() {
			p.say(line)
		}
	}
	if p.view != nil && p.view.write() == nil {
		p.view.tell(live.Changed, "")
	}
}
