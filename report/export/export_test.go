package export_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/report/export"
	"github.com/benchctl/benchctl/report/internal/fixture"
	"github.com/benchctl/benchctl/report/internal/golden"
	"github.com/benchctl/benchctl/results/judge"
)

// written is the one document that a format makes of a run.
func written(t *testing.T, format string, r export.Run) string {
	t.Helper()
	at := slices.IndexFunc(export.Formats, func(f export.Format) bool { return f.Name == format })
	documents := export.Formats[at].Documents(r)
	if len(documents) != 1 {
		t.Fatalf("%s has %d documents", format, len(documents))
	}
	var b bytes.Buffer
	if err := documents[0].Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestMarkdown(t *testing.T) {
	text := written(t, "md", export.Run{Summary: fixture.Mixed()})
	golden.Compare(t, "mixed.md", []byte(text))
	if strings.ContainsAny(text, "<>\x1b") {
		t.Error("it has markup, or escapes, of names")
	}
}

// A line has a cell, and a field with a comma or a quote is quoted.
func TestCSV(t *testing.T) {
	r := export.Run{Summary: fixture.Mixed()}
	r.Summary.Cells[0].Candidate = `a,"b"`
	lines, err := csv.NewReader(strings.NewReader(written(t, "csv", r))).ReadAll()
	if err != nil || len(lines) != 1+len(r.Summary.Cells) {
		t.Fatalf("%d lines, %v", len(lines), err)
	}
	at := slices.Index(lines[0], judge.MetricThroughput)
	if first := lines[1]; first[2] != `a,"b"` || first[at] != "152345" || first[at+1] >= first[at] {
		t.Errorf("%q", first)
	}
	if last := lines[6]; last[at] != "" || last[5] != "invalid" {
		t.Errorf("%q", last)
	}
}

// What is exported as JSON is read as what it was.
func TestJSON(t *testing.T) {
	r := export.Run{Summary: fixture.Mixed()}.Pick(func(_, _, candidate string) bool { return candidate == "nethttp" })
	var s judge.Summary
	if err := json.Unmarshal([]byte(written(t, "json", r)), &s); err != nil {
		t.Fatal(err)
	}
	if len(s.Cells) != 2 || len(s.Pairs) != 0 || s.Cells[0].Candidate != "nethttp" || s.Cells[0].Figures.Throughput().Value != 107210 {
		t.Errorf("%+v", s.Cells)
	}
}

// A run without cells has nothing to export.
func TestNothing(t *testing.T) {
	for _, f := range export.Formats {
		if n := len(f.Documents(export.Run{Summary: &judge.Summary{}, Kind: export.Kinds[0]})); n != 0 {
			t.Errorf("%s: %d documents", f.Name, n)
		}
	}
}
