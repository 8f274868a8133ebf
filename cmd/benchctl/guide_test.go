package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Every command of the guide to adding a server runs here, in its order: those for
// a program in an empty directory, those for a Go engine in a copy of the checkout.
func TestGuide(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("runs every command of the guide")
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "adding-a-server.md"))
	if err != nil {
		t.Fatal(err)
	}
	t.Run("external", func(t *testing.T) { guideExternal(t, text) })
	t.Run("go", func(t *testing.T) { guideGo(t, text) })
}

func guideExternal(t *testing.T, text []byte) {
	dir := commandDir(t)
	for i, block := range blocks(text, "sh") {
		if i == 1 { // the manifest stands before the second block
			manifests := blocks(text, "yaml")
			if n := strings.Count(manifests[0], "\n"); len(manifests) != 1 || n >= 15 {
				t.Fatalf("%d manifests, the first of %d lines", len(manifests), n)
			}
			if err := os.WriteFile(filepath.Join(dir, "servers", "mine.yaml"), []byte(manifests[0]), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		for _, line := range strings.Split(strings.TrimSpace(block), "\n") {
			runReadme(t, dir, line)
		}
	}
}

func guideGo(t *testing.T, text []byte) {
	dir := commandDir(t)
	copied := checkout(t)
	for _, block := range blocks(text, "go-checkout") {
		for _, line := range strings.Split(strings.TrimSpace(block), "\n") {
			cmd := shell(dir, line)
			cmd.Dir = copied
			out, err := cmd.CombinedOutput()
			found := cmd.ProcessState.ExitCode() == exitFound && strings.Contains(line, " verify ") // what net/http itself does not do
			if err != nil && !found {
				t.Fatalf("%s: %v\n%s", line, err, out)
			}
		}
	}
}

// checkout is a copy of the files under version control.
func checkout(t *testing.T) string {
	dir := t.TempDir()
	list := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = filepath.Join("..", "..")
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Split(strings.TrimRight(string(out), "\x00"), "\x00") {
		content, err := os.ReadFile(filepath.Join(list.Dir, name))
		if os.IsNotExist(err) { // deleted and not yet committed
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, content, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
