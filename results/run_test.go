package results_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/scenarios"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// manifest is a run of one launch of six rounds: one closed-loop block, two
// candidates.
func manifest() results.Manifest {
	return results.Manifest{
		ID: "20260301-120000-abcd", Started: start, Benchctl: "v1", Command: "benchctl run", Seed: 7, Launches: 1, Rounds: 6,
		Blocks: []results.Block{{Scenario: "concurrency-4", App: "hello", Load: scenarios.Load{Engine: "raw", Connections: 4}}},
		Candidates: []results.Candidate{
			{Name: "a", Server: "a", Profile: "default", Class: "engine"},
			{Name: "b", Server: "b", Version: "v2", Profile: "default", Class: "engine"},
		},
		Environment: results.Environment{Cores: 2, OS: "linux/amd64", Go: "go1.26", ServerCPUs: "0", LoaderCPUs: "1", Fingerprint: "f"},
	}
}

// slice is a trial that nothing is wrong with: 100 ms of the server's processor
// and 40 ms of the loader's for 1000 replies. Every slice has a start of its own.
func slice(candidate string, launch, round int) results.Trial {
	return results.Trial{
		Launch: launch, Round: round, Scenario: "concurrency-4", App: "hello", Candidate: candidate,
		At:   start.Add(time.Duration(launch*1000+round*10+int(candidate[0]-'a')) * time.Second),
		Sent: 1000, Answered: 1000, Counted: 1000, Elapsed: 100 * time.Millisecond, Wall: 100 * time.Millisecond, Compared: 16,
		ServerCPU: ns(100 * time.Millisecond), LoaderCPU: ns(40 * time.Millisecond), Steal: ns(0), MemoryMiB: ptr(10.0),
	}
}

func ptr[T any](v T) *T { return &v }

func ns(d time.Duration) *int64 { return ptr(d.Nanoseconds()) }

// rounds is a launch of n rounds of a and b, each trial changed by change.
func rounds(n int, change func(*results.Trial)) []results.Trial {
	var all []results.Trial
	for r := range n {
		for _, name := range []string{"a", "b"} {
			t := slice(name, 0, r)
			if change != nil {
				change(&t)
			}
			all = append(all, t)
		}
	}
	return all
}

// launched is launch lines of a and b that tell of no failure.
func launched() []results.Launch {
	return []results.Launch{
		{Candidate: "a", Started: start, StartupMS: ptr(5.0), IdleMiB: ptr(8.0), AfterMiB: ptr(9.0)},
		{Candidate: "b", Started: start, StartupMS: ptr(7.0)},
	}
}

// summarize summarizes a record that has no histograms.
func summarize(t *testing.T, m results.Manifest, launches []results.Launch, trials []results.Trial) *results.Summary {
	t.Helper()
	s, err := results.Summarize(&results.Record{Dir: t.TempDir(), Manifest: m, Launches: launches, Trials: trials})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func create(t *testing.T, m results.Manifest) *results.Store {
	t.Helper()
	s, err := results.Create(filepath.Join(t.TempDir(), "store", m.ID), m)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// record appends a round of a and b without histograms.
func record(t *testing.T, s *results.Store, round int) {
	t.Helper()
	trials := []results.Trial{slice("a", 0, round), slice("b", 0, round)}
	if err := s.AppendRound(trials, nil); err != nil {
		t.Fatal(err)
	}
}

// hist is a histogram of values in µs.
func hist(values ...int64) *hdrhistogram.Histogram {
	h := hdrhistogram.New(1, time.Second.Nanoseconds(), 2)
	for _, v := range values {
		_ = h.RecordValue(v * 1000)
	}
	return h
}

// responses are the times of slices that have response times alone.
func responses(all ...*hdrhistogram.Histogram) []results.Times {
	times := make([]results.Times, len(all))
	for i, h := range all {
		times[i].Response = h
	}
	return times
}

func read(t *testing.T, dir string) *results.Record {
	t.Helper()
	r, err := results.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func reopen(t *testing.T, dir string) *results.Store {
	t.Helper()
	s, err := results.Reopen(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func content(t *testing.T, path ...string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func write(t *testing.T, text []byte, path ...string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(path...), text, 0o644); err != nil {
		t.Fatal(err)
	}
}

// keys lists the rounds of a record and how many trials each has.
func keys(r *results.Record) string {
	var b bytes.Buffer
	for i, t := range r.Trials {
		if t.Position == 0 {
			fmt.Fprintf(&b, " %d:%d", t.Round, t.Of)
		}
		if t.Position >= t.Of || i+t.Of-t.Position > len(r.Trials) {
			fmt.Fprint(&b, " torn")
		}
	}
	return b.String()
}

// asJSON is v as JSON and back, as a reader of summary.json sees it.
func asJSON(t *testing.T, v any) map[string]any {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	return m
}
