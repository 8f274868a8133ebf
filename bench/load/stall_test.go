package load

import (
	"fmt"
	"math"
	"net"
	"sync"
	"testing"
	"time"
)

// At a constant rate a stall delays those requests that are intended in it, and
// those after it until the backlog is served. Response shows them all; Service
// only the one request that each connection had in flight.
func TestStallPercentiles(t *testing.T) {
	var err error
	// A machine that is busy with something else may be late: three attempts.
	for range 3 {
		if err = stallPercentiles(t); err == nil {
			return
		}
		t.Log(err)
	}
	t.Error(err)
}

func stallPercentiles(t *testing.T) error {
	const (
		gap         = 4 * time.Millisecond // between intended requests
		each        = time.Millisecond     // what the server takes for one
		requests    = 375
		connections = 8
		stall       = time.Second // with the drain, 1 / (1 - each/gap) of that
	)
	server := metered{each: each, stall: stall, after: connections + 1}
	s := serve(t, func(c net.Conn, n int, _ string) bool {
		time.Sleep(time.Until(server.slot()))
		return says(helloReply)(c, n, "")
	})
	defer s.close()
	c := helloConfig(s, connections)
	c.Pacer = Constant(float64(time.Second) / float64(gap))
	r := slice(t, openers()[Raw], c, Window{Span: requests * gap})
	if r.Errored() > 0 || r.Missed > 0 || r.Counted != requests {
		return fmt.Errorf("%v", summary(r))
	}
	for _, p := range []float64{50, 90, 99} {
		// So many requests take longer. The first that is delayed takes stall + each,
		// and each one after it gap - each less: it is intended a gap later, and has
		// one more served before it.
		longer := math.Floor((100 - p) / 100 * requests)
		want := float64(stall+each) - longer*float64(gap-each)
		if got := float64(r.Response.ValueAtPercentile(p)); math.Abs(got/want-1) > 0.02 {
			return fmt.Errorf("p%v of the responses %v, want %v", p, time.Duration(got), time.Duration(want))
		}
	}
	slow := int64(0)
	for _, b := range r.Service.Distribution() {
		if b.From >= int64(stall/2) {
			slow += b.Count
		}
	}
	p90, most := time.Duration(r.Service.ValueAtPercentile(90)), time.Duration(r.Service.Max())
	if slow != connections || p90 > stall/20 || math.Abs(float64(most)/float64(stall)-1) > 0.02 {
		return fmt.Errorf("%d slow requests, want %d; p90 of the service times %v, longest %v", slow, connections, p90, most)
	}
	return nil
}

// metered serves requests in the order they come, one at a time, and stalls once.
// Its capacity is set, not what the machine happens to have, as the time that a
// backlog takes counts. From the stall on replies are due at set times: what makes
// one of them late does not make the next late.
type metered struct {
	each, stall time.Duration
	after       int // requests before the stall

	mu   sync.Mutex
	free time.Time // when the next request can begin
}

// slot is when the reply to a request that has just come is due.
func (m *metered) slot() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.after >= 0 {
		m.free = time.Now()
	}
	if m.after--; m.after == -1 {
		m.free = m.free.Add(m.stall)
	}
	m.free = m.free.Add(m.each)
	return m.free
}
