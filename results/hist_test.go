package results_test

import (
	"bytes"
	"errors"
	"io/fs"
	"math"
	"path/filepath"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/internal/sample"
	"github.com/benchctl/benchctl/results/judge"
)

const hlog = "hist/00.concurrency-4.hello.hlog"

// latency is the response times of a in what the run has recorded; nil: there are none.
func latency(t *testing.T, dir string) *hdrhistogram.Histogram {
	t.Helper()
	r := sample.Read(t, dir)
	times, err := r.Times(0, r.Trials)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return times["a"].Response
}

// The log's decimal seconds lose a ms now and then, whatever the ms; no interval
// may be lost with it, nor taken for another candidate's or another slice's.
func TestEveryIntervalIsFoundAgain(t *testing.T) {
	t.Parallel()
	s := sample.Create(t, sample.Manifest())
	var trials []results.Trial
	var hists []*hdrhistogram.Histogram
	want := sample.Hist()
	for i := range 150 {
		a, b := sample.Slice("a", 0, 0), sample.Slice("b", 0, 0)
		a.At = sample.Start.Add(time.Duration(i) * (100*time.Millisecond + 999*time.Microsecond))
		b.At = a.At
		own := sample.Hist()
		_ = own.RecordValues(int64(100+i)*1000, 9)
		want.Merge(own)
		trials, hists = append(trials, a, b), append(hists, own, sample.Hist(1))
	}
	if err := s.AppendRound(trials, sample.Responses(hists...)); err != nil {
		t.Fatal(err)
	}
	got := latency(t, s.Dir())
	for _, q := range []float64{50, 90, 100} {
		if got, want := got.ValueAtQuantile(q), want.ValueAtQuantile(q); got != want {
			t.Errorf("p%g is %v, want %v", q, got, want)
		}
	}
	if n := intervals(t, s.Dir()); n != 1500 {
		t.Errorf("HdrHistogram's own reader counts %d values, want 1500", n)
	}
}

// intervals reads a log with HdrHistogram's own reader and counts the values.
func intervals(t *testing.T, dir string) int64 {
	t.Helper()
	r := hdrhistogram.NewHistogramLogReader(bytes.NewReader(sample.Content(t, dir, hlog)))
	var n int64
	for {
		h, err := r.NextIntervalHistogram()
		if err != nil {
			t.Fatal(err)
		}
		if h == nil {
			return n
		}
		if h.StartTimeMs() < sample.Start.UnixMilli()-1 || h.Tag() == "" {
			t.Errorf("an interval of %q starts at %d ms", h.Tag(), h.StartTimeMs())
		}
		n += h.TotalCount()
	}
}

// Response, service and send lag are distinguished, also for a candidate whose name
// another's begins with.
func TestKindsOfTimes(t *testing.T) {
	m := sample.Manifest()
	m.Candidates[1].Name = "a#b"
	s := sample.Create(t, m)
	b := sample.Slice("a#b", 0, 0)
	b.At = sample.Slice("a", 0, 0).At // the same ms
	for range 3 {
		times := []results.Times{{Response: sample.Many(40), Service: sample.Many(30), SendLag: sample.Many(10)}, {Response: sample.Many(400), Service: sample.Many(300), SendLag: sample.Many(100)}}
		a := sample.Slice("a", 0, 0)
		a.At, b.At = b.At.Add(time.Second), b.At.Add(time.Second)
		if err := s.AppendRound([]results.Trial{a, b}, times); err != nil {
			t.Fatal(err)
		}
	}
	sum, err := judge.Summarize(sample.Read(t, s.Dir()))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][3]int64{{40, 30, 10}, {400, 300, 100}} {
		c := sum.Cells[i]
		for k, l := range []*judge.Latency{c.Latency, c.Service, c.SendLag} {
			if l == nil || l.P50 == nil || math.Abs(*l.P50*1000-float64(want[k])) > 0.01*float64(want[k]) || l.P99 != nil {
				t.Errorf("%s: %+v, want %d µs", c.Candidate, l, want[k])
			}
		}
	}
	if n := intervals(t, s.Dir()); n != 3*2*3*300 {
		t.Errorf("HdrHistogram's own reader counts %d values", n)
	}
}

// A process that was killed between writing histograms and trials leaves
// intervals that belong to nothing, the last one torn at any byte.
func TestTornHistograms(t *testing.T) {
	s := sample.Create(t, sample.Manifest())
	round := func(s *results.Store, n int, us int64) {
		t.Helper()
		if err := s.AppendRound([]results.Trial{sample.Slice("a", 0, n), sample.Slice("b", 0, n)}, sample.Responses(sample.Many(us), nil)); err != nil {
			t.Fatal(err)
		}
	}
	round(s, 0, 10)
	first, trials := sample.Content(t, s.Dir(), hlog), sample.Content(t, s.Dir(), "trials.jsonl")
	round(s, 1, 5000)
	s.Close()
	whole := sample.Content(t, s.Dir(), hlog)
	for _, cut := range []int{0, 1, len(first) / 2, len(first) - 1, len(first), len(first) + 1, len(first) + 20, len(whole) - 20, len(whole) - 1, len(whole)} {
		sample.Write(t, whole[:cut], s.Dir(), hlog)
		sample.Write(t, trials, s.Dir(), "trials.jsonl")
		if l := latency(t, s.Dir()); l != nil && l.Max() > 11_000 {
			t.Errorf("cut at byte %d: an interval of no trial is counted: %v ns", cut, l.Max())
		}
		again := sample.Reopen(t, s.Dir())
		round(again, 2, 20)
		again.Close()
		if l := latency(t, s.Dir()); l == nil || l.Max() < 19_000 || l.Max() > 21_000 {
			t.Errorf("cut at byte %d, and resumed: latency is %+v", cut, l)
		}
		want := int64(300)
		if cut >= len(first) {
			want += 300
		}
		if cut == len(whole) {
			want += 300
		}
		if n := intervals(t, s.Dir()); n != want {
			t.Errorf("cut at byte %d, and resumed: HdrHistogram's own reader counts %d values, want %d", cut, n, want)
		}
	}
}

func TestDamagedAndDoubleIntervals(t *testing.T) {
	s := sample.Create(t, sample.Manifest())
	if err := s.AppendRound([]results.Trial{sample.Slice("a", 0, 0)}, sample.Responses(sample.Many(10))); err != nil {
		t.Fatal(err)
	}
	text := sample.Content(t, s.Dir(), hlog)
	at := bytes.Index(text, []byte("Tag="))
	line := text[at:]
	for _, more := range []string{
		string(line), "\n", "Tag=a\n", "garbage\n", "Tag=a,x,y,z,HIST\n", "Tag=a,1.5,1.0,1.0,HISTFAAAA\n",
		string(line[:len(line)/2]) + "\n", "Tag=b" + string(line[5:]),
	} {
		sample.Write(t, append(bytes.Clone(text), more+string(line)...), s.Dir(), hlog)
		l := latency(t, s.Dir())
		if l == nil || l.TotalCount() != 300 {
			t.Errorf("with %.20q in the log: not the 300 values that were recorded: %+v", more, l)
		}
	}
}

func TestNoHistograms(t *testing.T) {
	s := sample.Create(t, sample.Manifest())
	if err := s.AppendRound([]results.Trial{sample.Slice("a", 0, 0)}, sample.Responses(nil)); err != nil {
		t.Fatal(err)
	}
	if l := latency(t, s.Dir()); l != nil {
		t.Errorf("latency is %+v", l)
	}
	if files, _ := filepath.Glob(filepath.Join(s.Dir(), "hist", "*")); len(files) > 0 {
		t.Errorf("logs: %v", files)
	}
}
