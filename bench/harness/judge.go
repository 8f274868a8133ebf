package harness

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/benchctl/benchctl/bench/agent"
	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/judge"
	"github.com/benchctl/benchctl/scenarios"
)

// Judge judges a single load, at a rate or in a closed loop, by the applicable rules of a run's
// rows.
func Judge(offer scenarios.Load, res *load.Result) (judge.Verdict, []judge.Reason) {
	b := results.Block{Load: offer}
	t := results.Trial{Rate: offer.Rate}
	agent.Record(&t, res)
	if offer.Open() {
		t.Due = res.Requests + res.Missed
	}
	return judge.Load(b, t, p99(res.Response), p99(res.Late))
}

// p99 is the 99th percentile of times; 0 if there are none.
func p99(h *hdrhistogram.Histogram) time.Duration {
	if h == nil {
		return 0
	}
	return time.Duration(h.ValueAtQuantile(99))
}
