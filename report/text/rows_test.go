package text_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/report/text"
)

// On a terminal texts are folded within their column; commands, which are lines of
// their own, are not.
func TestRowsFitTheTerminal(t *testing.T) {
	table := [][]string{
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
		if got := rows(t, table, width); got != want {
			t.Errorf("width %d:\n%s", width, got)
		}
	}
}

func TestRows(t *testing.T) {
	for _, c := range []struct {
		name string
		rows [][]string
		want string
	}{
		{"none", nil, ""},
		{"a column", [][]string{{"RUN"}, {"a"}}, "RUN\na\n"},
		{"wide characters take two columns", [][]string{{"NAME", "X"}, {"服务", "1"}, {"µ–é", "2"}}, "NAME  X\n服务  1\nµ–é   2\n"},
		{"nothing reaches the terminal", [][]string{{"N", "X"}, {"a\x1b[2J", "b\nc"}}, "N         X\na\\x1b[2J  b\\x0ac\n"},
		{"an empty last cell", [][]string{{"N", "X"}, {"a", ""}}, "N  X\na  \n"},
	} {
		if got := rows(t, c.rows, 0); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// What is printed is not changed for who prints it.
func TestRowsKeepTheirCells(t *testing.T) {
	table := [][]string{{"N"}, {"a\x07"}}
	if rows(t, table, 0); table[1][0] != "a\x07" {
		t.Errorf("the cell is %q", table[1][0])
	}
}

func TestRowsWriteError(t *testing.T) {
	if err := text.Rows(full{}, [][]string{{"N"}}, 0); !errors.Is(err, errFull) {
		t.Errorf("error %v, want %v", err, errFull)
	}
}

func rows(t *testing.T, table [][]string, width int) string {
	t.Helper()
	var out strings.Builder
	if err := text.Rows(&out, table, width); err != nil {
		t.Fatal(err)
	}
	return out.String()
}
