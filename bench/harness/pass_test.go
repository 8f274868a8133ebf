package harness_test

import (
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/benchctl/benchctl/bench/launch"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/judge"
)

// withPasses has two launches of the first block begin with short passes.
func withPasses(m *results.Manifest) {
	m.Blocks, m.Launches, m.Rounds = m.Blocks[:1], 3, 2
	m.Passes, m.Pass = 2, 300*time.Millisecond
}

// The first launches of a run begin with an uninterrupted pass of each candidate, in an
// order that the next one mirrors, and a resumed run does not take them again.
func TestPasses(t *testing.T) {
	t.Parallel()
	s := prepare(t, "", withPasses, "nethttp", "fasthttp", "fasthttp#b")
	var seen []string
	s.Observe = func(e launch.Event) {
		if e.Kind == launch.Passing || e.Kind == launch.Round {
			seen = append(seen, map[launch.EventKind]string{launch.Passing: "pass", launch.Round: "round"}[e.Kind])
		}
	}
	r, err := s.measure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	complete(t, r)
	if got, want := strings.Join(seen, " "), "pass round round pass round round round round"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	var orders [2][]string
	for _, p := range r.Passes {
		orders[p.Launch] = append(orders[p.Launch], p.Candidate)
		var parts uint64
		for _, n := range p.Pass.Parts {
			parts += n
		}
		if p.Counted == 0 || parts != p.Counted || p.Elapsed != 300*time.Millisecond || p.Busy <= 0 || p.Longest <= 0 || p.Scale <= 0 {
			t.Errorf("pass %+v, %d in parts", p, parts)
		}
	}
	slices.Reverse(orders[1])
	if len(orders[0]) != 3 || !slices.Equal(orders[0], orders[1]) {
		t.Errorf("orders %q, the second one mirrored", orders)
	}
	s.resume()
	again, err := s.measure(t.Context())
	if err != nil || len(again.Passes) != len(r.Passes) || len(again.Trials) != len(r.Trials) {
		t.Errorf("resumed: %v, %d passes, %d trials", err, len(again.Passes), len(again.Trials))
	}
	for _, all := range [][]results.Trial{again.Trials, again.Passes} {
		for i := range all { // whatever else ran on this machine
			all[i].Host, all[i].Steal, all[i].LoaderWait, all[i].Others = nil, nil, nil, nil
		}
	}
	sum, err := judge.Summarize(again)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range sum.Cells {
		if c.Whole == nil || c.Whole.Passes != 2 || c.Whole.Throughput == nil || c.Latency == nil {
			t.Errorf("%s: %+v", c.Candidate, c.Whole)
		}
	}
}

// A candidate that is busy with nothing to do is named and taken out before the others
// are measured beside it, and alone it is measured with a reservation.
func TestBusyWhileIdle(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("the CPU time of candidates is told on Linux only")
	}
	s := prepare(t, external(t, "spins"), withPasses, "nethttp", "spins")
	cells := s.cells()
	if c := cells["spins"]; c.Verdict != judge.Invalid || c.Slices > 0 || !says(c, "busy while idle: it used ") {
		t.Errorf("spins is %s after %d slices: %q", c.Verdict, c.Slices, c.Reasons)
	}
	if c := cells["nethttp"]; c.Verdict == judge.Invalid || c.Slices != 6 || says(c, "disturbed") {
		t.Errorf("nethttp is %s after %d slices: %q", c.Verdict, c.Slices, c.Reasons)
	}
	alone := prepare(t, external(t, "spins"), func(m *results.Manifest) { withPasses(m); m.Launches = 1 }, "spins")
	if c := alone.cells()["spins"]; c.Verdict != judge.Degraded || !says(c, "busy while idle: it uses ") {
		t.Errorf("alone spins is %s: %q", c.Verdict, c.Reasons)
	}
}

// Work that is put off until there is no load is the requests' that caused it.
func TestWorkPutOff(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("the CPU time of candidates is told on Linux only")
	}
	s := prepare(t, external(t, "defers"), func(m *results.Manifest) {
		withPasses(m)
		m.Launches = 1
		m.Blocks[0].Load.Rate = 200 // so many that it takes a while, and no more than that
	}, "defers")
	r, err := s.measure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range r.Passes {
		// The last of it is not waited for, and a slow machine may get to it within the pass.
		least := int64(p.Answered) * laterWork.Nanoseconds() / 2
		if *p.ServerCPU < least || p.Restless > 0 {
			t.Errorf("pass of %d replies: %d ns, want %d, with what was put off; restless %g", p.Answered, *p.ServerCPU, least, p.Restless)
		}
	}
	if len(r.Passes) != 1 {
		t.Errorf("%d passes", len(r.Passes))
	}
}

// A server that does not wait as the app does is not fast but wrong.
func TestUnwaited(t *testing.T) {
	t.Parallel()
	s := prepare(t, external(t, "hurries"), func(m *results.Manifest) {
		only(2)(m)
		m.Blocks[0].App = "sleep?ms=5"
	}, "nethttp", "hurries")
	cells := s.cells()
	if c := cells["hurries"]; c.Verdict != judge.Invalid || !says(c, "did not wait: ") {
		t.Errorf("hurries is %s: %q", c.Verdict, c.Reasons)
	}
	if c := cells["nethttp"]; c.Verdict == judge.Invalid || says(c, "did not wait") {
		t.Errorf("nethttp is %s: %q", c.Verdict, c.Reasons)
	}
}

// Where slices mislead, launches are left out until those that remain have room for two
// rounds as long as the latest, and each begins with a pass of the length that it has to
// have. The launches before were measured earlier, and of the budget more is left than
// any machine needs.
func TestPassesWhereSlicesMislead(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		wall time.Duration // of the latest slices
		want []int         // launches, of which the last is the last that was planned
	}{{20 * time.Millisecond, []int{0, 1, 2}}, {time.Hour, []int{0, 1, 3}}} {
		s := prepare(t, "", func(m *results.Manifest) {
			m.Blocks, m.Launches, m.Rounds, m.Passes = m.Blocks[:1], test.want[2]+1, 4, 2
			m.Budget, m.Fill = time.Hour, true
		}, "nethttp")
		s.tookBefore(test.wall)
		s.resume()
		r, err := s.measure(t.Context())
		if err != nil || judge.Status(r) != judge.StatusComplete {
			t.Fatalf("%v, %s", err, judge.Status(r))
		}
		for what, trials := range map[string][]results.Trial{"slices": r.Trials, "passes": r.Passes} {
			var launches []int
			for _, trial := range trials {
				if launches = append(launches, trial.Launch); trial.Launch > 1 && what == "passes" && trial.Elapsed < 3*time.Second {
					t.Errorf("launch %d begins with a pass of %v, want 20 times 150ms or more", trial.Launch, trial.Elapsed)
				}
			}
			if got := slices.Compact(launches); !slices.Equal(got, test.want) {
				t.Errorf("after slices of %v there are %s in launches %v, want %v", test.wall, what, got, test.want)
			}
		}
	}
}

// tookBefore records two launches of nethttp whose slices show 20 times the throughput of
// their passes.
func (s *setting) tookBefore(wall time.Duration) {
	s.t.Helper()
	for launch := range 2 {
		var trial results.Trial
		for round := range 4 {
			trial = results.Trial{
				Launch: launch, Round: round, Candidate: "nethttp", Scenario: "small", App: "hello",
				Answered: 15, Counted: 15, Elapsed: 20 * time.Millisecond, Wall: wall, Longest: 150 * time.Millisecond,
			}
			if err := s.Store.AppendRound([]results.Trial{trial}, []results.Times{{}}); err != nil {
				s.t.Fatal(err)
			}
		}
		trial.Round, trial.Elapsed, trial.Pass = 0, 20*trial.Elapsed, &results.Pass{Parts: []uint64{5, 5, 5}}
		if err := s.Store.AppendPasses([]results.Trial{trial}, []results.Times{{}}); err != nil {
			s.t.Fatal(err)
		}
	}
}
