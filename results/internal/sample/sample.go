// Package sample has records for the tests of results and of what reads them.
package sample

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

// Start is when the sample run began.
var Start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// Manifest is a run of one launch of six rounds: one closed-loop block, two
// candidates.
func Manifest() results.Manifest {
	return results.Manifest{
		ID: "20260301-120000-abcd", Started: Start, Benchctl: "v1", Command: "benchctl run", Seed: 7, Launches: 1, Rounds: 6,
		Blocks: []results.Block{{Scenario: "concurrency-4", App: "hello", Load: scenarios.Load{Engine: "raw", Connections: 4}}},
		Candidates: []results.Candidate{
			{Name: "a", Server: "a", Profile: "default", Class: "engine"},
			{Name: "b", Server: "b", Version: "v2", Profile: "default", Class: "engine"},
		},
		Environment: results.Environment{Cores: 2, OS: "linux/amd64", Go: "go1.26", ServerCPUs: "0", LoaderCPUs: "1", Fingerprint: "f"},
	}
}

// Slice is a trial that nothing is wrong with: 100 ms of the server's processor
// and 40 ms of the loader's for 1000 replies. Every slice has a Start of its own.
func Slice(candidate string, launch, round int) results.Trial {
	return results.Trial{
		Launch: launch, Round: round, Scenario: "concurrency-4", App: "hello", Candidate: candidate,
		At:   Start.Add(time.Duration(launch*1000+round*10+int(candidate[0]-'a')) * time.Second),
		Sent: 1000, Answered: 1000, Counted: 1000, Elapsed: 100 * time.Millisecond, Wall: 100 * time.Millisecond, Compared: 16,
		ServerCPU: NS(100 * time.Millisecond), LoaderCPU: NS(40 * time.Millisecond), Steal: NS(0), MemoryMiB: Ptr(10.0),
	}
}

// Ptr is a pointer to v.
func Ptr[T any](v T) *T { return &v }

// NS is a time in ns, as a meter tells it.
func NS(d time.Duration) *int64 { return Ptr(d.Nanoseconds()) }

// Rounds is a launch of n rounds of a and b, each trial changed by change.
func Rounds(n int, change func(*results.Trial)) []results.Trial {
	var all []results.Trial
	for r := range n {
		for _, name := range []string{"a", "b"} {
			t := Slice(name, 0, r)
			if change != nil {
				change(&t)
			}
			all = append(all, t)
		}
	}
	return all
}

// Launched is launch lines of a and b that tell of no failure.
func Launched() []results.Launch {
	return []results.Launch{
		{Candidate: "a", Started: Start, StartupMS: Ptr(5.0), IdleMiB: Ptr(8.0), AfterMiB: Ptr(9.0)},
		{Candidate: "b", Started: Start, StartupMS: Ptr(7.0)},
	}
}

// Create makes a run's directory, which goes with the test.
func Create(t testing.TB, m results.Manifest) *results.Store {
	t.Helper()
	s, err := results.Create(filepath.Join(t.TempDir(), "store", m.ID), m)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// Record appends a round of a and b without histograms.
func Record(t testing.TB, s *results.Store, round int) {
	t.Helper()
	trials := []results.Trial{Slice("a", 0, round), Slice("b", 0, round)}
	if err := s.AppendRound(trials, nil); err != nil {
		t.Fatal(err)
	}
}

// Hist is a histogram of values in µs.
func Hist(values ...int64) *hdrhistogram.Histogram {
	h := hdrhistogram.New(1, time.Second.Nanoseconds(), 2)
	for _, v := range values {
		_ = h.RecordValue(v * 1000)
	}
	return h
}

// Responses are the times of slices that have response times alone.
func Responses(all ...*hdrhistogram.Histogram) []results.Times {
	times := make([]results.Times, len(all))
	for i, h := range all {
		times[i].Response = h
	}
	return times
}

// Read reads a run.
func Read(t testing.TB, dir string) *results.Record {
	t.Helper()
	r, err := results.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Reopen opens a run to go on with it.
func Reopen(t testing.TB, dir string) *results.Store {
	t.Helper()
	s, err := results.Reopen(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// Content is that of a file.
func Content(t testing.TB, path ...string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Write writes a file.
func Write(t testing.TB, text []byte, path ...string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(path...), text, 0o644); err != nil {
		t.Fatal(err)
	}
}

// Keys lists the rounds of a record and how many trials each has.
func Keys(r *results.Record) string {
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

// JSON is v as JSON and back, as a reader of summary.json sees it.
func JSON(t testing.TB, v any) map[string]any {
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

// Many is a histogram with 300 values, of which percentiles up to p50 are told.
func Many(us int64) *hdrhistogram.Histogram {
	h := Hist()
	_ = h.RecordValues(us*1000, 300)
	return h
}
