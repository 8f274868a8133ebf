package judge_test

import (
	"testing"

	"github.com/benchctl/benchctl/results/judge"
)

func TestLoadFailed(t *testing.T) {
	for _, c := range []struct {
		s    judge.LoadSummary
		want bool
	}{
		{judge.LoadSummary{Verdict: judge.Valid, Errors: map[string]uint64{}}, false},
		{judge.LoadSummary{Verdict: judge.Degraded, Reconnects: 3}, false},
		{judge.LoadSummary{Verdict: judge.Invalid}, true},
		{judge.LoadSummary{Verdict: judge.Valid, Errors: map[string]uint64{"status": 1}}, true},
		{judge.LoadSummary{Verdict: judge.Valid, Missed: 1}, true},
	} {
		if got := c.s.Failed(); got != c.want {
			t.Errorf("%+v: failed %v", c.s, got)
		}
	}
}
