package duties_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/conform"
	"github.com/benchctl/benchctl/apps/duties"
	"github.com/benchctl/benchctl/apps/stack/lint"
)

// breaches are of "S3 server /upload", separated by commas.
func breaches(text string) (all []lint.Breach) {
	for i, one := range strings.Split(text, ",") {
		part := strings.Fields(one)
		if len(part) == 3 {
			all = append(all, lint.Breach{Rule: part[0], By: lint.Side(part[1]), Method: "GET", Path: part[2], Text: fmt.Sprint("number ", i)})
		}
	}
	return all
}

func known(text string) (all []duties.Deviation) {
	for _, b := range breaches(text) {
		all = append(all, duties.Deviation{Deviation: apps.Deviation{Rule: b.Rule, Reason: "known"}, By: b.By, Path: strings.TrimPrefix(b.Path, "*")})
	}
	return all
}

// Breaches of a duty by a side at a path are one finding, and only what is declared is excused.
func TestRow(t *testing.T) {
	for _, c := range []struct{ breaches, known, want, line string }{
		{"", "", "", "no duty is broken"},
		{"S3 server /a,A6 app /b,S3 server /a,S10 server /a", "", "A6 app /b 1 number 1,S3 server /a 2 number 0,S10 server /a 1 number 3", "broken: A6 by the app, S3 by the server, S10 by the server"},
		{"S3 server /a,S3 app /a,S3 server /b", "S3 server *", "S3 server /a 1 number 0 known,S3 app /a 1 number 1,S3 server /b 1 number 2 known", "broken: S3 by the app; as declared: S3 by the server"},
		{"A6 app /error,A6 app /hello", "A6 app /error", "A6 app /error 1 number 0 known,A6 app /hello 1 number 1", "broken: A6 by the app; as declared: A6 by the app"},
		{"A6 app /error", "A6 app /error", "A6 app /error 1 number 0 known", "as declared: A6 by the app"},
		{"A6 app /error", "A4 app /error,A6 server *", "A6 app /error 1 number 0", "broken: A6 by the app"},
	} {
		r := duties.NewRow("a", "v1", "engine", breaches(c.breaches), known(c.known), nil)
		var got []string
		for _, f := range r.Findings {
			got = append(got, strings.TrimSpace(fmt.Sprintln(f.Rule, f.By, f.Path, f.Times, f.Text, f.Declared)))
		}
		if strings.Join(got, ",") != c.want || r.String() != c.line || r.Kept == strings.Contains(c.line, "broken:") {
			t.Errorf("%s: %q, %q, kept %v", c.breaches, got, r, r.Kept)
		}
	}
}

// What could not be checked has failed; who does not carry apps by the contract, or is not there, has not.
func TestFailed(t *testing.T) {
	kept := duties.NewRow("a", "", "engine", nil, nil, nil)
	broke := duties.NewRow("a", "", "engine", breaches("S3 server /a"), nil, nil)
	died := duties.NewRow("a", "", "engine", nil, nil, errors.New("died"))
	absent, other := duties.UncheckedRow("a", "engine", conform.Absent, "x"), duties.UncheckedRow("a", "wsgi", duties.NotInGo, "x")
	if died.Kept || died.State != conform.Broken || died.String() != "broken: died" || other.String() != "not in Go: x" || other.Findings == nil {
		t.Errorf("%+v, %+v", died, other)
	}
	for _, c := range []struct {
		rows []duties.Row
		want bool
	}{
		{nil, false}, {[]duties.Row{kept, absent, other}, false}, {[]duties.Row{kept, broke}, true}, {[]duties.Row{died}, true},
	} {
		if got := (duties.Matrix{Candidates: c.rows}).Failed(); got != c.want {
			t.Errorf("%v: failed %v", c.rows, got)
		}
	}
}
