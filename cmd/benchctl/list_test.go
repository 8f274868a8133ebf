package main

import (
	"strings"
	"testing"

	"github.com/benchctl/benchctl/servers"
)

// On a terminal texts are folded within their column; commands, which are lines of
// their own, are not.
func TestRowsFitTheTerminal(t *testing.T) {
	rows := [][]string{
		{"SERVER", "CLASS", "WHAT IT IS"},
		{"ghost", "wsgi", "a server that nobody has yet"},
		{"  install it with: apt-get install ghost && apt-get install ghost-more"},
	}
	const folded = `SERVER  CLASS  WHAT IT IS
ghost   wsgi   a server that nobody has
               yet
  install it with: apt-get install ghost && apt-get install ghost-more
`
	whole := strings.ReplaceAll(folded, "\n               yet", " yet")
	for width, want := range map[int]string{0: whole, 38: whole, 39: folded} {
		var out strings.Builder
		if err := (env{stdout: &out, width: width}).printRows(rows); err != nil || out.String() != want {
			t.Errorf("width %d: %v\n%s", width, err, out.String())
		}
	}
}

func TestByClass(t *testing.T) {
	var got []string
	for _, s := range byClass([]servers.Server{{Name: "a", Class: "x"}, {Name: "b", Class: "y"}, {Name: "c", Class: "x"}}) {
		got = append(got, s.Name)
	}
	if s := strings.Join(got, ""); s != "acb" {
		t.Errorf("order %s", s)
	}
}
