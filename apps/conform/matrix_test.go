package conform_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/apps/conform"
)

// found is a finding of a check with an app; err is "" for one that was passed.
func found(id string, level conform.Level, app, err string, concerns ...string) conform.Finding {
	f := conform.Finding{Check: conform.Check{ID: id, Level: level, Concerns: concerns}, App: app}
	if err != "" {
		f.Err = errors.New(err)
	}
	return f
}

// A failed check of the gate costs the cells of the apps that it concerns.
func TestRowTellsWhatItCosts(t *testing.T) {
	for _, c := range []struct {
		want     string
		findings []conform.Finding
	}{
		{"passes the gate, 1 of 2 checks", []conform.Finding{found("reply", conform.Gate, "hello", ""), found("date", conform.Report, "", "none")}},
		{"fails the gate at trace; 0 of 1 checks; no cell of a run depends on those", []conform.Finding{found("trace", conform.Gate, "", "x")}},
		{
			"fails the gate at reply, echo; 0 of 1 checks; in a run its cells of hello, upload, echo are invalid",
			[]conform.Finding{found("reply", conform.Gate, "hello", "x"), found("reply", conform.Gate, "", "x", "upload", "echo"), found("echo", conform.Gate, "", "x", "echo")},
		},
		{
			"fails the gate at reply; 0 of 1 checks; in a run its cells of json are invalid",
			[]conform.Finding{found("reply", conform.Gate, "json", "x"), found("reply", conform.Gate, "hello", "")},
		},
		{
			"fails the gate at close; 0 of 1 checks; in a run its cells of any app over connections that carry one request each are invalid",
			[]conform.Finding{found("close", conform.Gate, "", "x", conform.UsesClose)},
		},
	} {
		row := conform.NewRow("a", "v1", "engine", false, c.findings, nil)
		if row.String() != c.want || row.State != conform.Verified || row.Gate != strings.HasPrefix(c.want, "passes") {
			t.Errorf("%q, want %q\n%+v", row, c.want, row)
		}
	}
}

// What could not be checked does not pass, whatever was found before; what is not there is
// not to blame.
func TestStatesOfRows(t *testing.T) {
	passed := []conform.Finding{found("reply", conform.Gate, "hello", "")}
	broken := conform.NewRow("b", "", "engine", false, passed, errors.New("died: exit status 3"))
	absent := conform.AbsentRow("c", "wsgi", "not installed")
	verified := conform.NewRow("a", "", "engine", false, passed, nil)
	if broken.String() != "broken: died: exit status 3" || broken.Gate || broken.Passed != 1 {
		t.Errorf("%+v", broken)
	}
	if absent.String() != "skipped: not installed" || absent.Passed+absent.Failed != 0 {
		t.Errorf("%+v", absent)
	}
	for _, c := range []struct {
		rows []conform.Row
		want bool
	}{
		{nil, false}, {[]conform.Row{verified, absent}, false}, {[]conform.Row{verified, broken}, true},
		{[]conform.Row{conform.NewRow("d", "", "engine", false, []conform.Finding{found("reply", conform.Gate, "", "x")}, nil)}, true},
		{[]conform.Row{conform.NewRow("d", "", "engine", false, []conform.Finding{found("date", conform.Report, "", "x")}, nil)}, false},
	} {
		if got := (conform.Matrix{Candidates: c.rows}).Failed(); got != c.want {
			t.Errorf("%v: failed %v", c.rows, got)
		}
	}
}

// The outcome of a check is the worst over all apps, and each is counted once.
func TestOutcomesOverApps(t *testing.T) {
	skipped := found("head", conform.Gate, "echo", "")
	skipped.Skipped = "takes none"
	row := conform.NewRow("a", "", "engine", false, []conform.Finding{
		found("reply", conform.Gate, "hello", ""), found("reply", conform.Gate, "echo", "x"), found("reply", conform.Gate, "json", ""),
		skipped, found("head", conform.Gate, "hello", ""),
	}, nil)
	for check, want := range map[string]conform.Outcome{"reply": conform.Failed, "head": conform.Passed, "date": conform.NotMade} {
		if got := row.Outcome(check); got != want {
			t.Errorf("%s: %s, want %s", check, got, want)
		}
	}
	if all := len(conform.NewMatrix(false).Checks); row.Passed != 1 || row.Failed != 1 || row.Skipped != all-2 {
		t.Errorf("%d passed, %d failed, %d skipped of %d", row.Passed, row.Failed, row.Skipped, all)
	}
}

// Columns are numbered; those over HTTP/2 are there where a load speaks that.
func TestColumns(t *testing.T) {
	plain, both := conform.NewMatrix(false), conform.NewMatrix(true)
	over2 := func(c conform.Column) bool { return strings.HasPrefix(c.ID, "h2-") }
	if len(both.Checks) != len(conform.Checks()) || !slices.ContainsFunc(both.Checks, over2) || slices.ContainsFunc(plain.Checks, over2) {
		t.Errorf("%d checks, %d without HTTP/2", len(both.Checks), len(plain.Checks))
	}
	for i, c := range both.Checks {
		if c.Number != i+1 || c.Concerns == nil {
			t.Errorf("%+v at %d", c, i)
		}
	}
	if reply := plain.Checks[0]; reply.ID != "reply" || !slices.Equal(reply.Concerns, []string{"all"}) {
		t.Errorf("the first is %+v", reply)
	}
}

// Bytes are kept as they are, a character each.
func TestExchangeKeepsBytes(t *testing.T) {
	f := found("reply", conform.Gate, "hello", "x")
	f.Transcript = []conform.Message{{Connection: 1, Sent: true, Bytes: []byte("GET\r\n")}, {Connection: 2, Bytes: []byte{0xff, 0}, Cut: 7}}
	got := conform.NewRow("a", "", "engine", false, []conform.Finding{f}, nil).Findings[0].Exchange
	want := []conform.Exchanged{{Connection: 1, Sent: "GET\r\n"}, {Connection: 2, Received: "\u00ff\x00", Cut: 7}}
	if !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}
