package site_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/apps/conform"
	"github.com/benchctl/benchctl/report"
	"github.com/benchctl/benchctl/report/internal/fixture"
	"github.com/benchctl/benchctl/report/site"
	"github.com/benchctl/benchctl/results/judge"
	"github.com/benchctl/benchctl/servers/audit"
	"github.com/benchctl/benchctl/servers/control"
)

// put writes a file of checks as verify prints them.
func put(t testing.TB, matrix any) string {
	t.Helper()
	text, err := json.Marshal(matrix)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "checks.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// check is that of an id.
func check(id string) conform.Check {
	all := conform.Checks()
	return all[slices.IndexFunc(all, func(c conform.Check) bool { return c.ID == id })]
}

// conformance has a row that fails a check of the gate with a text of markup, and one that is not installed.
func conformance() conform.Matrix {
	failed := conform.Finding{Check: check("no-content"), Err: errors.New("got <b>\x1b[31mfive</b> bytes")}
	m := conform.NewMatrix(false)
	m.Candidates = []conform.Row{
		conform.NewRow("hertz", "v1", "engine", false, []conform.Finding{{Check: check("reply"), App: "hello"}, failed}, nil),
		conform.NewRow("nethttp:tuned", "v2", "engine", false, []conform.Finding{{Check: check("reply"), App: "hello"}}, nil),
		conform.NewRow("gnet", "v3", "engine", false, []conform.Finding{{Check: check("reply"), App: "hello"}}, nil),
		conform.AbsentRow("hertz:absent", "engine", "no such program"),
	}
	return m
}

func controlled() audit.Matrix {
	return audit.Matrix{Schema: audit.MatrixSchema, Rules: audit.Rules(), Candidates: []audit.Row{{
		Candidate: "hertz", State: conform.Verified,
		Offers:   []audit.Offered{{Facility: control.Background, Promise: "goes to the background", Source: "its manual"}},
		Findings: []audit.Finding{{Rule: "D1", Outcome: audit.Passed}, {Rule: "D2", Outcome: audit.Failed, Reason: "refused after 3 ms"}},
	}}}
}

func TestChecksOnPagesOfServers(t *testing.T) {
	out := t.TempDir()
	s := fixture.Many(4) // of fasthttp, hertz, nbio, nethttp
	s.Cells[1].RankedBy, s.Cells[1].Figures, s.Cells[1].Rank = "", nil, 0
	s.Cells[1].Watched = &judge.Watched{Events: []string{"reload"}, Repetitions: 2, Sent: 4000, Lost: map[string]uint64{"reset": 3}}
	o := site.Options{Checks: []string{put(t, conformance()), put(t, controlled())}}
	built(t, out, o, keep(t, t.TempDir(), at(s, "a", 0)))
	hertz := content(t, out, "servers", "hertz.html")
	ordered(t, hertz, `id="conformance"`, "<b>hertz</b> v1: fails the gate at no-content; 1 of 2 checks; in a run its cells of status are invalid",
		"204 has no body", `got &lt;b&gt;\x1b[31mfive`, `id="process-control"`, "keeps 1 of 2 rules; reported: D2", "goes to the background", "refused after 3 ms",
		"reload", "lost 3 of 4,000 requests: 3 reset")
	if strings.Contains(hertz, "absent") || strings.Contains(hertz, `id="history"`) {
		t.Error("hertz has what was not checked, or a history of no figures")
	}
	ordered(t, content(t, out, "servers", "nethttp.html"), "<b>nethttp:tuned</b> v2: passes the gate, 1 of 1 checks", `id="history"`)
	ordered(t, content(t, out, "servers", "gnet.html"), "engines", "in no run", `id="conformance"`, "<b>gnet</b>")
	if strings.Contains(content(t, out, "servers", "nbio.html"), `id="conformance"`) {
		t.Error("nbio was not checked")
	}
}

func TestChecksThatCannotBeRead(t *testing.T) {
	unknown := controlled()
	unknown.Candidates[0].Findings[0].Rule = "D77"
	unlisted := conformance()
	unlisted.Checks = unlisted.Checks[:1]
	for name, c := range map[string]struct {
		matrix any
		says   string
	}{
		"a schema":     {map[string]string{"schema": "other/v1"}, `schema "other/v1" is neither`},
		"a rule":       {unknown, `hertz: rule "D77" is not known here`},
		"a check":      {unlisted, `hertz: check "no-content" is none of those listed`},
		"another type": {[]int{1}, "cannot unmarshal array"},
	} {
		path := put(t, c.matrix)
		_, err := site.ReadChecks(path)
		if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want %q and the path", name, err, c.says)
		}
	}
}

// Whatever a file of checks has, all that pages show of it prints.
func FuzzChecks(f *testing.F) {
	for _, matrix := range []any{conformance(), controlled()} {
		text, err := json.Marshal(matrix)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	path := filepath.Join(f.TempDir(), "checks.json")
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		all, err := site.ReadChecks(path)
		if err != nil && len(all) > 0 {
			t.Errorf("%d checks beside an error", len(all))
		}
		for _, c := range all {
			shown := []string{c.Candidate, c.Version, c.Said}
			for _, d := range c.Details {
				shown = append(append(shown, d.Name), strings.Split(d.Text, "\n")...)
			}
			for _, s := range shown {
				if s != report.Printable(s) {
					t.Errorf("%q does not print", s)
				}
			}
		}
	})
}
