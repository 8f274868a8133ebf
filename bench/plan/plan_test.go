package plan_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/benchctl/benchctl/bench/plan"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/scenarios"
	"github.com/benchctl/benchctl/scenarios/offered"
	"github.com/benchctl/benchctl/scenarios/slo"
	"github.com/benchctl/benchctl/servers"
)

func request(t *testing.T) plan.Request {
	t.Helper()
	builtin, err := scenarios.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	chosen, err := scenarios.Find(builtin, []string{"concurrency-256", "rate-1000"})
	if err != nil {
		t.Fatal(err)
	}
	all, err := servers.All()
	if err != nil {
		t.Fatal(err)
	}
	c, err := servers.Choose(all, []string{"nethttp", "fasthttp#b"})
	if err != nil {
		t.Fatal(err)
	}
	return plan.Request{Scenarios: chosen, Apps: []string{"hello", "size?bytes=10"}, Candidates: c.Candidates, Seed: 1}
}

func TestNew(t *testing.T) {
	m, err := plan.New(request(t))
	if err != nil {
		t.Fatal(err)
	}
	var cells []string
	for _, b := range m.Blocks {
		cells = append(cells, b.Scenario+" "+b.App)
	}
	want := []string{"concurrency-256 hello", "concurrency-256 size?bytes=10", "rate-1000 hello", "rate-1000 size?bytes=10"}
	if !slices.Equal(cells, want) {
		t.Errorf("blocks %q, want %q", cells, want)
	}
	if m.Launches != plan.DefaultLaunches || m.Rounds != plan.DefaultRounds || m.Candidates[1].Name != "fasthttp#b" {
		t.Errorf("plan %+v", m)
	}
	again, _ := plan.New(request(t))
	if !reflect.DeepEqual(m, again) {
		t.Error("one request gives two plans")
	}
}

func TestBadApp(t *testing.T) {
	r := request(t)
	r.Apps = []string{"size?bytes=-1"}
	if _, err := plan.New(r); err == nil {
		t.Error("no error")
	}
}

func TestBudgetLimitsRounds(t *testing.T) {
	r := request(t)
	r.Budget = time.Minute
	short, _ := plan.New(r)
	r.Budget = 5 * time.Minute
	long, _ := plan.New(r)
	if !short.Fill || short.Rounds < 1 || long.Rounds <= short.Rounds {
		t.Errorf("%d rounds in 1 min, %d in 5 min", short.Rounds, long.Rounds)
	}
	r.Rounds = 5
	if exact, _ := plan.New(r); exact.Fill || exact.Rounds != 5 {
		t.Errorf("5 rounds that were asked for became %d", exact.Rounds)
	}
}

// A run that nobody bounded has the usual rounds, in fewer launches where those take long,
// and ten minutes for each block at most.
func TestUnbounded(t *testing.T) {
	r := request(t)
	m, err := plan.New(r)
	if err != nil || m.Budget != 4*plan.Bound || m.Fills() || m.Rounds*m.Launches != plan.DefaultLaunches*plan.DefaultRounds || plan.Forecast(m) >= m.Budget {
		t.Errorf("%v: %+v takes %v", err, m, plan.Forecast(m))
	}
	r.Apps, r.Candidates = []string{"hello"}, slices.Repeat(r.Candidates, 20)
	for i := range r.Candidates {
		r.Candidates[i].Name += fmt.Sprint("#", i)
	}
	if m, err = plan.New(r); err != nil || m.Launches < 2 || m.Passes != 1 || m.Budget != 2*plan.Bound || plan.Forecast(m) > m.Budget {
		t.Errorf("%v: %d launches of %d rounds in %v, %d with passes", err, m.Launches, m.Rounds, m.Budget, m.Passes)
	}
	for what, bound := range map[string]func(*plan.Request){
		"launches": func(r *plan.Request) { r.Launches = 1 }, "rounds": func(r *plan.Request) { r.Rounds = 3 },
		"slice": func(r *plan.Request) { r.Slice = time.Second }, "pass": func(r *plan.Request) { r.Pass = time.Second },
	} {
		r := request(t)
		bound(&r)
		if m, err := plan.New(r); err != nil || m.Budget != 0 || m.Fill {
			t.Errorf("with %s: %v, budget %v", what, err, m.Budget)
		}
	}
	r = request(t)
	r.Budget = time.Minute
	if m, err := plan.New(r); err != nil || !m.Fills() || m.Budget != time.Minute {
		t.Errorf("with a budget: %v, %+v", err, m)
	}
}

func TestStartOrder(t *testing.T) {
	for launch, want := range [][]int{{0, 1, 2}, {2, 1, 0}, {0, 1, 2}} {
		if got := plan.StartOrder(launch, 3); !slices.Equal(got, want) {
			t.Errorf("launch %d: %v, want %v", launch, got, want)
		}
	}
}

func TestOrder(t *testing.T) {
	first, four := map[int]int{}, make([]results.Candidate, 4)
	for round := range 400 {
		k := results.RoundKey{Launch: round % 3, Block: 1, Round: round}
		order := plan.Order(7, k, four)
		if !slices.Equal(order, plan.Order(7, k, four)) {
			t.Fatal("the same seed plans another order")
		}
		first[order[0]]++
		if round%2 == 0 {
			k.Round++
			mirror := plan.Order(7, k, four)
			slices.Reverse(mirror)
			if !slices.Equal(order, mirror) {
				t.Errorf("round %d is not mirrored by the next", round)
			}
		}
	}
	for c := range 4 {
		if first[c] < 60 {
			t.Errorf("candidate %d comes first in %d of 400 rounds", c, first[c])
		}
	}
	twelve := make([]results.Candidate, 12)
	if slices.Equal(plan.Order(1, results.RoundKey{}, twelve), plan.Order(2, results.RoundKey{}, twelve)) {
		t.Error("two seeds plan the same order")
	}
}

// Arrivals differ from round to round, launch to launch, block to block, run to run.
func TestArrivalSeed(t *testing.T) {
	seen := map[uint64]bool{}
	for n := range 256 {
		k := results.RoundKey{Launch: n & 3, Block: n >> 2 & 3, Round: n >> 4 & 3}
		seed := plan.ArrivalSeed(uint64(n>>6), k)
		if seen[seed] || seed != plan.ArrivalSeed(uint64(n>>6), k) {
			t.Fatalf("seed %d of run %d, %+v", seed, n>>6, k)
		}
		seen[seed] = true
	}
}

func TestLeft(t *testing.T) {
	m := results.Manifest{Rounds: 3, Blocks: make([]results.Block, 2)}
	left := plan.Left(m, 4, map[results.RoundKey]bool{{Launch: 4, Block: 1, Round: 0}: true, {Launch: 3, Block: 0, Round: 1}: true})
	if len(left[0]) != 3 || len(left[1]) != 2 || left[1][0] != (results.RoundKey{Launch: 4, Block: 1, Round: 1}) {
		t.Errorf("left %v", left)
	}
}

// A search takes the scenario's connections and arrivals, not its rate.
func TestSearch(t *testing.T) {
	r := request(t)
	objective, err := slo.Parse("p99<10ms")
	if err != nil {
		t.Fatal(err)
	}
	r.SLO = &objective
	r.Scenarios[1].Load.Arrivals, r.Scenarios[1].Load.Slice = offered.Poisson, time.Hour
	m, err := plan.New(r)
	if err != nil {
		t.Fatal(err)
	}
	b := m.Blocks[2]
	if *b.Load.SLO != objective || b.Load.Rate != 0 || b.Load.Arrivals != offered.Poisson || b.Load.Connections != 64 || b.Load.Slice != 0 || !b.Load.Open() || !b.Load.FollowsCeiling() || m.Rounds != plan.SearchRounds {
		t.Errorf("block %+v, %d rounds", b, m.Rounds)
	}
	for rate, want := range map[float64]time.Duration{1e6: plan.MinSlice, 20_000: 500 * time.Millisecond, 100: plan.MaxSearchSlice} {
		if got := plan.SearchSlice(m, objective, rate); (got - want).Abs() > time.Microsecond {
			t.Errorf("at %v req/s a slice is %v, want %v", rate, got, want)
		}
	}
	m.Slice = time.Millisecond
	if got := plan.SearchSlice(m, objective, 100); got != time.Millisecond {
		t.Errorf("a slice that was asked for is %v", got)
	}
}

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

// choose is the request with other candidates.
func choose(t *testing.T, r plan.Request, names ...string) plan.Request {
	t.Helper()
	all, err := servers.All()
	if err != nil {
		t.Fatal(err)
	}
	c, err := servers.Choose(all, names)
	if err != nil {
		t.Fatal(err)
	}
	r.Candidates = c.Candidates
	return r
}

// Candidates have no cells with apps that they do not carry, nor in scenarios whose
// engine does not speak what they do.
func TestWithout(t *testing.T) {
	r := choose(t, request(t), "nginx", "nethttp-h2c", "nethttp")
	r.Apps = []string{"hello", "json", "mixed"}
	m, err := plan.New(r)
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{{"nethttp-h2c"}, {"nginx", "nethttp-h2c"}, {"nginx", "nethttp-h2c"}, nil, {"nginx"}, {"nginx"}}
	for i, b := range m.Blocks {
		if !slices.Equal(b.Without, want[i]) {
			t.Errorf("%s %s: without %q, want %q", b.Scenario, b.App, b.Without, want[i])
		}
	}
	r.Apps = []string{"upload"}
	if m, err = plan.New(r); err != nil {
		t.Fatal(err)
	}
	if len(m.Candidates) != 2 || len(m.Notes) != 1 || !strings.HasPrefix(m.Notes[0], "skipped nginx: ") {
		t.Errorf("%+v, notes %q", m.Candidates, m.Notes)
	}
	if _, err := plan.New(choose(t, r, "nginx")); err == nil || !strings.Contains(err.Error(), "nothing to measure") {
		t.Errorf("a plan without candidates: %v", err)
	}
}

func TestProbesAreNoLoad(t *testing.T) {
	r := request(t)
	r.Apps = []string{"watch"}
	if _, err := plan.New(r); err == nil || !strings.Contains(err.Error(), "makes no load") {
		t.Errorf("%v", err)
	}
}

// A budget that is short for all launches takes fewer, each with its two rounds.
func TestShortBudgets(t *testing.T) {
	for budget, want := range map[time.Duration]int{0: plan.DefaultLaunches, time.Minute: plan.DefaultLaunches, 15 * time.Second: 2, 10 * time.Second: 1, time.Second: 1} {
		r := request(t)
		r.Apps, r.Budget = []string{"hello"}, budget
		m, err := plan.New(r)
		if err != nil {
			t.Fatal(err)
		}
		if m.Launches != want {
			t.Errorf("%v: %d launches, want %d", budget, m.Launches, want)
		}
		if r.Launches = 5; budget > 0 {
			if m, err = plan.New(r); err != nil || m.Launches != 5 {
				t.Errorf("%v: %d launches though 5 were asked for, %v", budget, m.Launches, err)
			}
		}
	}
	r := request(t) // a third of a budget is for passes
	r.Apps, r.Budget, r.NoPass = []string{"hello"}, 10*time.Second, true
	if m, err := plan.New(r); err != nil || m.Launches != 2 {
		t.Errorf("10 s without passes: %d launches, %v", m.Launches, err)
	}
}

// In a large field the candidates of a class follow each other.
func TestOrderByClass(t *testing.T) {
	var all []results.Candidate
	for i := range 30 {
		all = append(all, results.Candidate{Class: []string{"engine", "wsgi", "baseline"}[i%3]})
	}
	firsts := map[string]bool{}
	for round := range 40 {
		var classes []string
		for _, i := range plan.Order(7, results.RoundKey{Round: round}, all) {
			classes = append(classes, all[i].Class)
		}
		firsts[classes[0]] = true
		if got := slices.Compact(classes); len(got) != 3 {
			t.Errorf("round %d: %q", round, got)
		}
	}
	if len(firsts) != 3 {
		t.Errorf("first are always %v", firsts)
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

// What an app waits is part of the forecast.
func TestForecastOfWaits(t *testing.T) {
	r := choose(t, request(t), "nethttp")
	r.Launches, r.Rounds = 1, 2
	forecast := func(app string) time.Duration {
		r.Apps = []string{app}
		m, err := plan.New(r)
		if err != nil {
			t.Fatal(err)
		}
		return plan.Forecast(m)
	}
	if quick, slow := forecast("hello"), forecast("sleep?ms=1000"); slow < quick+10*time.Second {
		t.Errorf("an app that waits a second makes %v of %v", slow, quick)
	}
}
