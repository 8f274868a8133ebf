package harness_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/benchctl/benchctl/apps/conform"
	"github.com/benchctl/benchctl/bench/harness"
	"github.com/benchctl/benchctl/bench/launch"
	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/internal/stats"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/judge"
	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/control/proc"
)

func TestRun(t *testing.T) {
	t.Parallel()
	s := prepare(t, "", nil, "nethttp", "fasthttp")
	var seen []string
	s.Observe = func(e launch.Event) {
		switch e.Kind {
		case launch.Starting:
			seen = append(seen, fmt.Sprintf("start %d", e.Launch))
		case launch.Ready:
			seen = append(seen, "ready "+e.Candidate)
		case launch.Failed:
			seen = append(seen, "failed "+e.Candidate+e.Text)
		case launch.Measuring:
			seen = append(seen, "measure "+e.App)
		case launch.Round:
			seen = append(seen, fmt.Sprintf("%d/%d", e.Done, e.Total))
		}
	}
	r, err := s.measure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	complete(t, r)
	want := "start 0, ready nethttp, ready fasthttp, measure hello, 1/4, 2/4, measure echo, 3/4, 4/4"
	if got := strings.Join(seen, ", "); got != want {
		t.Errorf("events: %s\nwant: %s", got, want)
	}
	for _, trial := range r.Trials {
		if trial.Answered == 0 || trial.Answered < trial.Counted || trial.Sent < trial.Answered || len(trial.Errors) > 0 || trial.Wrong > 0 ||
			trial.Elapsed < 20*time.Millisecond || trial.Wall < trial.Elapsed || trial.Attempt != 0 {
			t.Errorf("trial %+v", trial)
		}
		if runtime.GOOS == "linux" && (trial.ServerCPU == nil || *trial.ServerCPU <= 0 || trial.LoaderCPU == nil || trial.MemoryMiB == nil) {
			t.Errorf("trial without meters: %+v", trial)
		}
	}
	if len(r.Launches) != 2 {
		t.Errorf("%d launches", len(r.Launches))
	}
	for i, l := range r.Launches {
		if l.Launch != 0 || l.Candidate != s.Candidates[i].Name || l.Failure != "" || l.BlockFailures != nil || l.StartupMS == nil || *l.StartupMS <= 0 || l.Exit != "exit status 0" {
			t.Errorf("launch %+v", l)
		}
	}
	if logs, _ := filepath.Glob(filepath.Join(s.Store.LogDir(), "*.log")); len(logs) != 2 {
		t.Errorf("logs: %v", logs)
	}
	sum, err := judge.Summarize(r)
	if err != nil {
		t.Fatal(err)
	}
	if sum.Run.Status != judge.StatusComplete || len(sum.Cells) != 4 {
		t.Errorf("summary %+v", sum)
	}
	for _, c := range sum.Cells {
		if c.Verdict == judge.Invalid || c.Latency == nil || c.Figures.Throughput() == nil || c.Requests == 0 {
			t.Errorf("cell %+v", c)
		}
	}
}

// Each candidate that fails has its reason in the record, and holds up nobody. Processes
// are counted, so no other test may start any meanwhile.
func TestFailingCandidates(t *testing.T) {
	s := prepare(t, external(t, "exits", "deaf", "dies", "lies", "lies-later", "hangs"), func(m *results.Manifest) {
		m.Blocks[0].Load.Timeout = 3 * time.Second // which one of them waits for
	},
		"exits", "nethttp", "deaf", "dies", "lies", "lies-later", "hangs")
	first := true
	s.Observe = func(e launch.Event) {
		if e.Kind != launch.Measuring || !first {
			return
		}
		first = false
		// nethttp, dies, lies-later and hangs, each with its guard
		if tree, err := proc.Tree(os.Getpid()); err == nil && len(tree)-1 != 2*4 {
			t.Errorf("%d processes when load begins, not 8: who is out still runs", len(tree)-1)
		}
	}
	r, err := s.measure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := len(r.Done()); got != 4 {
		t.Errorf("%d rounds were measured, not 4", got)
	}
	failure := func(candidate, app string) (why string) {
		for _, l := range r.Launches {
			if block := map[string]int{"hello": 0, "echo": 1}[app]; l.Candidate == candidate {
				why += l.FailureIn(block)
			}
		}
		return why
	}
	for _, c := range []struct{ candidate, app, want string }{
		{"exits", "hello", "ended before it was ready: exit status 3; its log ends:\nno module named app"},
		{"deaf", "hello", "not ready in "},
		{"dies", "hello", "died: exit status 4; its log ends:\npanic: out of luck"},
		{"dies", "echo", ""}, // it is started again
		{"lies", "hello", "answers wrongly"},
		{"lies-later", "hello", "wrong body under load: "},
		{"lies-later", "echo", ""},
		{"hangs", "hello", "answers nothing under load: 4 timeout"},
		{"hangs", "echo", ""},
		{"nethttp", "hello", ""},
		{"nethttp", "echo", ""},
	} {
		if got := failure(c.candidate, c.app); !strings.Contains(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%s, %s: %q, want %q", c.candidate, c.app, got, c.want)
		}
	}
	sum, err := judge.Summarize(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range sum.Cells {
		fails := failure(c.Candidate, c.App) != ""
		if fails != (c.Verdict == judge.Invalid) || !fails && (c.Slices != 2 || c.Requests == 0 || c.Errors.Total > 0) {
			t.Errorf("cell %+v", c)
		}
	}
	// Who has failed is not tried again.
	s.resume()
	again, err := s.measure(t.Context())
	if err != nil || len(again.Launches) != len(r.Launches) || len(again.Trials) != len(r.Trials) {
		t.Errorf("run again: %v, %d launches, %d trials", err, len(again.Launches), len(again.Trials))
	}
}

// A candidate is checked by what its load speaks.
func TestGateOverHTTP2(t *testing.T) {
	ownTemp(t)
	s := prepare(t, external(t, "second"), func(m *results.Manifest) {
		for i := range m.Blocks {
			m.Blocks[i].Load.Engine, m.Blocks[i].Load.Timeout = load.Vegeta, 20*time.Second
		}
	}, "second", "nethttp-h2c")
	s.Candidates[0].Server.Protocol = servers.H2C
	r, err := s.measure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range r.Launches {
		hello, echo, want := l.FailureIn(0), l.FailureIn(1), ""
		if l.Candidate == "second" {
			want = "h2-head: HEAD /hello: status is 501, not 200"
		}
		if !strings.Contains(hello, want) || want == "" && hello != "" || echo != "" { // echo takes no HEAD
			t.Errorf("%s: hello %q, want %q; echo %q", l.Candidate, hello, want, echo)
		}
	}
	if len(r.Launches) != 2 {
		t.Errorf("%d launches", len(r.Launches))
	}
}

// Both kinds of checks are made of a server whose load speaks HTTP/2.
func TestVerifyOverHTTP2(t *testing.T) {
	ownTemp(t)
	v := harness.Verification{Benchctl: os.Args[0], Guard: []string{os.Args[0], "guard"}, Env: []string{"GORACE=atexit_sleep_ms=0"}}
	findings, err := v.Verify(t.Context(), prepare(t, "", nil, "nethttp-h2c").Candidates[0])
	if err != nil {
		t.Fatal(err)
	}
	made := map[bool]int{}
	for _, f := range findings {
		made[f.HTTP2]++
		if f.HTTP2 && f.Level == conform.Gate && (f.Err != nil || f.Skipped != "" && f.ID != "h2-head") { // echo takes none
			t.Errorf("%s with %s: %v %s", f.ID, f.App, f.Err, f.Skipped)
		}
	}
	if made[false] == 0 || made[true] == 0 {
		t.Errorf("%d checks over HTTP/1.1, %d over HTTP/2", made[false], made[true])
	}
}

func TestNobodyLeft(t *testing.T) {
	t.Parallel()
	s := prepare(t, external(t, "exits"), func(m *results.Manifest) { m.Launches = 3 }, "exits")
	r, err := s.measure(t.Context())
	if err != nil || len(r.Launches) != 1 || len(r.Trials) != 0 || judge.Status(r) != judge.StatusComplete {
		t.Errorf("run: %v, %+v", err, r)
	}
}

// An interrupted run leaves complete rounds, and the next one measures the rest,
// each round once.
func TestInterruptedRun(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name       string
		candidates []string
		at         func(e launch.Event) bool
	}{
		{"while it starts", []string{"nethttp"}, func(e launch.Event) bool { return e.Kind == launch.Ready }},
		{"before a warm-up", []string{"nethttp"}, func(e launch.Event) bool { return e.Kind == launch.Measuring }},
		{"after three rounds", []string{"nethttp", "fasthttp"}, func(e launch.Event) bool { return e.Kind == launch.Round && e.Done == 3 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := prepare(t, "", func(m *results.Manifest) { m.Rounds, m.Blocks = 4, m.Blocks[:1] }, c.candidates...)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			done := 0
			s.Observe = func(e launch.Event) {
				done = e.Done
				if c.at(e) {
					cancel()
				}
			}
			r, err := s.measure(ctx)
			if !errors.Is(err, context.Canceled) {
				t.Errorf("interrupted: %v", err)
			}
			if len(r.Done()) != done || len(r.Trials) != len(c.candidates)*done {
				t.Errorf("%d rounds, %d trials, want %d rounds", len(r.Done()), len(r.Trials), done)
			}
			for _, l := range r.Launches {
				if l.Failure != "" || l.BlockFailures != nil || l.Exit == "" {
					t.Errorf("launch %+v", l)
				}
			}
			s.resume()
			s.Observe = nil
			if r, err = s.measure(t.Context()); err != nil {
				t.Fatal(err)
			}
			complete(t, r)
		})
	}
}

// A block ends within the first launch that it may when it is precise, and resuming finds
// nothing left.
func TestPrecision(t *testing.T) {
	t.Parallel()
	s := prepare(t, "", func(m *results.Manifest) {
		m.Precision, m.Launches, m.Rounds, m.Blocks = 1e6, stats.MinLaunches+1, 8, m.Blocks[:1] // any interval will do
	}, "nethttp", "fasthttp")
	r, err := s.measure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	check := func(r *results.Record) {
		t.Helper()
		if rounds := 8*(stats.MinLaunches-1) + 6; len(r.Done()) != rounds || len(r.Trials) != 2*rounds || len(r.Launches) != 2*stats.MinLaunches || judge.Status(r) != judge.StatusComplete {
			t.Errorf("%d rounds, %d trials, %d launches, %s", len(r.Done()), len(r.Trials), len(r.Launches), judge.Status(r))
		}
	}
	check(r)
	s.resume()
	if r, err = s.measure(t.Context()); err != nil {
		t.Fatal(err)
	}
	check(r)
}

// simulated is a clock on which a round takes so long, and to look at it 2 ns. It tells
// observe of each event.
func (s *setting) simulated(round time.Duration, observe func(launch.Event)) {
	now := time.Unix(0, 0)
	s.Now = func() time.Time {
		now = now.Add(2)
		return now
	}
	s.Observe = func(e launch.Event) {
		if e.Kind == launch.Round {
			now = now.Add(round)
		}
		if observe != nil {
			observe(e)
		}
	}
}

// TestFill has each launch and block go on for its share of the budget, and goes
// on after an interruption with the launch that it was in.
func TestFill(t *testing.T) {
	t.Parallel()
	s := prepare(t, "", func(m *results.Manifest) {
		m.Budget, m.Fill, m.Rounds, m.Launches, m.Slice = 10*time.Second, true, 1000, 2, 20*time.Millisecond
	}, "nethttp")
	ctx, cancel := context.WithCancel(t.Context())
	s.simulated(time.Second/10, func(e launch.Event) {
		if e.Kind == launch.Round && e.Launch == 1 {
			cancel()
		}
	})
	if r, err := s.measure(ctx); !errors.Is(err, context.Canceled) || judge.Status(r) != judge.StatusPartial {
		t.Fatalf("interrupted: %v, %s", err, judge.Status(r))
	}
	s.simulated(time.Second/10, nil)
	first := filled(t, s)
	s.resume()
	if again := filled(t, s); again != first {
		t.Errorf("a complete run went on: from %d to %d rounds", first, again)
	}
}

// filled measures to the end and gives the rounds; every launch and block has some.
func filled(t *testing.T, s *setting) int {
	t.Helper()
	s.resume()
	r, err := s.measure(t.Context())
	if err != nil || judge.Status(r) != judge.StatusComplete {
		t.Fatalf("measure: %v, %s", err, judge.Status(r))
	}
	for _, l := range r.Launches {
		if l.Failure != "" || len(l.BlockFailures) > 0 {
			t.Errorf("launch %d: %s %v", l.Launch, l.Failure, l.BlockFailures)
		}
	}
	for launch := range 2 {
		for b := range r.Manifest.Blocks {
			if !r.Done()[results.RoundKey{Launch: launch, Block: b, Round: 5}] {
				t.Errorf("launch %d, block %d has not even 6 rounds", launch, b)
			}
		}
	}
	return len(r.Done())
}

// A candidate that takes long to start is waited for no longer than the budget lasts, and one
// that does not stop no longer than that and five seconds. The record says so. What is waited
// for in vain never comes: what is done before has the time that it takes.
func TestPatienceOfABudget(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		budget, round   time.Duration
		failure, ending string
	}{
		"late":     {2 * time.Second, 0, "not ready in 2s: ", ""},
		"stubborn": {32 * time.Second, 15 * time.Second, "", "killed: did not stop within 5s of being asked"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := prepare(t, external(t, name), func(m *results.Manifest) {
				only(2)(m)
				m.Budget = c.budget
			}, name)
			s.simulated(c.round, nil)
			r, err := s.measure(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Launches) != 1 {
				t.Fatalf("%d launches", len(r.Launches))
			}
			l := r.Launches[0]
			if !strings.Contains(l.Failure, c.failure) || (l.Failure == "") != (c.failure == "") {
				t.Errorf("it failed: %q, want %q", l.Failure, c.failure)
			}
			if c.ending != "" && (l.Exit != c.ending || !l.Killed) {
				t.Errorf("it ended: %q, want %q", l.Exit, c.ending)
			}
		})
	}
}

func TestBudget(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name             string
		budget           time.Duration
		launches, rounds int
		measured         int // rounds
		launched         int
		err              error
	}{
		{"ends at once", time.Nanosecond, 1, 2, 0, 0, launch.ErrBudget},
		{"ends on the way", 5 * time.Second, 1, 1000, 5, 1, launch.ErrBudget},
		{"is enough", time.Minute, 2, 1, 2, 2, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := prepare(t, "", func(m *results.Manifest) {
				m.Budget, m.Rounds, m.Launches, m.Blocks = c.budget, c.rounds, c.launches, m.Blocks[:1]
			}, "nethttp")
			s.simulated(time.Second, nil)
			r, err := s.measure(t.Context())
			if !errors.Is(err, c.err) {
				t.Errorf("run: %v", err)
			}
			if n := len(r.Done()); n != c.measured || len(r.Launches) != c.launched {
				t.Errorf("%d rounds, %d launches, want %d and %d", n, len(r.Launches), c.measured, c.launched)
			}
		})
	}
}
