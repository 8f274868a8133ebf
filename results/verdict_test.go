package results_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/benchctl/benchctl/results"
)

// Each rule is provoked in candidate a and left just alone below its limit.
func TestVerdicts(t *testing.T) {
	type run struct {
		m        results.Manifest
		launches []results.Launch
		trials   []results.Trial
	}
	each := func(change func(*results.Trial)) func(*run) {
		return func(r *run) {
			for i := range r.trials {
				change(&r.trials[i])
			}
		}
	}
	fixedRate := func(change func(*results.Trial)) func(*run) {
		return func(r *run) {
			r.m.Blocks[0].Load.Rate = 10_000
			each(change)(r)
		}
	}
	host := func(h results.Host) func(*results.Trial) {
		h.Wall = time.Second
		return func(t *results.Trial) { t.Host = &h }
	}
	for _, c := range []struct {
		name    string
		change  func(*run)
		verdict results.Verdict
		reason  string // of a, its beginning
	}{
		{"nothing is wrong", func(*run) {}, results.Valid, ""},

		{"not ready", func(r *run) { r.launches[0].Failure = "a: not ready in time"; r.trials = nil }, results.Invalid, "a: not ready in time"},
		{"died after other rounds", func(r *run) { r.launches[0].Failure = "died: exit status 3" }, results.Invalid, "died: exit status 3"},
		{"this block failed", func(r *run) { r.launches[0].BlockFailures = map[int]string{0: "conformance: reply"} }, results.Invalid, "conformance: reply"},
		{"another block failed", func(r *run) { r.launches[0].BlockFailures = map[int]string{1: "conformance: reply"} }, results.Valid, ""},
		{"another candidate failed", func(r *run) { r.launches[1].Failure = "died" }, results.Valid, ""},

		{"one wrong body", func(r *run) { r.trials[0].Wrong = 1 }, results.Invalid, "wrong body: 1 of 96 compared replies differed"},
		{"one stale reply", func(r *run) { r.trials[0].Stale, r.trials[0].StaleAge = 1, 90*time.Second }, results.Invalid,
			"stale replies: 1 replies carried a Date up to 1m30s old: they come from a cache"},
		{"more than 0.1 % errors", func(r *run) { r.trials[0].Errors = map[string]uint64{"reset": 3, "timeout": 4} }, results.Invalid,
			"errors: 0.117 % of requests failed (4 timeout, 3 reset)"},
		{"0.1 % errors", func(r *run) { r.trials[0].Errors = map[string]uint64{"reset": 6} }, results.Valid, ""},
		{"nothing but errors", each(func(t *results.Trial) {
			t.Answered, t.Counted, t.Errors = 0, 0, map[string]uint64{"timeout": t.Sent}
		}), results.Invalid, "errors: 100 % of requests failed (6000 timeout)"},
		{"nothing could be sent", each(func(t *results.Trial) {
			t.Sent, t.Answered, t.Counted, t.Errors = 0, 0, 0, map[string]uint64{"connect": 5}
		}), results.Invalid, "errors: 100 % of requests failed (30 connect)"},
		{"nothing counted", each(func(t *results.Trial) { t.Counted = 0 }), results.Invalid, "not measured: no reply was counted"},
		{"nothing measured", func(r *run) { r.trials = nil }, results.Unreached, "not reached: the run ended before it was measured"},
		{"no reply counted", each(func(t *results.Trial) { t.Counted = 0 }), results.Invalid, "not measured: no reply was counted"},
		{"one reply counted", each(func(t *results.Trial) { t.Counted = 1 }), results.Valid, ""},

		{"five slices", func(r *run) { r.trials = r.trials[:10] }, results.Degraded, "too few slices: 5, and an interval takes 6"},
		{"loader-bound", each(func(t *results.Trial) {
			t.LoaderCPU, t.ServerCPU = ns(81*time.Millisecond), ns(89*time.Millisecond)
		}), results.Degraded, "loader-bound: the load generator used 81 % of its processors and the server 89 %"},
		{"loader busy, but not too much", each(func(t *results.Trial) { t.LoaderCPU, t.ServerCPU = ns(80*time.Millisecond), ns(10*time.Millisecond) }), results.Valid, ""},
		{"loader busy, and so is the server", each(func(t *results.Trial) { t.LoaderCPU, t.ServerCPU = ns(99*time.Millisecond), ns(90*time.Millisecond) }), results.Valid, ""},
		{"loader busy on one of its two processors", func(r *run) {
			r.m.Environment.LoaderCPUs = "1,3"
			each(func(t *results.Trial) { t.LoaderCPU, t.ServerCPU = ns(99*time.Millisecond), ns(10*time.Millisecond) })(r)
		}, results.Valid, ""},
		{"CPU time unknown", each(func(t *results.Trial) { t.LoaderCPU, t.ServerCPU, t.Steal = nil, nil, nil }), results.Valid, ""},
		{"not pinned", func(r *run) { r.m.Environment.ServerCPUs = "" }, results.Degraded, "not pinned: "},
		{"pinned to the same processor", func(r *run) { r.m.Environment.ServerCPUs, r.m.Environment.LoaderCPUs = "0-1", "1" }, results.Degraded, "not pinned: "},
		{"a loader that waits where all share", func(r *run) {
			r.m.Environment.ServerCPUs, r.m.Environment.LoaderCPUs = "", ""
			each(func(t *results.Trial) { t.LoaderWait = ns(90 * time.Millisecond) })(r)
		}, results.Degraded, "not pinned: "},
		{"stolen time", each(func(t *results.Trial) { t.Steal = ns(2100 * time.Microsecond) }), results.Degraded,
			"stolen time: the hypervisor withheld 1.1 % of the processors' time"},
		{"1 % stolen time", each(func(t *results.Trial) { t.Steal = ns(2 * time.Millisecond) }), results.Valid, ""},

		{"others on the servers' processors", each(host(results.Host{OnServers: ns(101 * time.Millisecond), OnLoader: ns(0)})), results.Degraded,
			"busy host: other processes used 10 % of the servers' processors"},
		{"others on the loader's processors", each(host(results.Host{OnServers: ns(0), OnLoader: ns(300 * time.Millisecond)})), results.Degraded,
			"busy host: other processes used 30 % of the load generator's processors"},
		{"few others", each(host(results.Host{OnServers: ns(89 * time.Millisecond), OnLoader: ns(-80 * time.Millisecond)})), results.Valid, ""},
		{"others in one of few short rounds", func(r *run) {
			each(host(results.Host{}))(r)
			for i := range r.trials {
				r.trials[i].Host = &results.Host{Wall: 10 * time.Millisecond, OnServers: ns(2 * time.Millisecond), OnLoader: ns(0)}
			}
		}, results.Valid, ""},
		{"a quota", each(host(results.Host{Throttled: 20 * time.Millisecond})), results.Degraded, "throttled: a CPU quota withheld 120ms of processor time in 6s"},
		{"heat", each(host(results.Host{Heat: 1})), results.Degraded, "throttled: heat slowed processors down 6 times"},
		{"a loader that waits", each(func(t *results.Trial) { t.LoaderWait, t.LoaderRuns = ns(36*time.Millisecond), 1000 }), results.Degraded,
			"loader throttled: the load generator waited 6 % of the time for a processor that others had"},
		{"a loader that wakes often", each(func(t *results.Trial) { t.LoaderWait, t.LoaderRuns = ns(35*time.Millisecond), 1000 }), results.Valid, ""},

		{"rate not reached", fixedRate(func(t *results.Trial) { t.Counted = 989 }), results.Degraded,
			"rate not reached: 98.9 % of the offered 10000 req/s were answered in time"},
		{"rate reached", fixedRate(func(t *results.Trial) { t.Counted = 990 }), results.Valid, ""},
		{"a rate of each trial's own not reached", func(r *run) {
			r.m.Blocks[0].Load.Share, r.m.Blocks[0].Load.ShareOf = 0.7, "ceiling"
			each(func(t *results.Trial) {
				t.Rate, t.Counted = 1000*float64(1+t.Round), uint64(99*(1+t.Round)) // of 100 for each
				if t.Round == 5 {
					t.Counted -= 3
				}
			})(r)
		}, results.Degraded, "rate not reached: 98.9 % of the offered 3500 req/s were answered in time"},
		{"a rate of each trial's own reached", func(r *run) {
			r.m.Blocks[0].Load.Share, r.m.Blocks[0].Load.ShareOf = 0.7, "ceiling"
			each(func(t *results.Trial) { t.Rate, t.Counted = 1000*float64(1+t.Round), uint64(99*(1+t.Round)) })(r)
		}, results.Valid, ""},
		{"fewer arrivals than the rate has on average", fixedRate(func(t *results.Trial) { t.Rate, t.Due, t.Counted = 10_000, 950, 945 }), results.Valid, ""},
		{"no rate to reach", each(func(t *results.Trial) { t.Counted = 10 }), results.Valid, ""},
		{"loader busy at a fixed rate", fixedRate(func(t *results.Trial) { t.LoaderCPU, t.ServerCPU = ns(99*time.Millisecond), ns(10*time.Millisecond) }), results.Valid, ""},
		{"an invalid cell tells its reservations too", func(r *run) { r.trials[0].Wrong, r.m.Environment.ServerCPUs = 1, "" }, results.Invalid, "wrong body: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := run{manifest(), launched(), rounds(6, nil)}
			c.change(&r)
			cell := summarize(t, r.m, r.launches, r.trials).Cells[0]
			if cell.Verdict != c.verdict {
				t.Errorf("verdict is %s, not %s: %q", cell.Verdict, c.verdict, cell.Reasons)
			}
			if cell.Errors.Void != strings.HasPrefix(c.reason, "errors: ") {
				t.Errorf("errors void the cell: %v, %q", cell.Errors.Void, cell.Reasons)
			}
			if c.reason == "" && len(cell.Reasons) > 0 || c.reason != "" && (len(cell.Reasons) == 0 || !strings.HasPrefix(cell.Reasons[0], c.reason)) {
				t.Errorf("reasons are %q, not %q", cell.Reasons, c.reason)
			}
			if (cell.Rank > 0) != cell.Verdict.Usable() {
				t.Errorf("rank is %d", cell.Rank)
			}
		})
	}
}

func TestReasonsAreInOrderAndOnce(t *testing.T) {
	m, launches := manifest(), launched()
	m.Environment.ServerCPUs = ""
	launches[0].Failure = "died: exit status 1"
	again := launches[0]
	again.Attempt = 1
	cell := summarize(t, m, append(launches, again), rounds(5, nil)).Cells[0]
	want := []string{"died: exit status 1", "too few slices: ", "not pinned: "}
	if !slices.EqualFunc(cell.Reasons, want, strings.HasPrefix) {
		t.Errorf("reasons are %q, want %q", cell.Reasons, want)
	}
}

// With a long latency, the load may be late by a tenth of it.
func TestLatenessIsJudgedByLatency(t *testing.T) {
	for late, want := range map[time.Duration]results.Verdict{3 * time.Millisecond: results.Valid, 5 * time.Millisecond: results.Degraded} {
		m := manifest()
		m.Blocks[0].Load.Rate = 10_000
		s := create(t, m)
		for r := range 6 {
			times := results.Times{Response: many(40_000), SendLag: many(50_000), Late: hist()}
			_ = times.Late.RecordValues(int64(late), 1000)
			if err := s.AppendRound([]results.Trial{slice("a", 0, r)}, []results.Times{times}); err != nil {
				t.Fatal(err)
			}
		}
		sum, err := results.Summarize(read(t, s.Dir()))
		if err != nil {
			t.Fatal(err)
		}
		if cell := sum.Cells[0]; cell.Verdict != want {
			t.Errorf("late by %v: %s %q", late, cell.Verdict, cell.Reasons)
		}
	}
}

// One slice that hiccups does not speak for the others: what counts are all requests
// of the cell.
func TestOneLateSliceIsNotLateLoad(t *testing.T) {
	for late, want := range map[int64]results.Verdict{1000: results.Valid, 1500: results.Degraded} {
		m := manifest()
		m.Blocks[0].Load.Rate = 10_000
		s := create(t, m)
		for r := range 6 {
			a := slice("a", 0, r)
			times := results.Times{Response: many(100), Service: many(90), Late: hist()}
			_ = times.Late.RecordValues(10_000, 20_000)
			if r == 3 {
				_ = times.Late.RecordValues(5_000_000, late) // of 120,000
			}
			if err := s.AppendRound([]results.Trial{a}, []results.Times{times}); err != nil {
				t.Fatal(err)
			}
		}
		sum, err := results.Summarize(read(t, s.Dir()))
		if err != nil {
			t.Fatal(err)
		}
		if cell := sum.Cells[0]; cell.Verdict != want {
			t.Errorf("%d late requests: %s %q", late, cell.Verdict, cell.Reasons)
		}
	}
}

// Nothing that a trial may hold makes a figure that is no number: JSON has none
// for it, and the whole summary would be lost.
func TestEmptyTrialsHaveJSON(t *testing.T) {
	t.Parallel()
	zero := map[string]func(*results.Trial){
		"sent":     func(t *results.Trial) { t.Sent = 0 },
		"answered": func(t *results.Trial) { t.Answered = 0 },
		"counted":  func(t *results.Trial) { t.Counted = 0 },
		"elapsed":  func(t *results.Trial) { t.Elapsed = 0 },
		"wall":     func(t *results.Trial) { t.Wall = 0 },
		"CPU":      func(t *results.Trial) { t.ServerCPU, t.LoaderCPU = ns(0), ns(0) },
		"times":    func(t *results.Trial) { t.Elapsed, t.Wall = 0, 0 },
		"all but CPU": func(t *results.Trial) {
			t.Sent, t.Answered, t.Counted, t.Elapsed, t.Wall = 0, 0, 0, 0, 0
		},
		"half of a's": func(t *results.Trial) {
			if t.Candidate == "a" && t.Round%2 == 0 {
				t.Counted, t.ServerCPU = 0, ns(0)
			}
		},
		"some of both, so that the ratio has no bounds": func(t *results.Trial) {
			t.Counted = map[string][]uint64{"a": {693, 0, 350, 77, 973, 290}, "b": {0, 401, 0, 837, 635, 0}}[t.Candidate][t.Round]
		},
		"all": func(t *results.Trial) {
			*t = results.Trial{Scenario: t.Scenario, App: t.App, Candidate: t.Candidate, Round: t.Round}
		},
	}
	right := &results.Record{Dir: t.TempDir(), Manifest: manifest(), Launches: launched(), Trials: rounds(6, nil)}
	for name, change := range zero {
		r := &results.Record{Dir: t.TempDir(), Manifest: manifest(), Launches: launched(), Trials: rounds(6, change)}
		for _, pair := range [][2]*results.Record{{r, right}, {right, r}} {
			all, _, err := results.CompareRuns(pair[0], pair[1], 0)
			if err != nil {
				t.Fatal(err)
			}
			asJSON(t, map[string]any{"all": all})
		}
		for _, rate := range []float64{0, 100} {
			for _, cores := range []int{0, 2} {
				m := manifest()
				m.Blocks[0].Load.Rate, m.Environment.Cores = rate, cores
				if cores == 0 {
					m.Environment.ServerCPUs, m.Environment.LoaderCPUs = "", ""
				}
				s := summarize(t, m, launched(), r.Trials)
				asJSON(t, s)
				for _, c := range s.Cells {
					if c.Loader != nil && c.Loader.Headroom != nil && *c.Loader.Headroom <= 0 {
						t.Errorf("zero %s: headroom is %v", name, *c.Loader.Headroom)
					}
					if why := strings.Join(c.Reasons, " "); strings.Contains(why, "Inf") || strings.Contains(why, "NaN") {
						t.Errorf("zero %s: reasons %q", name, why)
					}
				}
			}
		}
	}
	empty := summarize(t, results.Manifest{}, nil, nil)
	if got := asJSON(t, empty); !reflect.DeepEqual(got["pairs"], []any{}) {
		t.Errorf("an empty run: %v", got)
	}
}

// A launch that did not end as it should is told in the row, and one whose work was not all
// measured takes from it.
func TestEnds(t *testing.T) {
	m, launches := manifest(), launched()
	launches[0].Guard, launches[0].Left = "its guard did not answer", "left running: PID 7 (x), state D"
	launches[1].Outside = []string{"PID 8 (y), state S"}
	cells := summarize(t, m, launches, rounds(6, nil)).Cells
	want := []string{"when launch 1 ended: its guard did not answer", "when launch 1 ended: left running: PID 7 (x), state D"}
	if !reflect.DeepEqual(cells[0].Notes, want) {
		t.Errorf("notes are %q, want %q", cells[0].Notes, want)
	}
	if why := strings.Join(cells[1].Reasons, "\n"); cells[1].Verdict != results.Degraded || !strings.Contains(why, "works elsewhere: ") || !strings.Contains(why, "PID 8 (y)") {
		t.Errorf("%s: %q", cells[1].Verdict, why)
	}
}

// What a launch took to start, or did not do when it was asked to stop, is told in the row.
func TestLaunchNotes(t *testing.T) {
	m, launches := manifest(), launched()
	m.Budget = 20 * time.Second
	launches[0].StartupMS, launches[0].Killed = ptr(3000.0), true
	for i, want := range [][]string{
		{"had to be killed: it did not stop when asked, after 1 of 1 launches", "slow start: it takes 3 s to start, of a budget of 20s, and had 1 launches of "},
		nil,
	} {
		notes := summarize(t, m, launches, rounds(6, nil)).Cells[i].Notes
		if len(notes) != len(want) {
			t.Errorf("notes are %q, want %q", notes, want)
			continue
		}
		for j := range want {
			if !strings.HasPrefix(notes[j], want[j]) {
				t.Errorf("note is %q, want %q", notes[j], want[j])
			}
		}
	}
}
