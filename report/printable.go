package report

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/judge"
)

// Printable returns s with every rune that does not print in one place
// (control characters, terminal escapes, direction overrides, invisible marks,
// bytes that are not UTF-8) replaced by a visible escape: "\x1b", "\u202e".
// Other kinds of space become a plain one.
func Printable(s string) string {
	if !strings.ContainsFunc(s, unprintable) && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == utf8.RuneError && s[i] != 0xef: // U+FFFD itself starts with 0xef
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case !unprintable(r):
			b.WriteRune(r)
		case unicode.Is(unicode.Zs, r):
			b.WriteByte(' ')
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	return b.String()
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// Prose is Printable for texts of several lines: reasons may quote the end of a log.
// Lines are kept, tabs become spaces.
func Prose(s string) string {
	s = strings.ReplaceAll(strings.TrimSpace(s), "\r\n", "\n")
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = Printable(strings.ReplaceAll(strings.TrimRight(l, " \t"), "\t", "    "))
	}
	return strings.Join(lines, "\n")
}

// printable returns a copy of s whose strings are all printable.
func printable(s *judge.Summary) *judge.Summary {
	c := *s
	c.Run = printableRun(s.Run)
	c.Cells = slices.Clone(s.Cells)
	for i := range c.Cells {
		printableCell(&c.Cells[i])
	}
	c.Pairs = slices.Clone(s.Pairs)
	for i := range c.Pairs {
		p := &c.Pairs[i]
		apply(Printable, &p.Scenario, &p.App, &p.A, &p.B, &p.Metric)
	}
	return &c
}

func printableRun(r judge.Run) judge.Run {
	e := &r.Environment
	apply(Printable, &r.ID, &r.Status, &r.Benchctl, &r.Command,
		&e.CPU, &e.Kernel, &e.OS, &e.Go, &e.Governor, &e.Virtualized, &e.ServerCPUs, &e.LoaderCPUs, &e.Fingerprint)
	settings := make(map[string]string, len(e.Settings))
	for name, value := range e.Settings {
		settings[Printable(name)] = Printable(value)
	}
	e.Settings = settings
	r.Notes = each(Prose, r.Notes)
	return r
}

func printableCell(c *judge.Cell) {
	apply(Printable, &c.Scenario, &c.App, &c.Candidate, &c.Server, &c.Version, &c.Profile, &c.Class, &c.Base, &c.Reference, &c.Engine)
	c.Verdict = judge.Verdict(Printable(string(c.Verdict)))
	c.Notes = each(Prose, c.Notes)
	c.Reasons = slices.Clone(c.Reasons)
	for i := range c.Reasons {
		c.Reasons[i].Text = Prose(c.Reasons[i].Text)
	}
	if c.SLO != nil {
		c.SLO = &judge.SLO{Objective: Printable(c.SLO.Objective)}
	}
	c.TiedWith = each(Printable, c.TiedWith)
	var errors results.Errors
	errors.Add(printableKeys(c.Errors.ByKind), printableKeys(c.Errors.ByCause), nil)
	errors.Total, errors.Void, errors.Examples = c.Errors.Total, c.Errors.Void, make(map[string]string, len(c.Errors.Examples))
	for kind, text := range c.Errors.Examples {
		errors.Examples[Printable(kind)] = Printable(text)
	}
	c.Errors = errors
	c.Watched = printableWatched(c.Watched)
}

func printableWatched(w *judge.Watched) *judge.Watched {
	if w == nil {
		return nil
	}
	p := *w
	p.Events, p.Outcomes, p.Streams = each(Printable, w.Events), printableKeys(w.Outcomes), printableKeys(w.Streams)
	p.Lost, p.ByMethod = printableKeys(w.Lost), printableKeys(w.ByMethod)
	p.Examples, p.Exits = make(map[string]string), make(map[string]int)
	for outcome, text := range w.Examples {
		p.Examples[Printable(outcome)] = Printable(text)
	}
	for how, n := range w.Exits {
		p.Exits[Printable(how)] += n
	}
	if w.Reloads != nil {
		p.Reloads = &judge.Reloads{Broken: printableKeys(w.Reloads.Broken), Mended: printableKeys(w.Reloads.Mended), Refusal: Prose(w.Reloads.Refusal)}
	}
	if w.Race != nil {
		r := *w.Race
		r.Outcomes = make(map[string]map[string]uint64, len(w.Race.Outcomes))
		for method, outcomes := range w.Race.Outcomes {
			r.Outcomes[Printable(method)] = printableKeys(outcomes)
		}
		p.Race = &r
	}
	return &p
}

func printableKeys[K ~string, N int | uint64](numbers map[K]N) map[K]N {
	all := make(map[K]N, len(numbers))
	for key, n := range numbers {
		all[K(Printable(string(key)))] += n
	}
	return all
}

func apply(f func(string) string, fields ...*string) {
	for _, s := range fields {
		*s = f(*s)
	}
}

func each(f func(string) string, list []string) []string {
	list = slices.Clone(list)
	for i := range list {
		list[i] = f(list[i])
	}
	return list
}
