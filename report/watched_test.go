package report

import (
	"slices"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/results/judge"
)

// Findings and remarks say in words what servers did by a reload of something broken.
func TestReloadsInWords(t *testing.T) {
	row := func(name string, verdict judge.Verdict, broken map[judge.Became]int) Row {
		return Row{Cell: &judge.Cell{Candidate: name, Verdict: verdict, Watched: &judge.Watched{Reloads: &judge.Reloads{Broken: broken}}}}
	}
	table := Table{Rows: []Row{
		row("a", judge.Valid, map[judge.Became]int{judge.KeptOld: 6}),
		row("b", judge.Valid, map[judge.Became]int{judge.Halted: 6}),
		row("c", judge.Degraded, map[judge.Became]int{judge.KeptOld: 6}),
		row("d", judge.Valid, map[judge.Became]int{judge.Erred: 1, judge.Halted: 5}),
		row("e", judge.Invalid, map[judge.Became]int{judge.KeptOld: 6}),
	}}
	want := []string{
		"d by a reload of something broken: halted in 5 of 6, served errors in 1 of 6.",
		"a and c kept serving the old after a reload of something broken.",
		"b halted after a reload of something broken.",
		"a, b, c and d lost no request.",
	}
	if got := table.watchedFindings(); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	w := &judge.Watched{Reloads: &judge.Reloads{Broken: map[judge.Became]int{judge.KeptOld: 6}, Mended: map[judge.Became]int{judge.ServedNew: 6}, Refusal: "exit status 1"}}
	want = []string{
		"a reload of something broken: kept serving the old in 6 of 6; the reload said: exit status 1",
		"the reload once it was mended: served by new processes in 6 of 6",
	}
	if got := watchedRemarks(w); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	hostile := printable(&judge.Summary{Cells: []judge.Cell{{Watched: &judge.Watched{Reloads: &judge.Reloads{Broken: map[judge.Became]int{"\x1b[31m": 1}, Refusal: "\x1b[2J"}}}}}).Cells[0].Watched
	if hostile.Reloads.Broken[`\x1b[31m`] != 1 || hostile.Reloads.Refusal != `\x1b[2J` {
		t.Errorf("%+v", hostile.Reloads)
	}
}

// Over several tables it is told how often nobody's request was lost.
func TestLossesOfSeveralTables(t *testing.T) {
	s := &judge.Summary{}
	for i, scenario := range []string{"reload-64", "stop-64"} {
		for name, lost := range map[string][]uint64{"a": {0, 0}, "b": {0, 3}, "c": {7, 9}} {
			w := &judge.Watched{Sent: 100, Lost: map[string]uint64{}}
			if lost[i] > 0 {
				w.Lost["reset"] = lost[i]
			}
			s.Cells = append(s.Cells, judge.Cell{Scenario: scenario, App: "ident", Candidate: name, Class: "engine", Verdict: judge.Valid, Watched: w})
		}
	}
	slices.SortFunc(s.Cells, func(a, b judge.Cell) int { return strings.Compare(a.Scenario+a.Candidate, b.Scenario+b.Candidate) })
	r := New(s)
	if got, want := r.Answers()[0].Text, "No request was lost by a in 2 of 2 and b in 1 of 2 tables."; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := r.Tables[1].answer(ClassOf("engine")), "a lost no request. c lost most of the engines: 9 of 100."; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
