// Package browsertest tests pages in a browser: what they show at the widths of screens, and what their script does.
package browsertest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/benchctl/benchctl/report"
	"github.com/benchctl/benchctl/report/html"
	"github.com/benchctl/benchctl/report/internal/fixture"
	"github.com/benchctl/benchctl/report/site"
	"github.com/benchctl/benchctl/results/judge"
)

func TestPages(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser takes a minute")
	}
	node, browser := programs(t)
	dir := t.TempDir()
	for name, s := range map[string]*judge.Summary{"mixed": fixture.Mixed(), "field": fixture.Field()} {
		if err := site.Write(filepath.Join(dir, name), s); err != nil {
			t.Fatal(err)
		}
	}
	writeSite(t, filepath.Join(dir, "site"))
	cmd := exec.CommandContext(t.Context(), node, "check.mjs", dir, browser)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("%v: %v\n%s", cmd.Args, err, said.Bytes())
	}
	checks(t, out)
}

// programs are the paths of Node and of the browser. The test is skipped where something is missing.
func programs(t *testing.T) (node, browser string) {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("no Node: ", err)
	}
	if browser, err = exec.LookPath("chromium"); err != nil {
		t.Skip("no browser: ", err)
	}
	if _, err := os.Stat(filepath.Join("node_modules", "playwright-core")); err != nil {
		t.Skip("its modules are not installed; npm ci in this directory installs them: ", err)
	}
	return node, browser
}

// writeSite writes the pages over two runs, and those of the newer one.
func writeSite(t *testing.T, dir string) {
	t.Helper()
	now, before := fixture.Many(6), fixture.Many(6)
	before.Run.Started = before.Run.Started.Add(-24 * time.Hour)
	r := report.New(now)
	newer, older := r.Digest(), report.New(before).Digest()
	newer.ID, older.ID = "now", "before"
	both := []report.Digest{newer, older}
	put := func(p html.Page) error {
		path := filepath.Join(dir, filepath.FromSlash(p.Path))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		return os.WriteFile(path, p.Content, 0o644)
	}
	compared := html.Comparisons(both)
	if len(compared) != 1 {
		t.Fatalf("%d comparisons of two runs", len(compared))
	}
	if err := (html.Site{Runs: both, Compared: compared, Checks: []report.Check{
		{Of: report.CheckConformance, Candidate: "nethttp", Version: "go1", Said: "fails the gate at close", Details: []report.CheckDetail{{Name: "close", Text: "it stays open"}}},
		{Of: report.CheckProcessControl, Candidate: "nethttp", Gate: true, Said: "keeps 3 of 3 rules"},
	}}).Render(put); err != nil {
		t.Fatal(err)
	}
	pages, err := html.Run(r, nil, html.Options{Site: "../../"})
	if err != nil {
		t.Fatal(err)
	}
	page, err := compared[0].Render()
	if err != nil {
		t.Fatal(err)
	}
	page.Path = html.Runs + "/" + newer.ID + "/compare.html"
	for _, p := range pages {
		p.Path = html.Runs + "/" + newer.ID + "/" + p.Path
		if err := put(p); err != nil {
			t.Fatal(err)
		}
	}
	if err := put(page); err != nil {
		t.Fatal(err)
	}
}

// checks makes a test of each check that was reported.
func checks(t *testing.T, out []byte) {
	t.Helper()
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var c struct{ Name, Error string }
		if err := d.Decode(&c); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
		t.Run(c.Name, func(t *testing.T) {
			if c.Error != "" {
				t.Error(c.Error)
			}
		})
	}
}
