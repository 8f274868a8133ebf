package judge_test

import (
	"testing"

	"github.com/benchctl/benchctl/results/judge"
)

// Reasons of one kind are told in one sentence: numbers by their extent, clauses only where all have the same.
func TestMerge(t *testing.T) {
	busy := func(percent float64, when, busiest, text string) judge.Reason {
		return judge.Reason{ID: "busy-host", Params: map[string]any{"percent": percent, "processors": "the servers' processors", "when": when, "busiest": busiest}, Text: text}
	}
	for _, c := range []struct {
		all  []judge.Reason
		want string
	}{
		{[]judge.Reason{busy(7, "", "", "as it is"), busy(7, "", "", "as it is")}, "as it is"},
		{[]judge.Reason{busy(13, " in its slices", "; the busiest: a", "1"), busy(7, " in its slices", "; the busiest: b", "2")}, "busy host: other processes used 7–13 % of the servers' processors in its slices"},
		{[]judge.Reason{busy(13, " in its slices", "", "1"), busy(7, "", "", "2")}, "busy host: other processes used 7–13 % of the servers' processors"},
		{[]judge.Reason{{ID: "unknown", Text: "one"}, {ID: "unknown", Text: "two"}}, "one"},
	} {
		if got := judge.Merge(c.all); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
