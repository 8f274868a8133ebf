package text

import (
	"slices"
	"testing"
)

func TestMarks(t *testing.T) {
	for _, c := range []struct {
		notes []int
		want  string
	}{
		{nil, ""}, {[]int{3}, " [3]"}, {[]int{1, 2, 18}, " [1,2,18]"}, {[]int{13, 14, 15, 16, 17}, " [13–17]"}, {[]int{2, 5, 6, 7, 9}, " [2,5–7,9]"},
	} {
		if got := marks(c.notes); got != c.want {
			t.Errorf("%v is %q, want %q", c.notes, got, c.want)
		}
	}
}

func TestFold(t *testing.T) {
	for _, c := range []struct {
		line  string
		width int
		want  []string
	}{
		{"it waited 24 % of the time", 13, []string{"it waited", "24 % of the", "time"}},
		{"it waited 24 % of the time", 14, []string{"it waited 24 %", "of the time"}},
		{"a b", 9, []string{"a b"}},
		{"abcdefgh", 3, []string{"abc", "def", "gh"}},
	} {
		if got := Fold(c.line, c.width); !slices.Equal(got, c.want) {
			t.Errorf("%q in %d columns is %q, want %q", c.line, c.width, got, c.want)
		}
	}
}
