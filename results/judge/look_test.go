package judge_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/internal/sample"
	"github.com/benchctl/benchctl/results/judge"
)

// looked is a run of six launches of two candidates with uninterrupted passes of 3 s
// in the first two, at rates that do not vary: 10,000 req/s at 100 µs.
func looked() *results.Record {
	r := &results.Record{Manifest: sample.Manifest()}
	r.Manifest.Passes, r.Manifest.Launches, r.Manifest.Rounds = 2, 6, 4
	r.Manifest.Blocks[0].Load.Connections = 4
	for launch := range 6 {
		for round := range 4 {
			for _, name := range []string{"a", "b"} {
				r.Trials = append(r.Trials, sample.Slice(name, launch, round))
			}
		}
		for _, name := range []string{"a", "b"} {
			if launch < 2 {
				r.Passes = append(r.Passes, pass(name, launch))
			}
		}
	}
	for i := range r.Trials {
		r.Trials[i].Busy = 4 * r.Trials[i].Elapsed
	}
	return r
}

// pass is 30 slices without a break.
func pass(candidate string, launch int) results.Trial {
	t := sample.Slice(candidate, launch, 0)
	t.At = t.At.Add(-5 * time.Second)
	t.Sent, t.Answered, t.Counted, t.Elapsed, t.Wall = 30*t.Sent, 30*t.Answered, 30*t.Counted, 30*t.Elapsed, 30*t.Wall
	t.ServerCPU, t.LoaderCPU, t.Busy = sample.NS(3*time.Second), sample.NS(1200*time.Millisecond), 4*t.Elapsed
	t.Pass = &results.Pass{BeforeMiB: sample.Ptr(10.0)}
	for range 30 {
		t.Pass.Parts = append(t.Pass.Parts, 1000)
	}
	return t
}

// onlyA applies a change to the trials of a.
func onlyA(trials []results.Trial, change func(*results.Trial)) {
	for i := range trials {
		if trials[i].Candidate == "a" {
			change(&trials[i])
		}
	}
}

// Whether slices mislead in a block is told by those that are still measured.
func TestMisled(t *testing.T) {
	r := looked()
	is := func(want bool, live ...string) {
		t.Helper()
		if got := judge.Misled(r, 0, func(name string) bool { return slices.Contains(live, name) }); got != want {
			t.Errorf("misled is %t with %q live", got, live)
		}
	}
	is(false, "a", "b")
	onlyA(r.Passes, func(t *results.Trial) { t.Counted /= 2 })
	is(true, "a", "b")
	is(false, "b")
}

// What the machine's speed changed from round to round, by what all others' slices of a
// round have in common, is not put down to the slices of a candidate.
func TestSlicesOfADriftingMachine(t *testing.T) {
	for _, c := range []struct {
		others  int
		drifts  bool
		misleds bool
	}{{5, true, false}, {5, false, true}, {2, true, true}} { // and b
		r := looked()
		for i := range c.others {
			for launch := range 6 {
				for round := range 4 {
					other := sample.Slice(fmt.Sprint("c", i), launch, round)
					if c.drifts {
						other.Counted += other.Counted / 5 * uint64(round%3)
					}
					r.Trials = append(r.Trials, other)
				}
			}
		}
		onlyA(r.Passes, func(t *results.Trial) { t.Counted = t.Counted * 9 / 10 })
		if got := judge.Misled(r, 0, func(name string) bool { return name == "a" }); got != c.misleds {
			t.Errorf("%+v: misled is %t", c, got)
		}
	}
}

// waves has parts of a pass alternate between 0.7 and 1.3 times as many, in turns of n.
func waves(n int) func(*results.Trial) {
	return func(t *results.Trial) {
		for i := range t.Pass.Parts {
			t.Pass.Parts[i] = 700
			if i/n%2 == 1 {
				t.Pass.Parts[i] = 1300
			}
		}
	}
}

func TestSlicesAgainstPasses(t *testing.T) {
	slower := func(t *results.Trial) {
		t.Counted, t.Answered = t.Counted*8/10, t.Answered*8/10
		for i := range t.Pass.Parts {
			t.Pass.Parts[i] = 800
		}
	}
	for _, c := range []struct {
		name    string
		change  func(*results.Record)
		verdict judge.Verdict
		basis   string
		rps     float64
		says    string // in a reason or a note of a
	}{
		{"they agree", func(*results.Record) {}, judge.Valid, judge.BasisSlices, 10_000, ""},
		{"slices flatter", func(r *results.Record) { onlyA(r.Passes, slower) }, judge.Degraded, judge.BasisWhole, 8_000,
			"slices mislead: they show 1.25x the throughput and 0.80x the server CPU per request of an uninterrupted load of 3 s; the row is that load's"},
		{"slices harm", func(r *results.Record) {
			onlyA(r.Trials, func(t *results.Trial) { t.Counted = t.Counted * 9 / 10 })
		}, judge.Degraded, judge.BasisWhole, 10_000, "slices mislead: they show 0.90x the throughput of"},
		{"slices have states that build up", func(r *results.Record) {
			onlyA(r.Trials, func(t *results.Trial) { t.Busy = t.Busy * 3 / 2 })
		}, judge.Valid, judge.BasisSlices, 10_000, "response times are those of the load without a break: by those of the slices 6 requests were in flight, where 4 are kept"},
		{"little", func(r *results.Record) {
			onlyA(r.Trials, func(t *results.Trial) { t.Busy = t.Busy * 9 / 10 })
			onlyA(r.Passes, func(t *results.Trial) { t.Busy = t.Busy * 9 / 10 })
		}, judge.Degraded, judge.BasisSlices, 10_000, "connections not kept busy: 3.6 of 4 requests in flight, by throughput x mean response time"},
		{"little, at a rate", func(r *results.Record) {
			r.Manifest.Blocks[0].Load.Rate = 10_000
			onlyA(r.Trials, func(t *results.Trial) { t.Busy /= 2 })
		}, judge.Valid, judge.BasisSlices, 10_000, ""},
		{"a stall in one slice is not dropped", func(r *results.Record) { r.Trials[0].Counted = 0 }, judge.Valid, judge.BasisSlices, 230_000. / 24, ""},
		{"one pass is slow", func(r *results.Record) { slower(&r.Passes[0]) }, judge.Valid, judge.BasisSlices, 10_000, ""},
		{"the machine is busy in the passes", func(r *results.Record) {
			onlyA(r.Passes, slower)
			for i := range r.Passes {
				r.Passes[i].Host = &results.Host{Wall: 3 * time.Second, OnServers: sample.NS(time.Second), OnLoader: sample.NS(0)}
			}
		}, judge.Degraded, judge.BasisSlices, 10_000, "slices only: the uninterrupted load was hampered (busy host: other processes used 33 % of the servers' processors)"},
		{"no pass", func(r *results.Record) { r.Passes = nil }, judge.Degraded, judge.BasisSlices, 10_000, "slices only: "},
		{"none was asked for", func(r *results.Record) { r.Passes, r.Manifest.Passes = nil, 0 }, judge.Valid, judge.BasisSlices, 10_000, ""},
		{"it gets slower within a pass", func(r *results.Record) {
			onlyA(r.Passes, func(t *results.Trial) {
				for i := 20; i < 30; i++ {
					t.Pass.Parts[i] = 700
				}
			})
		}, judge.Degraded, judge.BasisSlices, 10_000, "changes under load: the last third of 3 s without a break had 0.70x the throughput of the first"},
		{"it comes in waves", func(r *results.Record) { onlyA(r.Passes, waves(5)) }, judge.Degraded, judge.BasisSlices, 10_000,
			"unsteady under load: parts of 0.1 s had 0.7x to 1.3x the mean throughput of 3 s without a break"},
		{"one of two passes comes in waves", func(r *results.Record) { onlyA(r.Passes[:2], waves(5)) }, judge.Valid, judge.BasisSlices, 10_000, ""},
		{"connections wait in step", func(r *results.Record) {
			r.Manifest.Blocks[0].Load.Connections = 64
			onlyA(r.Passes, func(t *results.Trial) { waves(5)(t); t.Busy = 64 * t.Elapsed })
			for i := range r.Trials {
				r.Trials[i].Busy = 64 * r.Trials[i].Elapsed
			}
		}, judge.Valid, judge.BasisSlices, 10_000, ""},
		{"it gets slower with age", func(r *results.Record) {
			onlyA(r.Trials, func(t *results.Trial) { t.Counted += uint64(60 - 40*t.Round) })
		}, judge.Degraded, judge.BasisSlices, 10_000, "changes with age: the second half of a launch's slices had 0.92x the throughput"},
		{"memory grows", func(r *results.Record) { onlyA(r.Passes, func(t *results.Trial) { t.MemoryMiB = sample.Ptr(200.0) }) }, judge.Degraded,
			judge.BasisSlices, 10_000, "memory grows: from 10 to 200 MiB in 3 s of load"},
		{"others disturb", func(r *results.Record) {
			for i := range r.Trials[:8] {
				r.Trials[i].Counted, r.Trials[i].Others = 1, map[string]int64{"b": (90 * time.Millisecond).Nanoseconds()}
			}
		}, judge.Degraded, judge.BasisSlices, 10_000, "disturbed: 4 of 26 slices are left out, as b used the processors meanwhile"},
		{"others do next to nothing", func(r *results.Record) {
			for i := range r.Trials {
				r.Trials[i].Others = map[string]int64{"b": (4 * time.Millisecond).Nanoseconds()}
			}
		}, judge.Valid, judge.BasisSlices, 10_000, ""},
		{"busy while idle", func(r *results.Record) { onlyA(r.Passes, func(t *results.Trial) { t.Restless = 0.98 }) }, judge.Degraded,
			judge.BasisSlices, 10_000, "busy while idle: it uses 98 % of a processor with nothing to do"},
		{"works while idle", func(r *results.Record) {
			onlyA(r.Trials, func(t *results.Trial) { t.Idle, t.IdleWall = sample.NS(12*time.Millisecond), 100*time.Millisecond })
		}, judge.Valid, judge.BasisSlices, 10_000, "works while idle: 12 % of a processor while others were loaded"},
		{"puts work off", func(r *results.Record) {
			onlyA(r.Trials, func(t *results.Trial) { t.Deferred = sample.NS(20 * time.Millisecond) })
		}, judge.Valid, judge.BasisSlices, 10_000, "puts work off: "},
		{"does not wait", func(r *results.Record) { r.Trials[0].Hasty = 7 }, judge.Invalid, judge.BasisSlices, 10_000, "did not wait: 7 of 84000 replies came sooner than the app allows"},
		{"does not stream", func(r *results.Record) {
			r.Manifest.Blocks[0].Spread = 70 * time.Millisecond
			onlyA(r.Trials, func(t *results.Trial) { t.Spread = sample.Ptr(time.Millisecond) })
		}, judge.Invalid, judge.BasisSlices, 10_000, "did not stream: from the first byte of a body to its end it took 1ms on average, where the app takes 70ms"},
		{"does not work", func(r *results.Record) { r.Manifest.Blocks[0].Work = time.Millisecond }, judge.Invalid, judge.BasisSlices, 10_000,
			"did not work: 100µs of CPU time per request, where the app takes 1ms"},
		{"costs nothing", func(r *results.Record) {
			free := func(t *results.Trial) { t.ServerCPU = sample.NS(time.Duration(t.Answered) * 10) }
			onlyA(r.Trials, free)
			onlyA(r.Passes, free)
		}, judge.Invalid, judge.BasisSlices, 10_000, "server CPU can't be true: 10ns per request is less than its system calls take"},
		{"a wrong reply in a slice that others disturbed", func(r *results.Record) {
			r.Trials[0].Wrong, r.Trials[0].WrongBody, r.Trials[0].Others = 1, `GET /hello: "x"`, map[string]int64{"b": (time.Second).Nanoseconds()}
		}, judge.Invalid, judge.BasisSlices, 10_000, `replies differed, the first by GET /hello: "x"`},
		{"two at the loader's ceiling, and at their own", func(r *results.Record) {
			r.Manifest.LoaderCeilings = []results.LoaderCeiling{{Engine: "raw", Connections: 4, RPS: 10_100}}
		}, judge.Valid, judge.BasisSlices, 10_000, ""},
		{"two at the loader's ceiling", func(r *results.Record) {
			r.Manifest.LoaderCeilings = []results.LoaderCeiling{{Engine: "raw", Connections: 4, RPS: 10_100}}
			for i := range r.Trials {
				r.Trials[i].ServerCPU = sample.NS(80 * time.Millisecond)
			}
			for i := range r.Passes {
				r.Passes[i].ServerCPU = sample.NS(2400 * time.Millisecond)
			}
		}, judge.Degraded, judge.BasisSlices, 10_000, "at the load generator's ceiling: 2 rows lie within 5 % of its 10100 req/s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := looked()
			c.change(r)
			s, err := judge.Summarize(r)
			if err != nil {
				t.Fatal(err)
			}
			a := s.Cells[0]
			if a.Verdict != c.verdict || a.Basis != c.basis || a.Figures.Throughput() == nil || a.Figures.Throughput().Value < c.rps*0.999 || a.Figures.Throughput().Value > c.rps*1.001 {
				t.Errorf("%s by %s, %+v: %q; want %s by %s, %.0f", a.Verdict, a.Basis, a.Figures.Throughput(), a.Reasons, c.verdict, c.basis, c.rps)
			}
			if all := strings.Join(append(judge.Texts(a.Reasons), a.Notes...), "\n"); !strings.Contains(all, c.says) || c.says == "" && all != "" {
				t.Errorf("says %q, not %q", all, c.says)
			}
			if w := a.Whole; len(r.Passes) > 0 && r.Passes[0].Host == nil && (w == nil || w.Passes != 2 || w.Seconds != 3) {
				t.Errorf("whole is %+v", w)
			}
		})
	}
}

// A pass that contradicts the slices is confirmed by another, and one that was hampered is taken again, once.
func TestDoubts(t *testing.T) {
	stolen := func(p *results.Trial) { p.Steal = sample.NS(p.Elapsed) }
	slow := func(p *results.Trial) { p.Answered, p.Counted = p.Answered/2, p.Counted/2 }
	for name, c := range map[string]struct {
		passes []func(*results.Trial)
		want   bool
	}{
		"none":             {nil, false},
		"like the slices":  {[]func(*results.Trial){func(*results.Trial) {}}, false},
		"contradicts":      {[]func(*results.Trial){slow}, true},
		"contradict twice": {[]func(*results.Trial){slow, slow}, false},
		"hampered":         {[]func(*results.Trial){stolen}, true},
		"hampered twice":   {[]func(*results.Trial){stolen, stolen}, false},
	} {
		r := looked()
		r.Passes = nil
		for launch, change := range c.passes {
			p := pass("a", launch)
			change(&p)
			r.Passes = append(r.Passes, p)
		}
		if got := judge.Doubts(r, 0, "a"); got != c.want {
			t.Errorf("%s: doubts %v, want %v", name, got, c.want)
		}
	}
}
