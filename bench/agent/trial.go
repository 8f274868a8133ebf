package agent

import (
	"time"

	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/results"
)

// Record copies the outcome of a load into its trial.
func Record(t *results.Trial, res *load.Result) {
	t.Sent, t.Answered, t.Counted, t.Elapsed = res.Sent, res.Answered, res.Counted, res.Elapsed
	t.BytesIn, t.WireIn = res.BytesIn, res.WireIn
	t.Errors, t.Causes, t.Examples = res.Errors, res.Causes, res.Examples
	t.Compared, t.Wrong, t.WrongBody = res.Compared, res.Wrong, res.WrongBody
	t.Stale, t.StaleAge, t.Dated, t.DatedAge = res.Stale, res.StaleAge, res.Dated, res.DatedAge
	t.Hasty, t.Folded = res.Hasty, res.Folded
	t.Reconnects, t.Repeated = res.Reconnects, res.Repeated
	t.Busy, t.Longest, t.Scale = res.Busy, res.Longest, scaleOf(res)
	if res.Spreads > 0 {
		t.Spread = new(time.Duration)
		*t.Spread = res.SpreadSeen / time.Duration(res.Spreads)
	}
	if t.Pass != nil {
		t.Pass.Parts = res.Parts
	}
}

// scaleOf is the mean response time weighted by itself; 0 if there was none.
func scaleOf(res *load.Result) time.Duration {
	if res.Busy <= 0 {
		return 0
	}
	return time.Duration(res.Squared / res.Busy.Seconds() * float64(time.Second))
}
