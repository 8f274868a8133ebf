package plan_test

import (
	"testing"
	"time"

	"github.com/benchctl/benchctl/bench/plan"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/scenarios"
)

func TestSlice(t *testing.T) {
	b := results.Block{Load: scenarios.Load{Connections: 256}}
	for _, c := range []struct {
		rate       float64
		scale      time.Duration
		lead, span time.Duration
	}{
		{100_000, 0, 10 * time.Millisecond, plan.MinSlice},
		{4_000, 0, 64 * time.Millisecond, 250 * time.Millisecond},
		{0, 0, plan.MaxLead, plan.MaxLead},
		{100_000, 2 * time.Millisecond, 10 * time.Millisecond, plan.MinSlice},
		{100_000, 30 * time.Millisecond, 90 * time.Millisecond, plan.MinSlice},
		{100_000, 300 * time.Millisecond, 900 * time.Millisecond, 900 * time.Millisecond},
		{100_000, time.Minute, plan.MaxLead, plan.MaxLead},
	} {
		if lead, span := plan.Slice(results.Manifest{}, b, c.rate, c.scale); lead != c.lead || span != c.span {
			t.Errorf("at %v req/s, scale %v: lead %v, slice %v, want %v, %v", c.rate, c.scale, lead, span, c.lead, c.span)
		}
	}
	if _, span := plan.Slice(results.Manifest{Slice: time.Minute}, b, 10, 0); span != time.Minute {
		t.Errorf("a slice that was asked for is %v", span)
	}
}

// A pass is many times as long as the longest response, and longer where the candidate
// was seen to change.
func TestPass(t *testing.T) {
	for _, c := range []struct {
		asked   time.Duration
		launch  int
		longest time.Duration
		changes bool
		want    time.Duration
	}{
		{0, 0, 5 * time.Millisecond, false, plan.FirstPass},
		{0, 1, 5 * time.Millisecond, false, plan.NextPass},
		{0, 1, 400 * time.Millisecond, false, 8 * time.Second},
		{0, 0, 3 * time.Second, false, plan.MostPass},
		{0, 1, 5 * time.Millisecond, true, plan.MostPass},
		{time.Second, 0, 3 * time.Second, true, time.Second},
	} {
		if got := plan.Pass(results.Manifest{Pass: c.asked}, c.launch, c.longest, c.changes); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
	m := results.Manifest{Budget: 42 * time.Second, Passes: 2, Blocks: make([]results.Block, 2)}
	if first, all := plan.PassRoom(m, 0), plan.PassRoom(m, 1); first != 5*time.Second || all != 7*time.Second {
		t.Errorf("room for %v, %v in all", first, all)
	}
}

// Runs begin with passes, but for those that are told not to.
func TestPasses(t *testing.T) {
	r := choose(t, request(t), "nethttp")
	for _, c := range []struct {
		launches int
		none     bool
		want     int
	}{{0, false, plan.Passes}, {1, false, 1}, {3, true, 0}} {
		r.Launches, r.NoPass = c.launches, c.none
		if m, err := plan.New(r); err != nil || m.Passes != c.want {
			t.Errorf("%+v: %d passes, %v", c, m.Passes, err)
		}
	}
}

func TestShare(t *testing.T) {
	for _, c := range []struct {
		wanted []time.Duration
		room   time.Duration
		want   time.Duration
	}{
		{[]time.Duration{5, 5, 5}, 9, 3}, {[]time.Duration{20, 1, 5, 5}, 13, 4}, {[]time.Duration{20, 1}, 100, 99}, {[]time.Duration{5}, 0, 0}, {nil, 5, 0},
	} {
		if got := plan.Share(c.wanted, c.room); got != c.want {
			t.Errorf("%v in %d: %d, want %d", c.wanted, c.room, got, c.want)
		}
	}
}

// In a large field with a time to keep, candidates with long slices have fewer of them.
func TestEvery(t *testing.T) {
	field := func(n int, fill bool) results.Manifest {
		return results.Manifest{Fill: fill, Candidates: make([]results.Candidate, n)}
	}
	for _, c := range []struct {
		m            results.Manifest
		takes, usual time.Duration
		want         int
	}{
		{field(36, true), 460 * time.Millisecond, 460 * time.Millisecond, 1},
		{field(36, true), 1900 * time.Millisecond, 460 * time.Millisecond, 2},
		{field(36, true), time.Hour, 460 * time.Millisecond, 4},
		{field(36, false), time.Hour, 460 * time.Millisecond, 1}, // whose rounds were counted out
		{field(9, true), time.Hour, 460 * time.Millisecond, 1},
		{field(36, true), time.Hour, 0, 1},
	} {
		if got := plan.Every(c.m, c.takes, c.usual); got != c.want {
			t.Errorf("%v of %v in a field of %d: %d, want %d", c.takes, c.usual, len(c.m.Candidates), got, c.want)
		}
	}
}
