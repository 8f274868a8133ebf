package service

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/internal/misuse"
)

func TestNames(t *testing.T) {
	for name, valid := range map[string]bool{"web": true, "uwsgi-http.1_b": true, "": false, ".": false, "..": false, "a/b": false, "-x": false, "a b": false} {
		if err := CheckName(name); (err == nil) != valid || err != nil && !misuse.Is(err) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestRemembered(t *testing.T) {
	d := shortDir(t)
	if _, err := d.Remembered("web"); !misuse.Is(err) || !strings.Contains(err.Error(), `no service "web" is known in `+string(d)) {
		t.Error(err)
	}
	if err := d.make(); err != nil {
		t.Fatal(err)
	}
	want := Command{Dir: "/srv", Args: []string{"serve", "--server", "nethttp", "--name=web"}}
	if err := d.remember("web", want); err != nil {
		t.Fatal(err)
	}
	if got, err := d.Remembered("web"); err != nil || got.Dir != want.Dir || !slices.Equal(got.Args, want.Args) {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := d.Remembered("wep"); err == nil || !strings.Contains(err.Error(), `did you mean "web"?`) {
		t.Error(err)
	}
	if info, err := os.Stat(d.commandFile("web")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	for _, text := range []string{"", "{", "{}", `{"args":[]}`, "[]"} {
		if err := os.WriteFile(d.commandFile("web"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Remembered("web"); err == nil || misuse.Is(err) || !strings.Contains(err.Error(), d.commandFile("web")) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// What is started again is what was started, in the background, and does not grow.
func TestToStart(t *testing.T) {
	d := shortDir(t)
	if err := d.make(); err != nil {
		t.Fatal(err)
	}
	c, err := d.ToStart("web", []string{"--server=nethttp"})
	want := []string{"serve", "--server=nethttp", "--daemon", "--name=web", "--state-dir=" + string(d)}
	if err != nil || c.Dir != "" || !slices.Equal(c.Args, want) {
		t.Errorf("%+v, %v", c, err)
	}
	for range 2 {
		if err := d.remember("web", c); err != nil {
			t.Fatal(err)
		}
		if c, err = d.ToStart("web", nil); err != nil || !slices.Equal(c.Args, want) {
			t.Errorf("%+v, %v", c, err)
		}
	}
	if _, err := d.ToStart("../web", nil); !misuse.Is(err) {
		t.Error(err)
	}
}

// A directory in which others may put something is not trusted, nor what is in it started.
func TestUntrusted(t *testing.T) {
	d := shortDir(t)
	if err := d.make(); err != nil {
		t.Fatal(err)
	}
	if err := d.remember("web", Command{Args: []string{"serve"}}); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(string(d), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := d.make(); err == nil {
		t.Error("it is made use of")
	}
	if _, err := d.Remembered("web"); err == nil || !strings.Contains(err.Error(), "only this user may write to") {
		t.Error(err)
	}
	link := Dir(filepath.Join(filepath.Dir(string(d)), "link"))
	if err := errors.Join(os.Chmod(string(d), 0o755), os.Symlink(string(d), string(link))); err != nil {
		t.Fatal(err)
	}
	if err := link.make(); err == nil {
		t.Error("a link is taken for the directory")
	}
}

func TestListOfNothing(t *testing.T) {
	d := shortDir(t)
	if list, err := d.List(t.Context()); err != nil || list == nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
	if err := os.MkdirAll(filepath.Join(string(d), "empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	if list, err := d.List(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestDefaultDir(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", "/xdg")
	if d := DefaultDir(); d != "/xdg/benchctl" {
		t.Error(d)
	}
	t.Setenv("XDG_RUNTIME_DIR", "")
	if d := DefaultDir(); !filepath.IsAbs(string(d)) || !strings.Contains(string(d), "benchctl") {
		t.Error(d)
	}
}

// A program is found again by the name that it was called by, through links.
func TestProgram(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "v1"), filepath.Join(dir, "current")
	if err := errors.Join(os.WriteFile(file, []byte("#!/bin/sh\n"), 0o755), os.Symlink(file, link)); err != nil {
		t.Fatal(err)
	}
	for called, want := range map[string]string{link: link, file: file, "sh": file, filepath.Join(dir, "none"): file} {
		if got := Program(called, file); got != want {
			t.Errorf("called %s: %s, want %s", called, got, want)
		}
	}
}
