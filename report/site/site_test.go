package site_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/benchctl/benchctl/report/internal/fixture"
	"github.com/benchctl/benchctl/report/site"
	"github.com/benchctl/benchctl/results/judge"
)

func TestWrite(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "run", "report")
	if err := site.Write(dir, fixture.Mixed()); err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob(filepath.Join(dir, "*.html"))
	if err != nil || len(pages) != 3 {
		t.Fatalf("pages %v, %v: want that of the run, and of two tables", pages, err)
	}
	links := 0
	for _, path := range pages {
		links += linked(t, path)
	}
	if links < 30 {
		t.Errorf("%d links: fewer than there are plots and data", links)
	}
	stayedWithin(t, parent, dir)
	keptSummary(t, dir)
}

// linked counts the links of a page to other files, all of which are there.
func linked(t *testing.T, path string) int {
	t.Helper()
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	refs := regexp.MustCompile(`href="([^"#]+)`).FindAllStringSubmatch(string(page), -1)
	for _, ref := range refs {
		if _, err := os.Stat(filepath.Join(filepath.Dir(path), ref[1])); err != nil && !strings.HasPrefix(ref[1], "data:") {
			t.Errorf("%s: link to nothing: %v", filepath.Base(path), err)
		}
	}
	return len(refs)
}

// stayedWithin fails if hostile names put a file outside of the directory.
func stayedWithin(t *testing.T, parent, dir string) {
	t.Helper()
	err := filepath.WalkDir(parent, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !strings.HasPrefix(path, dir+string(filepath.Separator)) {
			t.Errorf("%s is outside of the report", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// keptSummary fails if the names in the data are not as they were given.
func keptSummary(t *testing.T, dir string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, site.Summary))
	if err != nil {
		t.Fatal(err)
	}
	var s judge.Summary
	if err := json.Unmarshal(data, &s); err != nil {
		t.Fatal(err)
	}
	if got := s.Cells[5].Candidate; got != fixture.Escape {
		t.Errorf("candidate %q, want the name as it is", got)
	}
}

func TestUnwritable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	err := site.Write(filepath.Join(file, "report"), fixture.Many(1))
	if !errors.Is(err, syscall.ENOTDIR) || !strings.HasPrefix(err.Error(), "write report ") {
		t.Errorf("error %v, want one that names the report and its cause", err)
	}
}

// /dev/full takes no byte, as a full disk does.
func TestFullDisk(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full")
	}
	dir := t.TempDir()
	if err := os.Symlink("/dev/full", filepath.Join(dir, site.Table)); err != nil {
		t.Fatal(err)
	}
	if err := site.Write(dir, fixture.Many(1)); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("error %v, want %v", err, syscall.ENOSPC)
	}
}
