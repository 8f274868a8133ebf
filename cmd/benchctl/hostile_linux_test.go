package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// bound is the most memory that the reader of a stack's file may take, in KiB, beyond what the
// command takes for a file of one line.
const bound = 64 << 10

// Files that are made to cost a reader its memory or its time end with one line.
func TestHostileStacks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	least := peak(t, dir, "plain.yaml", "main: hello\n", "")
	many := func(n int, one string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, one, i)
		}
		return b.String()
	}
	bomb := "a: &a [x, x, x, x, x, x, x, x, x]\n"
	for c := 'b'; c < 'k'; c++ {
		bomb += fmt.Sprintf("%c: &%c [*%c, *%c, *%c, *%c, *%c, *%c, *%c, *%c]\n", c, c, c-1, c-1, c-1, c-1, c-1, c-1, c-1, c-1)
	}
	files := map[string]string{ // what the one line says
		"bomb.yaml":     "an anchor is not taken",
		"deep.yaml":     "values within values",
		"deep.json":     "values within values",
		"deep.toml":     "values within values",
		"deep.go":       "expected operand",
		"wide.yaml":     "more than 10000 values",
		"wide.json":     "more than 10000 values",
		"wide.toml":     "more than 10000 values",
		"large.yaml":    "more than 256 KiB",
		"large.json":    "more than 256 KiB",
		"large.go":      "more than 256 KiB",
		"sections.ini":  "section",
		"cycle.ini":     "cycle",
		"files.ini":     "files.ini",
		"percent.ini":   "percent.ini",
		"continued.ini": "continued.ini",
	}
	texts := map[string]string{
		"bomb.yaml":     bomb,
		"deep.yaml":     "main: " + strings.Repeat("[", 250_000),
		"deep.json":     `{"main": ` + strings.Repeat(`{"app":`, 36_000),
		"deep.toml":     "main = " + strings.Repeat("[", 250_000),
		"deep.go":       "package main\nfunc Stack() stack.Node { return " + strings.Repeat("stack.Pipeline{Node: ", 12_000),
		"wide.yaml":     "main:\n  cascade:\n" + many(22_000, "  - a%d\n"),
		"wide.json":     `{"main": {"cascade": [` + many(28_000, `"a%d",`) + `"b"]}}`,
		"wide.toml":     "[main]\ncascade = [" + many(28_000, `"a%d",`) + "]",
		"large.yaml":    "main: hello\n" + strings.Repeat("# a comment\n", 200_000),
		"large.json":    strings.Repeat(" ", 2<<20),
		"large.go":      "package main\n" + strings.Repeat("// a comment\n", 200_000),
		"sections.ini":  many(10_000, "[app:a%d]\nuse = egg:benchctl#hello\n"),
		"cycle.ini":     "[app:main]\nuse = a\n[app:a]\nuse = b\n[app:b]\nuse = a\n",
		"files.ini":     "[app:main]\nuse = config:files.ini#main\n",
		"percent.ini":   "[DEFAULT]\n" + many(2_000, "a%[1]d = %%(a%[1]d)s%%(a%[1]d)s\n") + "[app:main]\nuse = egg:benchctl#hello\nx = %(a0)s\n",
		"continued.ini": "[app:main]\nuse = egg:benchctl#hello\nx = a\n" + strings.Repeat(" b\n", 200_000),
	}
	for name, want := range files {
		if took := peak(t, dir, name, texts[name], want); took > least+bound {
			t.Errorf("%s takes %d KiB, %d KiB more than a file of one line", name, took, took-least)
		}
	}
}

// peak checks a file that is refused in one line which says want, or taken if that is "", and
// returns the memory that this took, in KiB.
func peak(t *testing.T, dir, name, text, want string) int64 {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := benchctl(t, dir, "stack", "check", name)
	var errs strings.Builder
	cmd.Stderr = &errs
	err := cmd.Run()
	told := errs.String()
	switch {
	case want == "" && err != nil:
		t.Errorf("%s: %v\n%s", name, err, told)
	case want == "":
	case cmd.ProcessState.ExitCode() != exitUsage || strings.Count(told, "\n") != 1 || len(told) > 1000 || !strings.Contains(told, want):
		t.Errorf("%s: exit code %d; it lacks %q, or has more than a line:\n%.1000s", name, cmd.ProcessState.ExitCode(), want, told)
	}
	return cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss
}
