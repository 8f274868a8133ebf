package judge_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/internal/sample"
	"github.com/benchctl/benchctl/results/judge"
	"github.com/benchctl/benchctl/scenarios"
)

// raced is the row of candidate a, whose repetitions raced so.
func raced(t *testing.T, races ...results.Race) judge.Cell {
	t.Helper()
	m := sample.Manifest()
	m.Launches, m.Rounds = len(races), 1
	m.Candidates = m.Candidates[:1]
	m.Blocks = []results.Block{{Scenario: "idle-close", App: "ident", Load: scenarios.Load{
		Engine: scenarios.Witness, Connections: 4, Post: true, Race: 10 * time.Second, Slice: 30 * time.Second,
	}}}
	r := &results.Record{Manifest: m}
	for n, race := range races {
		w := results.Watch{
			Launch: n, Scenario: "idle-close", App: "ident", Candidate: "a", At: sample.Start, Length: 30 * time.Second, Wall: 30 * time.Second,
			Steal: sample.NS(0), Lost: map[string]uint64{}, LostByMethod: map[string]uint64{}, Outcomes: map[string]uint64{}, Race: &race,
		}
		for method, outcomes := range race.Outcomes {
			for outcome, n := range outcomes {
				w.Outcomes[outcome] += n
				if w.Sent += n; outcome != results.Completed {
					w.Lost[outcome] += n
					w.LostByMethod[method] += n
				}
			}
		}
		r.Watches = append(r.Watches, w)
		r.Launches = append(r.Launches, results.Launch{Launch: n, Candidate: "a", Started: sample.Start})
	}
	sum, err := judge.Summarize(r)
	if err != nil || len(sum.Cells) != 1 {
		t.Fatalf("%v: %d cells", err, len(sum.Cells))
	}
	return sum.Cells[0]
}

// seconds are times in s.
func seconds(all ...float64) (times []time.Duration) {
	for _, s := range all {
		times = append(times, time.Duration(s*1e9))
	}
	return times
}

// The share of the requests that were lost is of all repetitions, whatever many each had, and
// where none was it reaches to 3 over their number.
func TestRaceLost(t *testing.T) {
	one := func(sent, lost uint64) results.Race {
		return results.Race{Limit: 10 * time.Second, Closed: seconds(5, 5, 5.001, 5.002), Found: 7, Outcomes: map[string]map[string]uint64{
			"GET": {"completed": 50}, "POST": {"completed": sent - lost, "reset": lost},
		}}
	}
	c := raced(t, one(10, 5), one(90, 5), one(100, 10), one(100, 10), one(50, 5), one(50, 5))
	get, post, idle := c.Figures["race_lost_get_percent"], c.Figures[judge.MetricRaceLost], c.Figures["idle_closed_ms"]
	if post == nil || post.Value != 10 || post.Low >= 10 || post.High <= 10 {
		t.Errorf("of POST %+v %%", post)
	}
	if get == nil || get.Value != 0 || get.Low != 0 || get.High != 1 { // of 300, 3 in 300
		t.Errorf("of GET %+v %%", get)
	}
	if idle == nil || idle.Value != 5001 || c.Figures[judge.MetricLost] != nil || c.RankedBy != judge.MetricRaceLost {
		t.Errorf("idle for %+v, by %s", idle, c.RankedBy)
	}
	r := c.Watched.Race
	if r.Closed != 24 || r.Found != 42 || r.LowMS != 5000 || r.HighMS != 5002 || r.Outcomes["POST"]["reset"] != 40 || r.LimitMS != 10_000 {
		t.Errorf("race is %+v", r)
	}
	if c.Verdict != judge.Valid || len(c.Notes) > 0 || len(c.Watched.Events) != 1 {
		t.Errorf("%s %q, %q", c.Verdict, judge.Texts(c.Reasons), c.Notes)
	}
}

// Why nothing was raced, or not at the right moment, is a note and no fault.
func TestRaceNotes(t *testing.T) {
	for want, race := range map[string]results.Race{
		"it keeps idle connections longer than 10s: no race was tried":                             {Kept: 4},
		"it ends each connection with its reply, and says so: there is no idle one to race with":   {Ending: 4},
		"no connection could be watched for its end: no race was tried":                            {},
		"it closes connections that were idle for 2000 to 3000 ms (80 % of 24), a wider span than": {Closed: seconds(2, 2.5, 3, 3)},
	} {
		c := raced(t, race, race, race, race, race, race)
		if len(c.Notes) != 1 || !strings.HasPrefix(c.Notes[0], want) || c.Verdict != judge.Valid || c.Figures[judge.MetricRaceLost] != nil {
			t.Errorf("%s %q, %q; want %q", c.Verdict, judge.Texts(c.Reasons), c.Notes, want)
		}
	}
}

// What a server that is process 1 leaves of those it adopted is over those alone, and one
// that ended left nothing.
func TestZombies(t *testing.T) {
	m := sample.Manifest()
	m.Launches, m.Rounds = 6, 1
	m.Candidates = m.Candidates[:1]
	events := []scenarios.Event{{Do: scenarios.Orphan, At: time.Second, Times: 1}, {Do: scenarios.OrphanFails, At: 2 * time.Second, Times: 1}}
	m.Blocks = []results.Block{{Scenario: "orphans", App: "ident", Load: scenarios.Load{Engine: scenarios.Witness, Connections: 4, Events: events, Slice: 4 * time.Second}}}
	r := &results.Record{Manifest: m}
	for n := range 6 {
		w := results.Watch{
			Launch: n, Scenario: "orphans", App: "ident", Candidate: "a", At: sample.Start, Length: 4 * time.Second, Wall: 4 * time.Second, Steal: sample.NS(0),
			HadBefore: &results.Holdings{Zombies: 1}, HadAfter: &results.Holdings{Zombies: 1 + n%2},
		}
		for _, e := range events {
			w.Events = append(w.Events, results.Happened{Do: e.Do, Began: e.At, Guessed: n > 3})
		}
		if n == 5 {
			w.Ended, w.Exit, w.HadAfter = new(time.Duration), "exit status 3", nil
			*w.Ended = 1500 * time.Millisecond
		}
		r.Watches = append(r.Watches, w)
		r.Launches = append(r.Launches, results.Launch{Launch: n, Candidate: "a", Started: sample.Start})
	}
	sum, err := judge.Summarize(r)
	if err != nil || len(sum.Cells) != 1 {
		t.Fatalf("%v: %d cells", err, len(sum.Cells))
	}
	c := sum.Cells[0]
	if z := c.Figures["zombies_per_event"]; z == nil || z.Value != 0.2 { // 2 of 10
		t.Errorf("zombies are %+v", z)
	}
	if want := "in 2 of 6 repetitions the oldest process beside the main one was taken for a worker"; !slices.ContainsFunc(c.Notes, func(n string) bool { return strings.HasPrefix(n, want) }) {
		t.Errorf("notes are %q", c.Notes)
	}
	if want := `it ended, as it was not to, by "orphan at 1s, orphan-fails at 2s" (exit status 3) in 1 of 6 repetitions`; !strings.Contains(judge.Sentences(c.Reasons), want) {
		t.Errorf("%q", judge.Texts(c.Reasons))
	}
}
