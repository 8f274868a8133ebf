package text

import "testing"

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
