package harness

import (
	"net"
	"os"
	"strconv"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/measure"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/judge"
	"github.com/benchctl/benchctl/scenarios"
	"github.com/benchctl/benchctl/servers/control"
)

// Judge judges a load that was made by itself, at a rate or in a closed loop, by those
// rules of a run's rows that it can answer for.
func Judge(offer scenarios.Load, res *load.Result) (judge.Verdict, []judge.Reason) {
	b := results.Block{Load: offer}
	t := results.Trial{Rate: offer.Rate}
	tell(&t, res)
	if offer.Open() {
		t.Due = res.Metrics.Requests + res.Missed
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

// PollBeside is how long a load generator polls before it sleeps, beside a server of this
// machine that benchctl has not started: 0, not at all, unless every thread of the processes
// that listen at address is bound to cores other than this process's.
func PollBeside(address string) time.Duration {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return 0
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return 0
	}
	theirs, own := control.ListenerCPUs(n), control.Allowed()
	if len(theirs) == 0 || len(own) == 0 || overlap(theirs, own) || control.ShareCore(os.DirFS("/"), own, theirs) || measure.ReadConditions().Limited() {
		return 0
	}
	return pollFor
}
