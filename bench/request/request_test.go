package request_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/bench/request"
	"github.com/benchctl/benchctl/internal/misuse"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/servers/control"
	"github.com/benchctl/benchctl/servers/external"
)

var programs = request.Programs{Version: "v1", Benchctl: "/bin/benchctl", Guard: []string{"/bin/benchctl", "guard"}, Sink: []string{"/bin/benchctl", "sink"}}

// manifests makes a directory of servers by their manifests.
func manifests(t *testing.T, texts ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i, text := range texts {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.yaml", i)), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const ghost = "name: ghost\nclass: stripped\ndoc: nobody has it\ncommand: [no-such-ghost]\n"

// told is a server whose version is what a file says.
func told(file string) string {
	return "name: told\nclass: baseline\ndoc: tells its version\ncommand: [/bin/sh]\nversion: [/bin/cat, " + file + "]\n"
}

// begin begins a run and closes it.
func begin(t *testing.T, store string, r request.Run) request.Ready {
	t.Helper()
	ready, err := r.Begin(t.Context(), store, programs)
	if err != nil {
		t.Fatal(err)
	}
	ready.Config.Store.Close()
	return ready
}

// What was asked for is what the record and the configuration of the run say.
func TestBegin(t *testing.T) {
	store := t.TempDir()
	ready := begin(t, store, request.Run{
		Scenarios: []string{"smoke"}, Servers: []string{"nethttp", "stripped", "nethttp#b"}, ServerDirs: []string{manifests(t, ghost)}, Apps: []string{"hello"},
		Launches: 2, Rounds: 4, Seed: 7, Env: []string{"A=b"}, Command: "benchctl run --scenario=smoke",
	})
	c, m := ready.Config, ready.Config.Store.Manifest()
	var names []string
	for i, one := range c.Candidates {
		if names = append(names, one.Name); one.Version == "" && one.Server.Name == "nethttp" || m.Candidates[i].Name != one.Name {
			t.Errorf("%+v", one)
		}
	}
	if !slices.Equal(names, []string{"nethttp", "gnet", "nethttp#b"}) || len(m.Candidates) != len(names) {
		t.Errorf("candidates %q of %+v", names, m.Candidates)
	}
	if m.Seed != 7 || m.Launches != 2 || m.Rounds != 4 || len(m.Blocks) != 1 || m.Benchctl != "v1" || m.Command != "benchctl run --scenario=smoke --seed=7" {
		t.Errorf("%+v", m)
	}
	if m.Environment.ServerCPUs != c.ServerCPUs.String() || m.Environment.LoaderCPUs != c.LoaderCPUs.String() || m.Environment.Fingerprint == "" {
		t.Errorf("%+v with %s and %s", m.Environment, c.ServerCPUs, c.LoaderCPUs)
	}
	if c.Benchctl != programs.Benchctl || !slices.Equal(c.Guard, programs.Guard) || !slices.Equal(c.Sink, programs.Sink) || !slices.Equal(c.Env, m.Env) {
		t.Errorf("%+v", c)
	}
	want := []string{`skipped ghost: server ghost: not installed: command "no-such-ghost"`, "candidates run with A=b in their environment"}
	for _, w := range ready.Warnings {
		want = append(want, w.String())
	}
	if !slices.Equal(m.Notes, want) || !slices.Equal(ready.Notes, want[:1]) {
		t.Errorf("notes %q, said %q", m.Notes, ready.Notes)
	}
	if ids, err := results.List(store); err != nil || !slices.Equal(ids, []string{m.ID}) {
		t.Errorf("stored %q, %v", ids, err)
	}
}

// The record of a run says which candidates a scenario compares, and by what it ranks them.
func TestBeginComparison(t *testing.T) {
	m := begin(t, t.TempDir(), request.Run{Scenarios: []string{"contract-tax"}, Servers: []string{"nethttp", "fasthttp"}}).Config.Store.Manifest()
	var got []string
	for _, c := range m.Candidates {
		got = append(got, c.Name+" "+c.Profile+" "+c.Reference)
	}
	want := []string{"nethttp:native native ", "nethttp default nethttp:native", "fasthttp:native native ", "fasthttp default fasthttp:native"}
	if !slices.Equal(got, want) {
		t.Errorf("candidates %q", got)
	}
	for _, b := range m.Blocks {
		if b.RankBy != "server-cpu" || len(b.Without) > 0 {
			t.Errorf("%+v", b)
		}
	}
	m = begin(t, t.TempDir(), request.Run{Scenarios: []string{"contract-tax"}, Servers: []string{"nethttp"}, Apps: []string{"json", "hello"}}).Config.Store.Manifest()
	if len(m.Blocks) != 2 || !slices.Equal(m.Blocks[0].Without, []string{"nethttp:native"}) || m.Blocks[1].Without != nil {
		t.Errorf("%+v", m.Blocks)
	}
}

// Without a seed each run draws one.
func TestSeedIsDrawn(t *testing.T) {
	r := request.Run{Scenarios: []string{"smoke"}, Servers: []string{"nethttp"}}
	m := begin(t, t.TempDir(), r).Config.Store.Manifest()
	if m.Seed == 0 || m.Command != fmt.Sprintf("--seed=%d", m.Seed) {
		t.Errorf("seed %d, command %q", m.Seed, m.Command)
	}
}

// What was asked wrongly is told apart from what is not there, and nothing is stored.
func TestBeginRefuses(t *testing.T) {
	dirs := []string{manifests(t, ghost)}
	for _, c := range []struct {
		r      request.Run
		misuse bool
		want   string
	}{
		{request.Run{Servers: []string{"nethttp"}}, true, "run: no scenario"},
		{request.Run{Scenarios: []string{"smoke"}}, true, "no server is named"},
		{request.Run{Scenarios: []string{"smoke"}, Servers: []string{"nethtp"}}, true, `unknown server "nethtp"`},
		{request.Run{Scenarios: []string{"smoke"}, Servers: []string{"nethttp"}, LoaderCPUs: "x"}, true, "run: --loader-cpus: "},
		{request.Run{Scenarios: []string{"smoke"}, Servers: []string{"nethttp"}, Precision: "2%"}, true, "run: --precision takes at least 5 launches and 2 candidates"},
		{request.Run{Scenarios: []string{"smoke"}, Servers: []string{"nethttp-h2c"}}, true, `run: candidate "nethttp-h2c" speaks h2c`},
		{request.Run{Scenarios: []string{"stream-64"}, Servers: []string{"nethttp:native", "gnet"}}, true, `run: candidate "nethttp:native" carries none of the apps: it carries hello, size, upload`},
		{request.Run{Scenarios: []string{"smoke"}, Servers: []string{"ghost"}, ServerDirs: dirs}, false, `server ghost: not installed: command "no-such-ghost"`},
	} {
		store := t.TempDir()
		_, err := c.r.Begin(t.Context(), store, programs)
		if err == nil || misuse.Is(err) != c.misuse || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%+v: misuse %v, %v", c.r, misuse.Is(err), err)
		}
		if ids, err := results.List(store); err != nil || len(ids) > 0 {
			t.Errorf("%+v: stored %q, %v", c.r, ids, err)
		}
	}
}

// Temporary files need a directory; what is to hold them is told of before a run begins.
func TestNoTemporaryDirectory(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "none"))
	_, err := request.Run{Scenarios: []string{"smoke"}, Servers: []string{"nethttp"}}.Begin(t.Context(), "store", programs)
	if err == nil || misuse.Is(err) || !errors.Is(err, os.ErrNotExist) || !strings.HasPrefix(err.Error(), "run: the directory for temporary files is none: ") {
		t.Errorf("%v", err)
	}
}

// A run goes on with the candidates, processors and variables that it was begun with.
func TestResume(t *testing.T) {
	store := t.TempDir()
	version := filepath.Join(t.TempDir(), "version")
	write := func(text string) {
		if err := os.WriteFile(version, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("told 1.2.3")
	begun := begin(t, store, request.Run{
		Scenarios: []string{"smoke"}, Servers: []string{"told", "nethttp#b", "fasthttp@base"}, ServerDirs: []string{manifests(t, told(version))}, Env: []string{"A=b"},
		Binaries: []string{"base=/bin/other"},
	}).Config
	ready, err := request.Resume(t.Context(), store, "latest", programs)
	if err != nil {
		t.Fatal(err)
	}
	c := ready.Config
	c.Store.Close()
	for i, one := range begun.Candidates {
		if c.Candidates[i].Name != one.Name || c.Candidates[i].Version != one.Version {
			t.Errorf("%+v, begun with %+v", c.Candidates[i], one)
		}
	}
	if !slices.Equal(c.ServerCPUs, begun.ServerCPUs) || !slices.Equal(c.LoaderCPUs, begun.LoaderCPUs) || !slices.Equal(c.Env, begun.Env) || c.Binaries["base"] != "/bin/other" || c.Store.Dir() != begun.Store.Dir() {
		t.Errorf("%+v, begun with %+v", c, begun)
	}

	write("told 1.2.4")
	_, err = request.Resume(t.Context(), store, "latest", programs)
	if want := `: told is of version "1.2.4" now and was "1.2.3"`; err == nil || misuse.Is(err) || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("of another version: %v", err)
	}
	if err := os.Remove(version); err != nil {
		t.Fatal(err)
	}
	if _, err = request.Resume(t.Context(), store, "latest", programs); err == nil {
		t.Error("without a version it goes on")
	}
}

// A run is begun on one machine and goes on there. What was refused can be opened again.
func TestResumeElsewhere(t *testing.T) {
	store := t.TempDir()
	ready, err := request.Run{Scenarios: []string{"smoke"}, Servers: []string{"nethttp"}}.Begin(t.Context(), store, programs)
	if err != nil {
		t.Fatal(err)
	}
	s := ready.Config.Store
	m := s.Manifest()
	m.Environment.Fingerprint, m.Environment.Governor = "another", "of another machine"
	if err := errors.Join(s.Amend(m), s.Close()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := request.Resume(t.Context(), store, m.ID, programs); err == nil || misuse.Is(err) || !strings.Contains(err.Error(), "frequency governor: of another machine, and ") {
			t.Errorf("%v", err)
		}
	}
	if _, err := request.Resume(t.Context(), store, "nothing", programs); !misuse.Is(err) {
		t.Errorf("of no run: %v", err)
	}
}

// One that is gone since is told as one that is not installed.
func TestResumeWithout(t *testing.T) {
	store, program := t.TempDir(), filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	begin(t, store, request.Run{
		Scenarios: []string{"smoke"}, Servers: []string{"mine"}, ServerDirs: []string{manifests(t, "name: mine\nclass: baseline\ndoc: mine\ncommand: ["+program+"]\n")},
		RunAs: control.OwnName(),
	})
	if err := os.Remove(program); err != nil {
		t.Fatal(err)
	}
	var missing *external.NotInstalledError
	if _, err := request.Resume(t.Context(), store, "latest", programs); !errors.As(err, &missing) {
		t.Errorf("%v", err)
	}
}
