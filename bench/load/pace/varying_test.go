package pace

import (
	"math"
	"slices"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/benchctl/benchctl/bench/load"
)

// intended are all intended times of a pacer in a window.
func intended(p vegeta.Pacer, w load.Window) []time.Duration {
	var all []time.Duration
	s := NewSchedule(p, w.Lead+w.Span, 0, 1)
	for at, ok := s.Peek(); ok; at, ok = s.Peek() {
		all = append(all, at)
		s.Advance()
	}
	return all
}

// near reports whether two times are one but for rounding to ns.
func near(a time.Duration, s float64) bool { return math.Abs(float64(a)-s*1e9) <= 1 }

func TestRamp(t *testing.T) {
	for _, c := range []struct{ from, to, lead, span float64 }{
		{100, 5000, 0, 1}, {5000, 100, 0, 1}, {1000, 1000, 0.05, 0.5}, {1, 100_000, 0.2, 0.3}, {3, 3.000001, 0.1, 2}, {2000, 1e-3, 0, 1},
	} {
		w := load.Window{Lead: time.Duration(c.lead * 1e9), Span: time.Duration(c.span * 1e9)}
		all := intended(Ramp(c.from, c.to, w), w)
		total := c.from*c.lead + (c.from+c.to)/2*c.span
		if n := float64(len(all)); math.Abs(n-total) > 1 {
			t.Errorf("%+v: %v requests, want %v", c, n, total)
		}
		slope := (c.to - c.from) / c.span
		for i, at := range all {
			// The integral of the rate, in closed form, comes to the number of the
			// request at its time, but for rounding to ns.
			sec := at.Seconds()
			n := c.from * sec
			if ramped := sec - c.lead; ramped > 0 {
				n += slope * ramped * ramped / 2
			}
			if off := math.Abs(n - float64(i+1)); off > max(c.from, c.to)*1e-9+1e-9*n {
				t.Fatalf("%+v: request %d at %v: %v requests were due", c, i+1, at, n)
			}
		}
		// And by the root of the quadratic, where nothing cancels.
		if slope > 1 {
			last := float64(len(all)) - c.from*c.lead
			if want := c.lead + (math.Sqrt(c.from*c.from+2*slope*last)-c.from)/slope; !near(all[len(all)-1], want) {
				t.Errorf("%+v: the last at %v, want %v s", c, all[len(all)-1], want)
			}
		}
	}
}

func TestSteps(t *testing.T) {
	w := load.Window{Lead: 10 * time.Millisecond, Span: 300 * time.Millisecond}
	all := intended(Steps([]float64{1000, 2000, 4000}, w), w)
	var want []float64
	for n := 1; n <= 110; n++ {
		want = append(want, float64(n)/1000)
	}
	for n := 1; n <= 200; n++ {
		want = append(want, 0.110+float64(n)/2000)
	}
	for n := 1; n <= 400; n++ {
		want = append(want, 0.210+float64(n)/4000)
	}
	if len(all) != len(want) {
		t.Fatalf("%d requests, want %d", len(all), len(want))
	}
	for i := range all {
		if !near(all[i], want[i]) {
			t.Fatalf("request %d at %v, want %v s", i, all[i], want[i])
		}
	}
}

func TestVaryingRate(t *testing.T) {
	p := Ramp(100, 300, load.Window{Lead: time.Second, Span: 2 * time.Second})
	for at, want := range map[time.Duration]float64{0: 100, time.Second: 100, 2 * time.Second: 200, 3 * time.Second: 300, time.Minute: 300} {
		if got := p.Rate(at); math.Abs(got-want) > 1e-9 {
			t.Errorf("at %v the rate is %v, want %v", at, got, want)
		}
	}
}

// On the scale of the rate's integral, the requests of a ramp are a Poisson process
// of rate 1.
func TestVaryingPoisson(t *testing.T) {
	w := load.Window{Lead: 100 * time.Millisecond, Span: 20 * time.Second}
	ramp := Ramp(500, 5000, w)
	all := intended(ramp.Poisson(3), w)
	total := ramp.count((w.Lead + w.Span).Seconds())
	if n := float64(len(all)); math.Abs(n-total) > 4.5*math.Sqrt(total) {
		t.Errorf("%v requests, want about %v", n, total)
	}
	var last float64
	g := make([]float64, len(all))
	for i, at := range all {
		n := ramp.count(at.Seconds())
		g[i], last = n-last, n
	}
	slices.Sort(g)
	far := 0.0
	for i, x := range g {
		far = max(far, math.Abs(1-math.Exp(-x)-float64(i)/float64(len(g))))
	}
	if far > 1.95/math.Sqrt(float64(len(g))) {
		t.Errorf("distance %.5f from the exponential distribution", far)
	}
	if !slices.Equal(all, intended(ramp.Poisson(3), w)) || slices.Equal(all, intended(ramp.Poisson(4), w)) {
		t.Error("a seed has not one schedule of its own")
	}
}
