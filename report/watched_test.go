package report

import (
	"slices"
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
