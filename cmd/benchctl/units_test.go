package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The examples of systemd's units are such as systemd takes, with flags that there are.
func TestUnits(t *testing.T) {
	program, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skipf("it comes with systemd: %v", err)
	}
	dir := t.TempDir()
	benchctl := filepath.Join(dir, "benchctl")
	if err := os.WriteFile(benchctl, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	args := []string{"verify", "--man=no"}
	for _, name := range []string{"benchctl.service", "benchctl.socket"} {
		text, err := os.ReadFile(filepath.Join(repository, "docs", "examples", name))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(text), "/usr/local/bin/benchctl", benchctl)), 0o644); err != nil {
			t.Fatal(err)
		}
		args = append(args, path)
		for line := range strings.Lines(string(text)) {
			if command, ok := strings.CutPrefix(strings.TrimSpace(line), "ExecStart=/usr/local/bin/benchctl "); ok {
				flags(t, strings.Fields(command))
			}
		}
	}
	if out, err := exec.Command(program, args...).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
}

// flags checks the flags of a command line of serve.
func flags(t *testing.T, args []string) {
	t.Helper()
	if args[0] != "serve" {
		t.Fatalf("it runs %v", args)
	}
	if err := serveCommand(env{}).ParseFlags(args[1:]); err != nil {
		t.Errorf("%v: %v", args, err)
	}
}
