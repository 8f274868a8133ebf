package harness_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/benchctl/benchctl/bench/launch"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/judge"
	"github.com/benchctl/benchctl/scenarios"
	"github.com/benchctl/benchctl/scenarios/offered"
	"github.com/benchctl/benchctl/servers/control"
)

// around is a short load with an event, as the only block.
func around(do string) func(*results.Manifest) {
	return func(m *results.Manifest) {
		m.Launches, m.Rounds = 2, 1
		m.Blocks = []results.Block{{Scenario: "around", App: "ident", Load: scenarios.Load{
			Engine: scenarios.Witness, Connections: 4, Post: true, Pace: offered.Pace{Rate: 100}, Slice: 2 * time.Second, Events: []scenarios.Event{{Do: do, At: 500 * time.Millisecond, Times: 1}},
		}}}
	}
}

// reloading declares a reload by HUP for the parts.
func reloading(t *testing.T, parts ...string) string {
	t.Helper()
	dir := external(t, parts...)
	for _, part := range parts {
		f, err := os.OpenFile(filepath.Join(dir, part+".yaml"), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString("control: {reload: HUP}\n"); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// watched is the only cell of a run around an event.
func watched(t *testing.T, r *results.Record) judge.Cell {
	t.Helper()
	sum, err := judge.Summarize(r)
	if err != nil || len(sum.Cells) != 1 || len(r.Watches) != 2 {
		t.Fatalf("%v: %d cells of %d watches", err, len(sum.Cells), len(r.Watches))
	}
	if sum.Run.Status != judge.StatusComplete {
		t.Errorf("the run is %s", sum.Run.Status)
	}
	return sum.Cells[0]
}

// A server that declares a reload and ends by it has a row that says so, and each request
// that it no longer answers is lost.
func TestReloadThatKills(t *testing.T) {
	t.Parallel()
	s := prepare(t, reloading(t, "mortal"), around("reload"), "mortal")
	r, err := s.measure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c := watched(t, r)
	if !judge.Has(c.Reasons, "ended-by-event") || !strings.Contains(judge.Sentences(c.Reasons), "hangup") || judge.Has(c.Reasons, "changed-nothing") {
		t.Errorf("%s %q, %+v", c.Verdict, judge.Texts(c.Reasons), c.Watched)
	}
}

// One that does nothing for it has a row that says that, and loses nothing.
func TestReloadThatChangesNothing(t *testing.T) {
	t.Parallel()
	s := prepare(t, reloading(t, "heedless"), around("reload"), "heedless")
	r, err := s.measure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c := watched(t, r)
	same := slices.ContainsFunc(r.Watches, func(w results.Watch) bool { return w.Changed != nil }) // somebody replied before the event
	if judge.Has(c.Reasons, "changed-nothing") != same || c.Figures[judge.MetricLost].Value != 0 {
		t.Errorf("%s %q, %+v", c.Verdict, judge.Texts(c.Reasons), c.Watched)
	}
	for _, w := range r.Watches {
		if w.Events[0].Error != "" || w.Ended != nil || *w.Recovery != 0 || runtime.GOOS == "linux" && (w.HadBefore == nil || w.HadAfter.Processes != 1) {
			t.Errorf("%+v", w)
		}
	}
}

// A stop ends the server, and is told by when and how. Here the agents are in another
// process.
func TestStopAcrossAPipe(t *testing.T) {
	t.Parallel()
	s := prepare(t, "", around("stop-graceful"), "nethttp")
	pipe, ended := s.elsewhere()
	r, err := s.measure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := pipe.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	c := watched(t, r)
	if c.Figures["ended_ms"] == nil || c.Figures["recovery_ms"] != nil || len(c.Watched.Exits) != 1 || judge.Has(c.Reasons, "never-ended") || judge.Has(c.Reasons, "ended-by-event") {
		t.Errorf("%q, %+v", judge.Texts(c.Reasons), c)
	}
}

// A server that keeps idle connections for longer than is waited is not raced with, and its
// row says so at once. Here, too, the agents are in another process.
func TestIdleKept(t *testing.T) {
	t.Parallel()
	s := prepare(t, "", func(m *results.Manifest) {
		around("reload")(m)
		load := &m.Blocks[0].Load
		load.Events, load.Pace, load.Race, load.Slice = nil, offered.Pace{}, 10*time.Millisecond, time.Hour
	}, "nethttp")
	pipe, ended := s.elsewhere()
	r, err := s.measure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := pipe.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	c := watched(t, r)
	if race := c.Watched.Race; race == nil || race.Kept != 8 || race.Closed != 0 || !slices.Contains(c.Notes, "it keeps idle connections longer than 10ms: no race was tried") {
		t.Errorf("%q, %q, %+v", judge.Texts(c.Reasons), c.Notes, race)
	}
}

// What can't be done to a server is told, and nothing else is done to it.
func TestFaultThatCantBe(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("processes are not known")
	}
	s := prepare(t, "", around(scenarios.KillWorker), "nethttp")
	r, err := s.measure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c := watched(t, r)
	if want := "kill-worker could not be done: it has no process but its main one"; !strings.Contains(judge.Sentences(c.Reasons), want) || c.Figures[judge.MetricLost] != nil {
		t.Errorf("%q, %+v", judge.Texts(c.Reasons), c.Watched)
	}
}

// The death of the main process is a result.
func TestKillMain(t *testing.T) {
	t.Parallel()
	s := prepare(t, "", around(scenarios.KillMain), "fasthttp")
	r, err := s.measure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if c := watched(t, r); judge.Has(c.Reasons, "ended-by-event") || c.Figures["ended_ms"] == nil {
		t.Errorf("%q, %+v", judge.Texts(c.Reasons), c.Watched)
	}
}

// A server reloads what was broken, and then what was mended: its row tells of both, whatever
// it does. Here it is one that survives, and one that does not.
func TestReloadBroken(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"nginx", "gunicorn-sync"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := prepare(t, "", aroundBreak, name)
			if err := s.Candidates[0].Server.Check(t.Context()); err != nil {
				t.Skip(err)
			}
			r, err := s.measure(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			c := watched(t, r)
			if got := c.Watched.Reloads; got == nil || total(got.Broken) != 2 || total(got.Mended) != 2 {
				t.Errorf("%+v", got)
			}
			for _, id := range []string{"event-failed", "ended-by-event", "changed-nothing"} {
				if judge.Has(c.Reasons, id) {
					t.Errorf("%s %q", c.Verdict, judge.Texts(c.Reasons))
				}
			}
			if name == "nginx" && (c.Watched.Reloads.Broken[judge.Halted] > 0 || len(c.Watched.Exits) > 0) {
				t.Errorf("it ended: %+v", c.Watched)
			}
		})
	}
}

// aroundBreak is a load around reloads of something broken and mended.
func aroundBreak(m *results.Manifest) {
	around("reload")(m)
	l := &m.Blocks[0].Load
	l.Slice, l.Events = 5*time.Second, nil
	for n, do := range []string{scenarios.Break, "reload", scenarios.Mend, "reload"} {
		l.Events = append(l.Events, scenarios.Event{Do: do, At: time.Duration(500+1000*n) * time.Millisecond, Times: 1})
	}
}

func total(counts map[judge.Became]int) (n int) {
	for _, times := range counts {
		n += times
	}
	return n
}

// What was watched before a run is interrupted within a round is kept and shown, and what is
// missing is watched when it is resumed.
func TestInterruptedWatches(t *testing.T) {
	t.Parallel()
	s := prepare(t, "", around(scenarios.KillMain), "nethttp", "fasthttp")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ready := 0
	s.Observe = func(e launch.Event) {
		if e.Kind == launch.Ready {
			if ready++; ready == 2 { // the second candidate of the first round
				cancel()
			}
		}
	}
	r, err := s.measure(ctx)
	if !errors.Is(err, context.Canceled) || len(r.Watches) != 1 || len(r.Done()) != 0 {
		t.Fatalf("interrupted: %v, %d watches, %d rounds", err, len(r.Watches), len(r.Done()))
	}
	sum, err := judge.Summarize(r)
	if err != nil || sum.Run.Status != judge.StatusPartial || !slices.Contains(sum.Run.Notes, "partial: 1 of 4 repetitions were watched") {
		t.Errorf("%v, %s, notes %q", err, sum.Run.Status, sum.Run.Notes)
	}
	for _, c := range sum.Cells {
		if was := c.Candidate == r.Watches[0].Candidate; (c.Watched != nil) != was || (c.Verdict == judge.Unreached) == was {
			t.Errorf("%s is %s: %+v", c.Candidate, c.Verdict, c.Watched)
		}
	}
	s.resume()
	s.Observe = nil
	if r, err = s.measure(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(r.Watches) != 4 || len(r.Done()) != 2 || judge.Status(r) != judge.StatusComplete {
		t.Errorf("%d watches, %d rounds, %s", len(r.Watches), len(r.Done()), judge.Status(r))
	}
}

// A server that is process 1 adopts processes, whose ends do not end it.
func TestOrphans(t *testing.T) {
	t.Parallel()
	if err := control.CanInit(); err != nil {
		t.Skip(err)
	}
	s := prepare(t, "", around(scenarios.OrphanFails), "nethttp")
	r, err := s.measure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c := watched(t, r)
	if c.Figures["zombies_per_event"] == nil || judge.Has(c.Reasons, "event-failed") || judge.Has(c.Reasons, "ended-by-event") || c.Figures[judge.MetricLost].Value != 0 {
		t.Errorf("%q, %+v", judge.Texts(c.Reasons), c.Figures)
	}
	for _, l := range r.Launches {
		if l.Killed || l.Left != "" {
			t.Errorf("its end: %+v", l)
		}
	}
}
