package plan_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/benchctl/benchctl/bench/plan"
)

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
	r.Apps, r.Candidates = named("hello"), slices.Repeat(r.Candidates, 20)
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

// A budget of ten minutes that somebody asks for has a large field laid out as the bound that nobody asked for, and a long
// one has all passes.
func TestBudgetsOfLargeFields(t *testing.T) {
	r := request(t)
	r.Scenarios, r.Apps, r.Candidates = r.Scenarios[:1], named("hello"), slices.Repeat(r.Candidates, 20)
	for i := range r.Candidates {
		r.Candidates[i].Name += fmt.Sprint("#", i)
	}
	usual, err := plan.New(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		budget time.Duration
		short  bool
	}{{plan.Bound, true}, {10 * time.Hour, false}} {
		r.Budget = c.budget
		m, err := plan.New(r)
		if err != nil || plan.Short(m) != c.short || (m.Passes == 1) != c.short || c.short && m.Launches != usual.Launches {
			t.Errorf("%v: %v, short %v, %d launches, %d with passes; nobody asked: %d launches", c.budget, err, plan.Short(m), m.Launches, m.Passes, usual.Launches)
		}
	}
}

// A budget that is short for all launches takes fewer, each with its two rounds.
func TestShortBudgets(t *testing.T) {
	for budget, want := range map[time.Duration]int{0: plan.DefaultLaunches, time.Minute: plan.DefaultLaunches, 15 * time.Second: 2, 10 * time.Second: 1, time.Second: 1} {
		r := request(t)
		r.Apps, r.Budget = named("hello"), budget
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
	r.Apps, r.Budget, r.NoPass = named("hello"), 10*time.Second, true
	if m, err := plan.New(r); err != nil || m.Launches != 2 {
		t.Errorf("10 s without passes: %d launches, %v", m.Launches, err)
	}
}

// What an app waits is part of the forecast.
func TestForecastOfWaits(t *testing.T) {
	r := choose(t, request(t), "nethttp")
	r.Launches, r.Rounds = 1, 2
	forecast := func(app string) time.Duration {
		r.Apps = named(app)
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
