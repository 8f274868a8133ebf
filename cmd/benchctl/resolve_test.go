package main

import (
	"slices"
	"testing"

	"github.com/benchctl/benchctl/servers/external"
)

// Few skipped candidates have a note each; many have one line, which names all of them.
func TestSkippedNotes(t *testing.T) {
	lacking := func(names ...string) (s skips) {
		for _, name := range names {
			s = append(s, skip{name, &external.NotInstalledError{Server: name, Missing: []external.Requirement{{Command: "x", Install: "get x"}}}})
		}
		return s
	}
	for _, c := range []struct {
		skipped skips
		want    []string
	}{
		{nil, nil},
		{lacking("a", "b"), []string{
			`skipped a: server a: not installed: command "x"; install it with: get x`,
			`skipped b: server b: not installed: command "x"; install it with: get x`,
		}},
		{lacking("a", "b", "c", "d"), []string{"skipped 4 servers that are not installed: a, b, c, d; benchctl list servers tells how to install them"}},
	} {
		if got := c.skipped.notes(); !slices.Equal(got, c.want) {
			t.Errorf("notes are %q, want %q", got, c.want)
		}
	}
}
