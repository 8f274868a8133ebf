package site_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/benchctl/benchctl/report"
	"github.com/benchctl/benchctl/report/internal/fixture"
	"github.com/benchctl/benchctl/report/site"
	"github.com/benchctl/benchctl/results/judge"
)

// fullRuns is how many runs have all pages, as of "benchctl report".
const fullRuns = 20

// BenchmarkBuild writes a site of many runs, each of 12 scenarios and 33 candidates and with a report of its own, and then
// that of a run more. "make site-bench" runs it with 1,000 runs.
func BenchmarkBuild(b *testing.B) {
	store, out := b.TempDir(), filepath.Join(b.TempDir(), "site")
	runs := measured(b, store)
	for b.Loop() {
		start := time.Now()
		build(b, out, runs[1:])
		b.ReportMetric(time.Since(start).Seconds(), "s/site")
		start = time.Now()
		build(b, out, runs)
		b.ReportMetric(time.Since(start).Seconds(), "s/more")
	}
	b.ReportMetric(peak(b), "MiB-peak")
	b.ReportMetric(size(b, out), "MiB-site")
}

// measured stores runs, and one more, the newest first. Those whose summary is not read share one, as all would take 4 GB.
func measured(b *testing.B, store string) (runs []string) {
	b.Helper()
	n, err := strconv.Atoi(cmp.Or(os.Getenv("SITE_RUNS"), "30"))
	if err != nil {
		b.Fatal(err)
	}
	s := fixture.Sweep(12, 33)
	d := report.New(s).Digest()
	for i := range n + 1 {
		s := *s
		s.Run.ID, s.Run.Started = fmt.Sprintf("run-%05d", n-i), s.Run.Started.Add(-time.Duration(i)*time.Hour)
		if i > fullRuns {
			s.Cells, s.Pairs = nil, nil
		}
		dir := keep(b, store, &s)
		d.ID, d.Started = s.Run.ID, s.Run.Started
		writeJSON(b, filepath.Join(dir, "report", "digest.json"), d)
		runs = append(runs, dir)
	}
	return runs
}

func build(b *testing.B, out string, runs []string) {
	b.Helper()
	if err := site.Build(out, runs, site.Options{Version: "v1", Full: fullRuns}); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkSummaries writes a site of runs that have a summary but no report, so that each summary is read.
func BenchmarkSummaries(b *testing.B) {
	store, out := b.TempDir(), filepath.Join(b.TempDir(), "site")
	const n = 20
	var runs []string
	for i := range n {
		runs = append(runs, keep(b, store, at(fixture.Sweep(12, 33), fmt.Sprintf("run-%d", i), i)))
	}
	for b.Loop() {
		if err := site.Build(out, runs, site.Options{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()/n/float64(b.N), "s/run")
}

// peak is the most memory that the process had, in MiB, as Linux tells it.
func peak(b *testing.B) float64 {
	b.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Skip(err)
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	kib, err := strconv.ParseFloat(strings.Fields(after)[0], 64)
	if err != nil {
		b.Fatal(err)
	}
	return kib / 1024
}

// size is what the files of a directory have, in MiB.
func size(b *testing.B, dir string) (mib float64) {
	b.Helper()
	err := filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			mib += float64(info.Size()) / (1 << 20)
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return mib
}

func writeJSON(t testing.TB, path string, v any) {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
}

// at makes a summary a run of its own: with that id, begun so many hours after others.
func at(s *judge.Summary, id string, hours int) *judge.Summary {
	s.Run.ID, s.Run.Started = id, s.Run.Started.Add(time.Duration(hours)*time.Hour)
	return s
}
