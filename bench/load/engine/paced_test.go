package engine

import (
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/load/loadtest"
	"github.com/benchctl/benchctl/bench/load/pace"
)

// intended is how many requests a pacer intends in a window.
func intended(p vegeta.Pacer, w load.Window) uint64 {
	s := pace.NewSchedule(p, w.Lead+w.Span, 0, 1)
	return s.Missed(w.Lead + w.Span)
}

// Both engines send as many requests as the schedule has.
func TestPoissonLoad(t *testing.T) {
	p := pace.Poisson(1000, 1)
	eachEngine(t, func(t *testing.T, open loadtest.Opener) {
		s := loadtest.Serve(t, loadtest.Says(loadtest.HelloReply))
		defer s.Close()
		c := loadtest.HelloConfig(s, 16)
		c.Pacer = p
		var want uint64
		r := loadtest.Patient(load.Window{Span: 200 * time.Millisecond}, func(w load.Window) *load.Result {
			want = intended(p, w)
			return loadtest.Slice(t, open, c, w)
		}, loadtest.AnyAnswered)
		if r.Errored() > 0 || r.Sent+r.Missed != want || r.Sent == 0 {
			t.Errorf("want %d: %v", want, loadtest.Summary(r))
		}
	})
}

// The rate can change from slice to slice, and workers share a ramp out.
func TestPacerOfASlice(t *testing.T) {
	eachEngine(t, func(t *testing.T, open loadtest.Opener) {
		s := loadtest.Serve(t, loadtest.Says(loadtest.HelloReply))
		defer s.Close()
		c := loadtest.HelloConfig(s, 8)
		c.Pacer = pace.Constant(1)
		session := loadtest.MustOpen(t, open, c)
		defer session.Close()
		w := load.Window{Lead: 20 * time.Millisecond, Span: 200 * time.Millisecond}
		for _, p := range []vegeta.Pacer{pace.Ramp(200, 2000, w), pace.Steps([]float64{500, 1500}, w), pace.Constant(1000), nil} {
			w.Pacer = p
			r, err := session.Slice(t.Context(), w)
			if err != nil {
				t.Fatal(err)
			}
			if p == nil {
				p = pace.Constant(1000)
			}
			want := intended(p, w)
			if r.Errored() > 0 || r.Sent+r.Missed != want || r.Sent == 0 {
				t.Errorf("%v: want %d: %v", p, want, loadtest.Summary(r))
			}
		}
	})
}
