package tally

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/load/loadtest"
	"github.com/benchctl/benchctl/bench/load/pace"
	"github.com/benchctl/benchctl/bench/load/wire"
)

// At a constant rate a stall delays those requests that are intended in it, and
// those after it until the backlog is served. Response shows them all; Service
// only the one request that each connection had in flight. The server and its clients
// are simulated: it serves requests in the order they come, one at a time, and stalls
// once.
func TestStallPercentiles(t *testing.T) {
	const (
		gap         = 4 * time.Millisecond // between intended requests
		each        = time.Millisecond     // what the server takes for one
		requests    = 375
		connections = 8
		stall       = time.Second // with the drain, 1 / (1 - each/gap) of that
		stalled     = connections + 1
	)
	tallies := []*Tally{New(true, false)}
	s := Span{To: requests * gap, Open: true}
	tallies[0].Start(s)
	plan := pace.NewSchedule(pace.Constant(float64(time.Second)/float64(gap)), s.To, 0, 1)
	free := make([]time.Duration, connections) // when each connection is
	server := time.Duration(0)                 // when that can begin the next
	for n := 0; ; n++ {
		intended, more := plan.Peek()
		if !more {
			break
		}
		plan.Advance()
		conn := slices.Index(free, slices.Min(free))
		sent := max(intended, free[conn])
		server = max(sent, server) + each
		if n == stalled {
			server += stall
		}
		free[conn] = server
		x := wire.Exchange{Request: &wire.Request{Want: &load.Target{Length: -1}}, Intended: intended, Ready: sent, Sent: sent}
		x.Reply.Status = 200
		tallies[0].Reply(&x, server)
	}
	r := Result(s, s.To, tallies)
	if r.Errored() > 0 || r.Counted != requests {
		t.Fatalf("%v", loadtest.Summary(r))
	}
	near := func(got int64, want time.Duration) bool { return math.Abs(float64(got)/float64(want)-1) < 0.002 } // of three digits
	for _, p := range []float64{50, 90, 99} {
		// So many requests take longer, by ranks as HdrHistogram rounds them. The first that is delayed takes stall + each,
		// and each one after it gap - each less: it is intended a gap later, and has
		// one more served before it.
		longer := requests - time.Duration(math.Floor(p/100*requests+0.5))
		want := stall + each - longer*(gap-each)
		if got := r.Response.ValueAtPercentile(p); !near(got, want) {
			t.Errorf("p%v of the responses %v, want %v", p, time.Duration(got), want)
		}
	}
	slow := int64(0)
	for _, b := range r.Service.Distribution() {
		if b.From >= int64(stall/2) {
			slow += b.Count
		}
	}
	p90 := time.Duration(r.Service.ValueAtPercentile(90))
	if slow != connections || p90 > stall/20 || !near(r.Service.Max(), stall+each) {
		t.Errorf("%d slow requests, want %d; p90 of the service times %v, longest %v", slow, connections, p90, time.Duration(r.Service.Max()))
	}
}
