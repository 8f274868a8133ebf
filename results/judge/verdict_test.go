package judge_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/internal/sample"
	"github.com/benchctl/benchctl/results/judge"
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
		verdict judge.Verdict
		reason  string // of a, its beginning
	}{
		{"nothing is wrong", func(*run) {}, judge.Valid, ""},

		{"not ready", func(r *run) { r.launches[0].Failure = "a: not ready in time"; r.trials = nil }, judge.Invalid, "a: not ready in time"},
		{"died after other rounds", func(r *run) { r.launches[0].Failure = "died: exit status 3" }, judge.Invalid, "died: exit status 3"},
		{"this block failed", func(r *run) { r.launches[0].BlockFailures = map[int]string{0: "conformance: reply"} }, judge.Invalid, "conformance: reply"},
		{"another block failed", func(r *run) { r.launches[0].BlockFailures = map[int]string{1: "conformance: reply"} }, judge.Valid, ""},
		{"another candidate failed", func(r *run) { r.launches[1].Failure = "died" }, judge.Valid, ""},

		{"one wrong body", func(r *run) { r.trials[0].Wrong = 1 }, judge.Invalid, "wrong body: 1 of 96 compared replies differed"},
		{"one stale reply", func(r *run) { r.trials[0].Stale, r.trials[0].StaleAge = 1, 90*time.Second }, judge.Invalid,
			"stale replies: 1 replies carried a Date up to 1m30s old: they come from a cache"},
		{"a Date of the connection", func(r *run) { r.trials[0].Dated, r.trials[0].DatedAge = 3, 6*time.Second }, judge.Degraded,
			"one Date for each connection: 3 replies carried a Date up to 6s old"},
		{"more than 0.1 % errors", func(r *run) { r.trials[0].Errors = map[string]uint64{"reset": 3, "timeout": 4} }, judge.Invalid,
			"errors: 0.117 % of requests failed (4 timeout, 3 reset)"},
		{"0.1 % errors", func(r *run) { r.trials[0].Errors = map[string]uint64{"reset": 6} }, judge.Valid, ""},
		{"nothing but errors", each(func(t *results.Trial) {
			t.Answered, t.Counted, t.Errors = 0, 0, map[string]uint64{"timeout": t.Sent}
		}), judge.Invalid, "errors: 100 % of requests failed (6000 timeout)"},
		{"nothing could be sent", each(func(t *results.Trial) {
			t.Sent, t.Answered, t.Counted, t.Errors = 0, 0, 0, map[string]uint64{"connect": 5}
		}), judge.Invalid, "errors: 100 % of requests failed (30 connect)"},
		{"nothing counted", each(func(t *results.Trial) { t.Counted = 0 }), judge.Invalid, "not measured: no reply was counted"},
		{"nothing measured", func(r *run) { r.trials = nil }, judge.Unreached, "not reached: the run ended before it was measured"},
		{"no reply counted", each(func(t *results.Trial) { t.Counted = 0 }), judge.Invalid, "not measured: no reply was counted"},
		{"one reply counted", each(func(t *results.Trial) { t.Counted = 1 }), judge.Degraded, "few replies: 1 in a slice on average"},

		{"five slices", func(r *run) { r.trials = r.trials[:10] }, judge.Degraded, "too few slices: 5, and an interval takes 6"},
		{"loader-bound", each(func(t *results.Trial) {
			t.LoaderCPU, t.ServerCPU = sample.NS(81*time.Millisecond), sample.NS(89*time.Millisecond)
		}), judge.Degraded, "loader-bound: the load generator used 81 % of its processors and the server 89 %"},
		{"loader busy, but not too much", each(func(t *results.Trial) {
			t.LoaderCPU, t.ServerCPU = sample.NS(80*time.Millisecond), sample.NS(10*time.Millisecond)
		}), judge.Valid, ""},
		{"loader busy, and so is the server", each(func(t *results.Trial) {
			t.LoaderCPU, t.ServerCPU = sample.NS(99*time.Millisecond), sample.NS(90*time.Millisecond)
		}), judge.Valid, ""},
		{"loader busy on one of its two processors", func(r *run) {
			r.m.Environment.LoaderCPUs = "1,3"
			each(func(t *results.Trial) {
				t.LoaderCPU, t.ServerCPU = sample.NS(99*time.Millisecond), sample.NS(10*time.Millisecond)
			})(r)
		}, judge.Valid, ""},
		{"CPU time unknown", each(func(t *results.Trial) { t.LoaderCPU, t.ServerCPU, t.Steal = nil, nil, nil }), judge.Valid, ""},
		{"not pinned", func(r *run) { r.m.Environment.ServerCPUs = "" }, judge.Degraded, "not pinned: "},
		{"pinned to the same processor", func(r *run) { r.m.Environment.ServerCPUs, r.m.Environment.LoaderCPUs = "0-1", "1" }, judge.Degraded, "not pinned: "},
		{"a loader that waits where all share", func(r *run) {
			r.m.Environment.ServerCPUs, r.m.Environment.LoaderCPUs = "", ""
			each(func(t *results.Trial) { t.LoaderWait = sample.NS(90 * time.Millisecond) })(r)
		}, judge.Degraded, "not pinned: "},
		{"stolen time", each(func(t *results.Trial) { t.Steal = sample.NS(2100 * time.Microsecond) }), judge.Degraded,
			"stolen time: the hypervisor withheld 1.1 % of the processors' time"},
		{"1 % stolen time", each(func(t *results.Trial) { t.Steal = sample.NS(2 * time.Millisecond) }), judge.Valid, ""},

		{"others on the servers' processors", each(host(results.Host{OnServers: sample.NS(101 * time.Millisecond), OnLoader: sample.NS(0)})), judge.Degraded,
			"busy host: other processes used 10 % of the servers' processors"},
		{"others on the loader's processors", each(host(results.Host{OnServers: sample.NS(0), OnLoader: sample.NS(300 * time.Millisecond)})), judge.Degraded,
			"busy host: other processes used 30 % of the load generator's processors"},
		{"few others", each(host(results.Host{OnServers: sample.NS(89 * time.Millisecond), OnLoader: sample.NS(-80 * time.Millisecond)})), judge.Valid, ""},
		{"others in one of few short rounds", func(r *run) {
			each(host(results.Host{}))(r)
			for i := range r.trials {
				r.trials[i].Host = &results.Host{Wall: 10 * time.Millisecond, OnServers: sample.NS(2 * time.Millisecond), OnLoader: sample.NS(0)}
			}
		}, judge.Valid, ""},
		{"a quota", each(host(results.Host{Throttled: 20 * time.Millisecond})), judge.Degraded, "throttled: a CPU quota withheld 120ms of processor time in 6s"},
		{"heat", each(host(results.Host{Heat: 1})), judge.Degraded, "throttled: heat slowed processors down 6 times"},
		{"a loader that waits", each(func(t *results.Trial) { t.LoaderWait, t.LoaderRuns = sample.NS(36*time.Millisecond), 1000 }), judge.Degraded,
			"loader throttled: the load generator waited 6 % of the time for a processor that others had"},
		{"a loader that wakes often", each(func(t *results.Trial) { t.LoaderWait, t.LoaderRuns = sample.NS(35*time.Millisecond), 1000 }), judge.Valid, ""},

		{"rate not reached", fixedRate(func(t *results.Trial) { t.Counted = 989 }), judge.Degraded,
			"rate not reached: 98.9 % of the offered 10000 req/s were answered in time"},
		{"rate reached", fixedRate(func(t *results.Trial) { t.Counted = 990 }), judge.Valid, ""},
		{"a rate of each trial's own not reached", func(r *run) {
			r.m.Blocks[0].Load.Share, r.m.Blocks[0].Load.ShareOf = 0.7, "ceiling"
			each(func(t *results.Trial) {
				t.Rate, t.Counted = 1000*float64(1+t.Round), uint64(99*(1+t.Round)) // of 100 for each
				if t.Round == 5 {
					t.Counted -= 3
				}
			})(r)
		}, judge.Degraded, "rate not reached: 98.9 % of the offered 3500 req/s were answered in time"},
		{"a rate of each trial's own reached", func(r *run) {
			r.m.Blocks[0].Load.Share, r.m.Blocks[0].Load.ShareOf = 0.7, "ceiling"
			each(func(t *results.Trial) { t.Rate, t.Counted = 1000*float64(1+t.Round), uint64(99*(1+t.Round)) })(r)
		}, judge.Valid, ""},
		{"fewer arrivals than the rate has on average", fixedRate(func(t *results.Trial) { t.Rate, t.Due, t.Counted = 10_000, 950, 945 }), judge.Valid, ""},
		{"no rate to reach", each(func(t *results.Trial) { t.Counted = 100 }), judge.Valid, ""},
		{"few replies", each(func(t *results.Trial) { t.Counted = 29 }), judge.Degraded, "few replies: 29 in a slice on average"},
		{"loader busy at a fixed rate", fixedRate(func(t *results.Trial) {
			t.LoaderCPU, t.ServerCPU = sample.NS(99*time.Millisecond), sample.NS(10*time.Millisecond)
		}), judge.Valid, ""},
		{"an invalid cell tells its reservations too", func(r *run) { r.trials[0].Wrong, r.m.Environment.ServerCPUs = 1, "" }, judge.Invalid, "wrong body: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := run{sample.Manifest(), sample.Launched(), sample.Rounds(6, nil)}
			c.change(&r)
			cell := summarize(t, r.m, r.launches, r.trials).Cells[0]
			if cell.Verdict != c.verdict {
				t.Errorf("verdict is %s, not %s: %q", cell.Verdict, c.verdict, cell.Reasons)
			}
			if cell.Errors.Void != strings.HasPrefix(c.reason, "errors: ") {
				t.Errorf("errors void the cell: %v, %q", cell.Errors.Void, cell.Reasons)
			}
			if c.reason == "" && len(cell.Reasons) > 0 || c.reason != "" && (len(cell.Reasons) == 0 || !strings.HasPrefix(cell.Reasons[0].Text, c.reason)) {
				t.Errorf("reasons are %q, not %q", cell.Reasons, c.reason)
			}
			if (cell.Rank > 0) != (cell.Verdict.Usable() && cell.Slices > 5) {
				t.Errorf("rank is %d", cell.Rank)
			}
		})
	}
}

func TestReasonsAreInOrderAndOnce(t *testing.T) {
	m, launches := sample.Manifest(), sample.Launched()
	m.Environment.ServerCPUs = ""
	launches[0].Failure = "died: exit status 1"
	again := launches[0]
	again.Attempt = 1
	cell := summarize(t, m, append(launches, again), sample.Rounds(5, nil)).Cells[0]
	want := []string{"died: exit status 1", "too few slices: ", "not pinned: "}
	if !slices.EqualFunc(judge.Texts(cell.Reasons), want, strings.HasPrefix) {
		t.Errorf("reasons are %q, want %q", cell.Reasons, want)
	}
}

// With a long latency, the load may be late by a tenth of it.
func TestLatenessIsJudgedByLatency(t *testing.T) {
	for late, want := range map[time.Duration]judge.Verdict{3 * time.Millisecond: judge.Valid, 5 * time.Millisecond: judge.Degraded} {
		m := sample.Manifest()
		m.Blocks[0].Load.Rate = 10_000
		s := sample.Create(t, m)
		for r := range 6 {
			times := results.Times{Response: sample.Many(40_000), SendLag: sample.Many(50_000), Late: sample.Hist()}
			_ = times.Late.RecordValues(int64(late), 1000)
			if err := s.AppendRound([]results.Trial{sample.Slice("a", 0, r)}, []results.Times{times}); err != nil {
				t.Fatal(err)
			}
		}
		sum, err := judge.Summarize(sample.Read(t, s.Dir()))
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
	for late, want := range map[int64]judge.Verdict{1000: judge.Valid, 1500: judge.Degraded} {
		m := sample.Manifest()
		m.Blocks[0].Load.Rate = 10_000
		s := sample.Create(t, m)
		for r := range 6 {
			a := sample.Slice("a", 0, r)
			times := results.Times{Response: sample.Many(100), Service: sample.Many(90), Late: sample.Hist()}
			_ = times.Late.RecordValues(10_000, 20_000)
			if r == 3 {
				_ = times.Late.RecordValues(5_000_000, late) // of 120,000
			}
			if err := s.AppendRound([]results.Trial{a}, []results.Times{times}); err != nil {
				t.Fatal(err)
			}
		}
		sum, err := judge.Summarize(sample.Read(t, s.Dir()))
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
		"CPU":      func(t *results.Trial) { t.ServerCPU, t.LoaderCPU = sample.NS(0), sample.NS(0) },
		"times":    func(t *results.Trial) { t.Elapsed, t.Wall = 0, 0 },
		"all but CPU": func(t *results.Trial) {
			t.Sent, t.Answered, t.Counted, t.Elapsed, t.Wall = 0, 0, 0, 0, 0
		},
		"half of a's": func(t *results.Trial) {
			if t.Candidate == "a" && t.Round%2 == 0 {
				t.Counted, t.ServerCPU = 0, sample.NS(0)
			}
		},
		"some of both, so that the ratio has no bounds": func(t *results.Trial) {
			t.Counted = map[string][]uint64{"a": {693, 0, 350, 77, 973, 290}, "b": {0, 401, 0, 837, 635, 0}}[t.Candidate][t.Round]
		},
		"all": func(t *results.Trial) {
			*t = results.Trial{Scenario: t.Scenario, App: t.App, Candidate: t.Candidate, Round: t.Round}
		},
	}
	right := &results.Record{Dir: t.TempDir(), Manifest: sample.Manifest(), Launches: sample.Launched(), Trials: sample.Rounds(6, nil)}
	for name, change := range zero {
		r := &results.Record{Dir: t.TempDir(), Manifest: sample.Manifest(), Launches: sample.Launched(), Trials: sample.Rounds(6, change)}
		for _, pair := range [][2]*results.Record{{r, right}, {right, r}} {
			all, _, err := judge.CompareRuns(pair[0], pair[1], 0)
			if err != nil {
				t.Fatal(err)
			}
			sample.JSON(t, map[string]any{"all": all})
		}
		for _, rate := range []float64{0, 100} {
			for _, cores := range []int{0, 2} {
				m := sample.Manifest()
				m.Blocks[0].Load.Rate, m.Environment.Cores = rate, cores
				if cores == 0 {
					m.Environment.ServerCPUs, m.Environment.LoaderCPUs = "", ""
				}
				s := summarize(t, m, sample.Launched(), r.Trials)
				sample.JSON(t, s)
				for _, c := range s.Cells {
					if c.Loader != nil && c.Loader.Headroom != nil && *c.Loader.Headroom <= 0 {
						t.Errorf("zero %s: headroom is %v", name, *c.Loader.Headroom)
					}
					if why := strings.Join(judge.Texts(c.Reasons), " "); strings.Contains(why, "Inf") || strings.Contains(why, "NaN") {
						t.Errorf("zero %s: reasons %q", name, why)
					}
				}
			}
		}
	}
	empty := summarize(t, results.Manifest{}, nil, nil)
	if got := sample.JSON(t, empty); !reflect.DeepEqual(got["pairs"], []any{}) {
		t.Errorf("an empty run: %v", got)
	}
}

// A launch that did not end as it should is told in the row, and one whose work was not all
// measured takes from it.
func TestEnds(t *testing.T) {
	m, launches := sample.Manifest(), sample.Launched()
	launches[0].Guard, launches[0].Left = "its guard did not answer", "left running: PID 7 (x), state D"
	launches[1].Outside = []string{"PID 8 (y), state S"}
	cells := summarize(t, m, launches, sample.Rounds(6, nil)).Cells
	want := []string{"when launch 1 ended: its guard did not answer", "when launch 1 ended: left running: PID 7 (x), state D"}
	if !reflect.DeepEqual(cells[0].Notes, want) {
		t.Errorf("notes are %q, want %q", cells[0].Notes, want)
	}
	if why := strings.Join(judge.Texts(cells[1].Reasons), "\n"); cells[1].Verdict != judge.Degraded || !strings.Contains(why, "works elsewhere: ") || !strings.Contains(why, "PID 8 (y)") {
		t.Errorf("%s: %q", cells[1].Verdict, why)
	}
}

// What a launch took to start, or did not do when it was asked to stop, is told in the row.
func TestLaunchNotes(t *testing.T) {
	m, launches := sample.Manifest(), sample.Launched()
	m.Budget = 20 * time.Second
	launches[0].StartupMS, launches[0].Killed = sample.Ptr(3000.0), true
	for i, want := range [][]string{
		{"had to be killed: it did not stop when asked, after 1 of 1 launches", "slow start: it takes 3 s to start, of a budget of 20s, and had 1 launches of "},
		nil,
	} {
		notes := summarize(t, m, launches, sample.Rounds(6, nil)).Cells[i].Notes
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
