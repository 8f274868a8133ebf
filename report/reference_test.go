package report_test

import (
	"slices"
	"testing"

	"github.com/benchctl/benchctl/report"
	"github.com/benchctl/benchctl/report/internal/fixture"
	"github.com/benchctl/benchctl/results/judge"
)

// What candidates are against their references is told by candidate, with all apps of a
// scenario, and by a column of each table.
func TestReferences(t *testing.T) {
	r := report.New(fixture.Referred())
	if len(r.References) != 1 || r.References[0].Scenario != "contract-tax" || r.References[0].Metric.Head != "server CPU" {
		t.Fatalf("%+v", r.References)
	}
	var got []string
	for _, row := range r.References[0].Rows {
		text := row.Candidate + " " + row.App + " " + row.Own + " " + row.Other
		if row.Known() {
			text += " " + report.Ratio(row.Ratio)
		}
		got = append(got, text)
	}
	want := []string{
		"nethttp hello 10.20 10.00 1.020x [1.015, 1.026]", "nethttp upload?bytes=1000 10.20 10.00 1.020x [1.015, 1.026]",
		"nbio-blocking hello 10.20 10.00 1.020x [1.015, 1.026]", "nbio-blocking upload?bytes=1000 10.20 10.00 1.020x [1.015, 1.026]",
		"gnet hello 10.20 10.00", "gnet upload?bytes=1000 10.20 10.00",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	table := r.Tables[0]
	at := slices.IndexFunc(table.Columns, func(c report.Column) bool { return c.Key == report.OverReference })
	if at < 0 {
		t.Fatal("no such column")
	}
	for _, row := range table.Rows {
		want := report.Unknown
		if row.Cell.Candidate == "nethttp" || row.Cell.Candidate == "nbio-blocking" {
			want = "+2.0 % ±0.5"
		}
		if got := row.Values[at].String(); got != want {
			t.Errorf("%s: %q, want %q", row.Cell.Candidate, got, want)
		}
	}
	s := fixture.Referred()
	for i := range s.Cells {
		if s.Cells[i].App != "hello" {
			s.Cells[i].Verdict, s.Cells[i].Rank, s.Cells[i].RankedBy, s.Cells[i].Figures = judge.Unreached, 0, "", nil
		}
	}
	if r := report.New(s); len(r.References) != 1 || len(r.References[0].Rows) != 3 {
		t.Errorf("of a run that ended before its last app: %+v", r.References)
	}
	if r := report.New(fixture.Mixed()); r.References != nil {
		t.Errorf("without any: %+v", r.References)
	}
}
