package judge_test

import (
	"maps"
	"testing"
	"time"

	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/judge"
	"github.com/benchctl/benchctl/scenarios"
	"github.com/benchctl/benchctl/scenarios/offered"
)

// breaking is a record of one candidate that is watched around a break, once for each watch.
func breaking(watches ...results.Watch) *results.Record {
	var events []scenarios.Event
	for n, do := range []string{scenarios.Break, "reload", scenarios.Mend, "reload"} {
		events = append(events, scenarios.Event{Do: do, At: time.Duration(n+1) * time.Second, Times: 1})
	}
	r := &results.Record{Manifest: results.Manifest{
		Launches: len(watches), Rounds: 1, Candidates: []results.Candidate{{Name: "a"}},
		Blocks: []results.Block{{Scenario: "reload-broken", App: "ident", Load: scenarios.Load{
			Engine: scenarios.Witness, Connections: 4, Pace: offered.Pace{Rate: 100}, Slice: 5 * time.Second, Events: events,
		}}},
	}}
	for i, w := range watches {
		w.Launch, w.Scenario, w.App, w.Candidate, w.Length = i, "reload-broken", "ident", "a", 5*time.Second
		r.Watches = append(r.Watches, w)
	}
	return r
}

// broken is a watch whose reloads came to this.
func broken(first, second results.Then, errors ...string) (w results.Watch) {
	first.Broken = true
	errors = append(errors, "", "", "", "")
	for n, do := range []string{scenarios.Break, "reload", scenarios.Mend, "reload"} {
		at := time.Duration(n+1) * time.Second
		w.Events = append(w.Events, results.Happened{Do: do, Due: at, Began: at, Done: at, Error: errors[n]})
	}
	w.Events[1].Then, w.Events[3].Then = &first, &second
	return w
}

// endsAt is the watch of a server that has ended.
func endsAt(w results.Watch, at time.Duration) results.Watch {
	w.Ended, w.Exit = &at, "exit status 3"
	return w
}

func TestReloads(t *testing.T) {
	yes, no := true, false
	kept, anew, quiet := results.Then{Right: 9, New: &no}, results.Then{Right: 9, New: &yes}, results.Then{}
	untold := results.Then{Right: 9}
	for _, c := range []struct {
		name         string
		watch        results.Watch
		first, later judge.Became
	}{
		{"kept", broken(kept, anew), judge.KeptOld, judge.ServedNew},
		{"kept for good", broken(kept, kept), judge.KeptOld, judge.KeptOld},
		{"not told by whom", broken(untold, untold, "", "reload a: exit status 1"), judge.KeptOld, judge.ServedOn},
		{"broken and taken", broken(anew, anew), judge.ServedNew, judge.ServedNew},
		{"errors", broken(results.Then{Right: 1, Wrong: 9}, anew), judge.Erred, judge.ServedNew},
		{"quiet", broken(quiet, quiet), judge.Silent, judge.Silent},
		{"halted", endsAt(broken(quiet, quiet, "", "", "", "reload a: has ended"), 2500*time.Millisecond), judge.Halted, judge.WasOver},
		{"halted late", endsAt(broken(kept, quiet), 3500*time.Millisecond), judge.Halted, judge.WasOver},
		{"halted by the second", endsAt(broken(kept, quiet), 4500*time.Millisecond), judge.KeptOld, judge.Halted},
		{"halted by the break", endsAt(broken(quiet, quiet), 1500*time.Millisecond), judge.WasOver, judge.WasOver},
	} {
		s, err := judge.Summarize(breaking(c.watch, c.watch))
		if err != nil {
			t.Fatal(err)
		}
		w := s.Cells[0].Watched
		if first, later := (map[judge.Became]int{c.first: 2}), (map[judge.Became]int{c.later: 2}); !maps.Equal(w.Reloads.Broken, first) || !maps.Equal(w.Reloads.Mended, later) {
			t.Errorf("%s: %v and %v, want %v and %v", c.name, w.Reloads.Broken, w.Reloads.Mended, first, later)
		}
		for _, id := range []string{"ended-by-event", "event-failed", "changed-nothing"} {
			if judge.Has(s.Cells[0].Reasons, id) {
				t.Errorf("%s: %q", c.name, judge.Texts(s.Cells[0].Reasons))
			}
		}
	}
}

// What a reload of something broken says is told, what one of an ended server says is not; a
// break that failed is a reason, and both reloads count as events.
func TestReloadsTold(t *testing.T) {
	no := false
	kept := results.Then{Right: 9, New: &no}
	lossy := broken(kept, kept, "", "reload a: exit status 1")
	lossy.Lost = map[string]uint64{"reset": 6}
	s, err := judge.Summarize(breaking(endsAt(broken(results.Then{}, results.Then{}, "", "reload a: has ended"), 1900*time.Millisecond), lossy))
	if err != nil {
		t.Fatal(err)
	}
	c := s.Cells[0]
	if got := c.Watched.Reloads.Refusal; got != "reload a: exit status 1" || c.Figures[judge.MetricLost].Value != 1.5 {
		t.Errorf("refusal %q, lost %+v", got, c.Figures[judge.MetricLost])
	}
	s, err = judge.Summarize(breaking(broken(kept, kept, "conf of a: is broken already")))
	if err != nil || !judge.Has(s.Cells[0].Reasons, "event-failed") {
		t.Errorf("%v, %v", err, s.Cells[0].Reasons)
	}
}
