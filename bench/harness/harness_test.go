package harness_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/bench/harness"
	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/offered"
	"github.com/benchctl/benchctl/bench/plan"
	"github.com/benchctl/benchctl/bench/slo"
	"github.com/benchctl/benchctl/bench/stats"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/control"
	"github.com/benchctl/benchctl/servers/control/proc"
	"github.com/benchctl/benchctl/servers/nethttp"
)

// The test binary plays the guard, benchctl as it serves an engine, and external
// servers, most of them broken.
func TestMain(m *testing.M) {
	switch {
	case len(os.Args) == 2 && os.Args[1] == "guard":
		os.Exit(control.RunGuard())
	case len(os.Args) > 1 && os.Args[1] == "serve":
		os.Exit(serve(os.Args[3]))
	case len(os.Args) > 1 && os.Args[1] == "play":
		os.Exit(play(os.Args[2], os.Args[3]))
	}
	os.Setenv("GORACE", "atexit_sleep_ms=0") // of the parts: they end often
	os.Exit(m.Run())
}

// serve is "serve --server S --listener-fd 3".
func serve(server string) int {
	all, err := servers.All()
	if err != nil {
		return fail(err)
	}
	ln, err := servers.Listener(3)
	if err != nil {
		return fail(err)
	}
	at := slices.IndexFunc(all, func(s servers.Server) bool { return s.Name == server })
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	if err := all[at].Engine(ctx, ln, suite.Mux()); err != nil {
		return fail(err)
	}
	return 0
}

func fail(err error) int {
	fmt.Println(err)
	return 1
}

// underLoad is more requests than come before any load.
const underLoad = 100

// play is "play PART PORT". A signal ends it at once.
func play(part, port string) int {
	switch part {
	case "exits":
		fmt.Println("no module named app")
		return 3
	case "deaf":
		select {}
	}
	ln, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		return fail(err)
	}
	if _, ok := liars[part]; ok {
		return playLiar(part, ln)
	}
	var served atomic.Int64
	mux := suite.Mux()
	return fail(nethttp.Serve(context.Background(), ln, apps.Func(func(req apps.Request, res apps.Response) error {
		loaded, hello := served.Add(1) > underLoad, req.Path() == "/hello"
		switch {
		case part == "dies" && loaded:
			fmt.Println("panic: out of luck")
			os.Exit(4)
		case part == "lies" && hello, part == "lies-later" && hello && loaded:
			res.SetHeader("Content-Type", apps.ContentTypeText)
			return res.Reply(200, []byte("Hello, Welt!!"))
		case part == "hangs" && hello && loaded:
			select {}
		}
		return mux.Serve(req, res)
	})))
}

// external describes servers that the test binary plays.
func external(t *testing.T, parts ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, part := range parts {
		text := fmt.Sprintf("name: %s\nclass: baseline\ndoc: a part\ncommand: [%q, play, %s, \"{{.Port}}\"]\nready: {timeout: %s}\n",
			part, os.Args[0], part, map[bool]string{true: "500ms", false: "15s"}[part == "deaf"])
		if err := os.WriteFile(filepath.Join(dir, part+".yaml"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// setting is a run of candidates that is not begun yet.
type setting struct {
	harness.Config
	t *testing.T
}

func prepare(t *testing.T, dir string, change func(*results.Manifest), candidates ...string) *setting {
	t.Helper()
	var dirs []string
	if dir != "" {
		dirs = []string{dir}
	}
	all, err := servers.All(dirs...)
	if err != nil {
		t.Fatal(err)
	}
	choice, err := servers.Choose(all, candidates)
	if err != nil {
		t.Fatal(err)
	}
	block := results.Block{
		Scenario: "small", App: "hello", Engine: load.Raw, Connections: 4, Timeout: 200 * time.Millisecond, Lead: 10 * time.Millisecond,
	}
	m := results.Manifest{ID: "r", Started: time.Now(), Seed: 1, Launches: 1, Rounds: 2, Slice: 20 * time.Millisecond, Blocks: []results.Block{block, block}}
	m.Blocks[1].App = "echo"
	for _, c := range choice.Candidates {
		m.Candidates = append(m.Candidates, results.Candidate{Name: c.Name, Server: c.Server.Name, Profile: c.Profile, Class: c.Server.Class})
	}
	if change != nil {
		change(&m)
	}
	store, err := results.Create(filepath.Join(t.TempDir(), m.ID), m)
	if err != nil {
		t.Fatal(err)
	}
	s := &setting{harness.Config{Store: store, Candidates: choice.Candidates, Benchctl: os.Args[0], Guard: []string{os.Args[0], "guard"}}, t}
	t.Cleanup(func() { s.Store.Close() })
	return s
}

// measure runs, and tells what is recorded then. No process may be left.
func (s *setting) measure(ctx context.Context) (*results.Record, error) {
	s.t.Helper()
	err := harness.Run(ctx, s.Config)
	if tree, errTree := proc.Tree(os.Getpid()); errTree == nil && len(tree) > 1 {
		s.t.Errorf("processes are left: %v", tree[1:])
	}
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), "benchctl-*")); len(left) > 0 {
		s.t.Errorf("directories are left: %v", left)
	}
	r, errRead := results.Read(s.Store.Dir())
	if errRead != nil {
		s.t.Fatal(errRead)
	}
	return r, err
}

// resume opens the run again, as another process does.
func (s *setting) resume() {
	s.t.Helper()
	s.Store.Close()
	store, err := results.Reopen(s.Store.Dir())
	if err != nil {
		s.t.Fatal(err)
	}
	s.Store = store
}

// ownTemp gives the test a directory for temporary files of its own.
func ownTemp(t *testing.T) { t.Setenv("TMPDIR", t.TempDir()) }

// complete checks that each planned round is there exactly once, with a trial of
// each candidate in the planned order.
func complete(t *testing.T, r *results.Record) {
	t.Helper()
	m := r.Manifest
	if got, want := len(r.Done()), m.Launches*m.Rounds*len(m.Blocks); got != want {
		t.Errorf("%d rounds were measured, not %d", got, want)
	}
	for i := 0; i < len(r.Trials); i += len(m.Candidates) {
		key := r.Trials[i].Key()
		for at, c := range plan.Order(m.Seed, key, len(m.Candidates)) {
			if trial := r.Trials[i+at]; trial.Key() != key || trial.Candidate != m.Candidates[c].Name || trial.Position != at {
				t.Errorf("trial %d of round %v is %s in %v, want %s", at, key, trial.Candidate, trial.Key(), m.Candidates[c].Name)
			}
		}
	}
	if got, want := len(r.Trials), m.Launches*m.Rounds*len(m.Blocks)*len(m.Candidates); got != want {
		t.Errorf("%d trials were recorded, not %d", got, want)
	}
}

func TestRun(t *testing.T) {
	ownTemp(t)
	s := prepare(t, "", nil, "nethttp", "fasthttp")
	var seen []string
	s.Observe = func(e harness.Event) {
		switch e.Kind {
		case harness.Starting:
			seen = append(seen, fmt.Sprintf("start %d", e.Launch))
		case harness.Ready:
			seen = append(seen, "ready "+e.Candidate)
		case harness.Failed:
			seen = append(seen, "failed "+e.Candidate+e.Text)
		case harness.Measuring:
			seen = append(seen, "measure "+e.App)
		case harness.Round:
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
		if l.Launch != 0 || l.Candidate != s.Candidates[i].Name || l.Failure != "" || l.AppFailures != nil || l.StartupMS == nil || *l.StartupMS <= 0 || l.Exit != "exit status 0" {
			t.Errorf("launch %+v", l)
		}
	}
	if logs, _ := filepath.Glob(filepath.Join(s.Store.LogDir(), "*.log")); len(logs) != 2 {
		t.Errorf("logs: %v", logs)
	}
	sum, err := results.Summarize(r)
	if err != nil {
		t.Fatal(err)
	}
	if sum.Run.Status != results.StatusComplete || len(sum.Cells) != 4 {
		t.Errorf("summary %+v", sum)
	}
	for _, c := range sum.Cells {
		if c.Verdict == results.Invalid || c.Latency == nil || c.Throughput == nil || c.Requests == 0 {
			t.Errorf("cell %+v", c)
		}
	}
}

// Each candidate that fails has its reason in the record, and holds up nobody.
func TestFailingCandidates(t *testing.T) {
	ownTemp(t)
	s := prepare(t, external(t, "exits", "deaf", "dies", "lies", "lies-later", "hangs"), nil,
		"exits", "nethttp", "deaf", "dies", "lies", "lies-later", "hangs")
	first := true
	s.Observe = func(e harness.Event) {
		if e.Kind != harness.Measuring || !first {
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
	failures := make(map[string]results.Launch)
	for _, l := range r.Launches {
		failures[l.Candidate] = l
	}
	for _, c := range []struct{ candidate, app, want string }{
		{"exits", "hello", "ended before it was ready: exit status 3; its log ends:\nno module named app"},
		{"deaf", "hello", "not ready in time"},
		{"dies", "hello", "died: exit status 4; its log ends:\npanic: out of luck"},
		{"dies", "echo", "died: exit status 4"},
		{"lies", "hello", "answers wrongly"},
		{"lies-later", "hello", "wrong body under load: "},
		{"lies-later", "echo", ""},
		{"hangs", "hello", "answers nothing under load: map[timeout:"},
		{"hangs", "echo", ""},
		{"nethttp", "hello", ""},
		{"nethttp", "echo", ""},
	} {
		if got := failures[c.candidate].FailureFor(c.app); !strings.Contains(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%s, %s: %q, want %q", c.candidate, c.app, got, c.want)
		}
	}
	sum, err := results.Summarize(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range sum.Cells {
		fails := failures[c.Candidate].FailureFor(c.App) != ""
		if fails != (c.Verdict == results.Invalid) || !fails && (c.Slices != 2 || c.Requests == 0 || c.Errors.Total > 0) {
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

func TestNobodyLeft(t *testing.T) {
	ownTemp(t)
	s := prepare(t, external(t, "exits"), func(m *results.Manifest) { m.Launches = 3 }, "exits")
	r, err := s.measure(t.Context())
	if err != nil || len(r.Launches) != 1 || len(r.Trials) != 0 || r.Status() != results.StatusComplete {
		t.Errorf("run: %v, %+v", err, r)
	}
}

// An interrupted run leaves complete rounds, and the next one measures the rest,
// each round once.
func TestInterruptedRun(t *testing.T) {
	ownTemp(t)
	for _, c := range []struct {
		name       string
		candidates []string
		at         func(e harness.Event) bool
	}{
		{"while it starts", []string{"nethttp"}, func(e harness.Event) bool { return e.Kind == harness.Ready }},
		{"before a warm-up", []string{"nethttp"}, func(e harness.Event) bool { return e.Kind == harness.Measuring }},
		{"after three rounds", []string{"nethttp", "fasthttp"}, func(e harness.Event) bool { return e.Kind == harness.Round && e.Done == 3 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := prepare(t, "", func(m *results.Manifest) { m.Rounds, m.Blocks = 4, m.Blocks[:1] }, c.candidates...)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			done := 0
			s.Observe = func(e harness.Event) {
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
				if l.Failure != "" || l.AppFailures != nil || l.Exit == "" {
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
	ownTemp(t)
	s := prepare(t, "", func(m *results.Manifest) {
		m.Precision, m.Launches, m.Rounds, m.Blocks = 1e6, stats.MinLaunches+1, 8, m.Blocks[:1] // any interval will do
	}, "nethttp", "fasthttp")
	r, err := s.measure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	check := func(r *results.Record) {
		t.Helper()
		if rounds := 8*(stats.MinLaunches-1) + 6; len(r.Done()) != rounds || len(r.Trials) != 2*rounds || len(r.Launches) != 2*stats.MinLaunches || r.Status() != results.StatusComplete {
			t.Errorf("%d rounds, %d trials, %d launches, %s", len(r.Done()), len(r.Trials), len(r.Launches), r.Status())
		}
	}
	check(r)
	s.resume()
	if r, err = s.measure(t.Context()); err != nil {
		t.Fatal(err)
	}
	check(r)
}

// TestFill has each launch and block go on for its share of the budget, and goes
// on after an interruption with the launch that it was in.
func TestFill(t *testing.T) {
	ownTemp(t)
	s := prepare(t, "", func(m *results.Manifest) {
		m.Budget, m.Fill, m.Rounds, m.Launches, m.Slice = 8*time.Second, true, 1000, 2, 20*time.Millisecond
	}, "nethttp")
	ctx, cancel := context.WithCancel(t.Context())
	s.Observe = func(e harness.Event) {
		if e.Kind == harness.Round && e.Launch == 1 {
			cancel()
		}
	}
	if r, err := s.measure(ctx); !errors.Is(err, context.Canceled) || r.Status() != results.StatusPartial {
		t.Fatalf("interrupted: %v, %s", err, r.Status())
	}
	s.Observe = nil
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
	if err != nil || r.Status() != results.StatusComplete {
		t.Fatalf("measure: %v, %s", err, r.Status())
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

func TestBudget(t *testing.T) {
	ownTemp(t)
	for _, c := range []struct {
		name             string
		budget           time.Duration
		launches, rounds int
		least, most      int // rounds measured
		launched         int
		err              error
	}{
		{"ends at once", time.Nanosecond, 1, 2, 0, 0, 0, harness.ErrBudget},
		{"ends on the way", 5 * time.Second, 1, 1000, 1, 999, 1, harness.ErrBudget},
		{"is enough", time.Minute, 2, 1, 2, 2, 2, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := prepare(t, "", func(m *results.Manifest) {
				m.Budget, m.Rounds, m.Launches, m.Blocks = c.budget, c.rounds, c.launches, m.Blocks[:1]
			}, "nethttp")
			began := time.Now()
			r, err := s.measure(t.Context())
			if took := time.Since(began); c.err != nil && took > c.budget+3*time.Second {
				t.Errorf("it took %v", took)
			}
			if !errors.Is(err, c.err) {
				t.Errorf("run: %v", err)
			}
			if n := len(r.Done()); n < c.least || n > c.most || len(r.Launches) != c.launched {
				t.Errorf("%d rounds, %d launches", n, len(r.Launches))
			}
		})
	}
}

// Rates are what the scenario says of them, by ceilings of each launch where they
// are shares, and what was offered stands in the trials.
func TestRates(t *testing.T) {
	ownTemp(t)
	for _, c := range []struct {
		name string
		load offered.Load
		rate func(trial results.Trial, slowest float64) float64
	}{
		{"one rate", offered.Load{Rate: 400}, func(results.Trial, float64) float64 { return 400 }},
		{"ramp", offered.Load{Ramp: [2]float64{100, 700}}, func(results.Trial, float64) float64 { return 400 }},
		{"random steps", offered.Load{Steps: []float64{300, 500}, Arrivals: offered.Poisson}, func(results.Trial, float64) float64 { return 400 }},
		{"share of each ceiling", offered.Load{Share: 0.1, ShareOf: offered.Ceiling, Arrivals: offered.Poisson},
			func(trial results.Trial, _ float64) float64 { return 0.1 * trial.Ceiling }},
		{"share of the slowest", offered.Load{Share: 0.1, ShareOf: offered.Slowest}, func(_ results.Trial, slowest float64) float64 { return 0.1 * slowest }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := prepare(t, "", func(m *results.Manifest) {
				m.Blocks, m.Slice = m.Blocks[:1], 100*time.Millisecond
				if m.Blocks[0].Load = c.load; c.load.Relative() {
					m.Launches = 2
				}
			}, "nethttp", "fasthttp")
			r, err := s.measure(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			complete(t, r)
			slowest, ceilings := make(map[int]float64), make(map[float64]bool)
			for _, trial := range r.Trials {
				if least := slowest[trial.Launch]; least == 0 || trial.Ceiling < least {
					slowest[trial.Launch] = trial.Ceiling
				}
				ceilings[trial.Ceiling] = true
			}
			if want := map[bool]int{true: 4, false: 1}[c.load.Relative()]; len(ceilings) != want || ceilings[0] == c.load.Relative() {
				t.Errorf("ceilings %v, want %d", ceilings, want)
			}
			due := make(map[[2]int]uint64)
			for _, trial := range r.Trials {
				want := c.rate(trial, slowest[trial.Launch])
				if math.Abs(trial.Rate-want) > 1e-9*want {
					t.Errorf("the rate was %v, want %v", trial.Rate, want)
				}
				mean := want * trial.Elapsed.Seconds()
				if off := math.Abs(float64(trial.Due) - mean); off > 2+6*math.Sqrt(mean) || trial.Counted > trial.Due || trial.LagP99 == nil {
					t.Errorf("trial %+v: %v requests are due", trial, mean)
				}
				round := [2]int{trial.Launch, trial.Round}
				if before, ok := due[round]; ok && before != trial.Due && c.load.ShareOf != offered.Ceiling {
					t.Errorf("round %v has %d requests for one and %d for another", round, before, trial.Due)
				}
				due[round] = trial.Due
			}
			sum, err := results.Summarize(r)
			if err != nil {
				t.Fatal(err)
			}
			for _, cell := range sum.Cells {
				if cell.Offered == nil || (cell.Ceiling != nil) != c.load.Relative() || cell.RankedBy != results.MetricServerCPU {
					t.Errorf("cell %+v", cell)
				}
			}
		})
	}
}

// A search goes through all rounds of each launch step by step, also when it is
// interrupted on the way.
func TestSearch(t *testing.T) {
	ownTemp(t)
	objective, err := slo.Parse("p50<2ms")
	if err != nil {
		t.Fatal(err)
	}
	s := prepare(t, "", func(m *results.Manifest) {
		m.Blocks, m.Launches, m.Rounds, m.Slice = m.Blocks[:1], 2, 10, 30*time.Millisecond
		m.Blocks[0].SLO = &objective
	}, "nethttp", "fasthttp")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s.Observe = func(e harness.Event) {
		if e.Kind == harness.Round && e.Done == 4 {
			cancel()
		}
	}
	if r, err := s.measure(ctx); !errors.Is(err, context.Canceled) || len(r.Done()) != 4 {
		t.Fatalf("interrupted: %v, %d rounds", err, len(r.Done()))
	}
	s.resume()
	s.Observe = nil
	r, err := s.measure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	complete(t, r)
	searches := make(map[string]*slo.Staircase)
	for _, trial := range r.Trials {
		name := fmt.Sprint(trial.Launch, trial.Candidate)
		search := searches[name]
		if search == nil {
			search = slo.NewStaircase(slo.StartShare * trial.Ceiling)
			searches[name] = search
		}
		if trial.SLO == nil || trial.Ceiling == 0 || trial.Rate != search.Rate() || trial.SLO.Reversals != search.Reversals() {
			t.Fatalf("trial %+v, %+v: the search is at %v after %d reversals", trial, trial.SLO, search.Rate(), search.Reversals())
		}
		if within := time.Duration(trial.SLO.Percentile) < objective.Limit; trial.SLO.Met && !within || trial.Due == 0 {
			t.Errorf("trial %+v, %+v", trial, trial.SLO)
		}
		search.Step(trial.SLO.Met)
	}
	sum, err := results.Summarize(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range sum.Cells {
		if c.SLO == nil || c.SLO.Objective != "p50<2ms" || c.Throughput != nil || c.Latency != nil || c.Verdict == results.Invalid {
			t.Errorf("cell %+v", c)
		}
	}
}
