package load

import (
	"fmt"
	"math"
	"net"
	"sync"
	"testing"
	"time"
)

// At a constant rate a stall of 1 s delays a known share of the requests by times
// that are spread evenly over that second. Response shows them all; Service only
// the one request that each connection had in flight.
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
		rate        = 250
		connections = 8
		stall       = time.Second
		window      = 1100 * time.Millisecond
	)
	var once sync.Once
	var door sync.RWMutex
	s := serve(t, func(c net.Conn, n int, _ string) bool {
		if n == 2 {
			once.Do(func() {
				door.Lock()
				defer door.Unlock()
				time.Sleep(stall)
			})
		}
		door.RLock()
		defer door.RUnlock()
		return says(helloReply)(c, n, "")
	})
	defer s.close()
	c := helloConfig(s, connections)
	c.Pacer = Constant(rate)
	r := slice(t, openers()[Raw], c, Window{Span: window})
	if r.Errored() > 0 || r.Missed > 0 || r.Counted != 275 {
		return fmt.Errorf("%v", summary(r))
	}
	// A share of stall/window is delayed, by x or more a share of (stall-x)/window.
	for _, p := range []float64{50, 90, 99} {
		want := float64(stall) - (100-p)/100*float64(window)
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
