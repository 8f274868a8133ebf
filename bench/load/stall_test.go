package load

import (
	"math"
	"slices"
	"testing"
	"time"
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
	tallies := []*tally{newTally(true, false)}
	s := span{to: requests * gap, open: true}
	tallies[0].start(s)
	plan := newSchedule(Constant(float64(time.Second)/float64(gap)), s.to, 0, 1)
	free := make([]time.Duration, connections) // when each connection is
	server := time.Duration(0)                 // when that can begin the next
	for n := 0; ; n++ {
		intended, more := plan.peek()
		if !more {
			break
		}
		plan.advance()
		conn := slices.Index(free, slices.Min(free))
		sent := max(intended, free[conn])
		server = max(sent, server) + each
		if n == stalled {
			server += stall
		}
		free[conn] = server
		x := exchange{request: &request{want: &Target{Length: -1}}, intended: intended, ready: sent, sent: sent}
		x.reply.Status = 200
		tallies[0].reply(&x, server)
	}
	r := result(s, s.to, tallies)
	if r.Errored() > 0 || r.Counted != requests {
		t.Fatalf("%v", summary(r))
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
