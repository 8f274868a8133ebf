package results_test

import (
	"bytes"
	"math"
	"path/filepath"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/benchctl/benchctl/results"
)

const hlog = "hist/00.concurrency-4.hello.hlog"

// latency is the latency of a's cell in what the run has recorded.
func latency(t *testing.T, dir string) *results.Latency {
	t.Helper()
	s, err := results.Summarize(read(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	return s.Cells[0].Latency
}

// The log's decimal seconds lose a ms now and then, whatever the ms; no interval
// may be lost with it, nor taken for another candidate's or another slice's.
func TestEveryIntervalIsFoundAgain(t *testing.T) {
	t.Parallel()
	s := create(t, manifest())
	var trials []results.Trial
	var hists []*hdrhistogram.Histogram
	want := hist()
	for i := range 150 {
		a, b := slice("a", 0, 0), slice("b", 0, 0)
		a.At = start.Add(time.Duration(i) * (100*time.Millisecond + 999*time.Microsecond))
		b.At = a.At
		own := hist()
		_ = own.RecordValues(int64(100+i)*1000, 9)
		want.Merge(own)
		trials, hists = append(trials, a, b), append(hists, own, hist(1))
	}
	if err := s.AppendRound(trials, responses(hists...)); err != nil {
		t.Fatal(err)
	}
	got := latency(t, s.Dir())
	for name, c := range map[string]struct {
		got  *float64
		want int64
	}{"p50": {got.P50, want.ValueAtQuantile(50)}, "p90": {got.P90, want.ValueAtQuantile(90)}, "max": {got.Max, want.Max()}} {
		if c.got == nil || *c.got != float64(c.want)/1e6 {
			t.Errorf("%s is %v, want %v", name, c.got, float64(c.want)/1e6)
		}
	}
	if n := intervals(t, s.Dir()); n != 1500 {
		t.Errorf("HdrHistogram's own reader counts %d values, want 1500", n)
	}
}

// intervals reads a log with HdrHistogram's own reader and counts the values.
func intervals(t *testing.T, dir string) int64 {
	t.Helper()
	r := hdrhistogram.NewHistogramLogReader(bytes.NewReader(content(t, dir, hlog)))
	var n int64
	for {
		h, err := r.NextIntervalHistogram()
		if err != nil {
			t.Fatal(err)
		}
		if h == nil {
			return n
		}
		if h.StartTimeMs() < start.UnixMilli()-1 || h.Tag() == "" {
			t.Errorf("an interval of %q starts at %d ms", h.Tag(), h.StartTimeMs())
		}
		n += h.TotalCount()
	}
}

// Response, service and send lag are told apart, also for a candidate whose name
// another's begins with.
func TestKindsOfTimes(t *testing.T) {
	m := manifest()
	m.Candidates[1].Name = "a#b"
	s := create(t, m)
	b := slice("a#b", 0, 0)
	b.At = slice("a", 0, 0).At // the same ms
	for range 3 {
		times := []results.Times{{Response: many(40), Service: many(30), SendLag: many(10)}, {Response: many(400), Service: many(300), SendLag: many(100)}}
		a := slice("a", 0, 0)
		a.At, b.At = b.At.Add(time.Second), b.At.Add(time.Second)
		if err := s.AppendRound([]results.Trial{a, b}, times); err != nil {
			t.Fatal(err)
		}
	}
	sum, err := results.Summarize(read(t, s.Dir()))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][3]int64{{40, 30, 10}, {400, 300, 100}} {
		c := sum.Cells[i]
		for k, l := range []*results.Latency{c.Latency, c.Service, c.SendLag} {
			if l == nil || l.P50 == nil || math.Abs(*l.P50*1000-float64(want[k])) > 0.01*float64(want[k]) || l.P99 != nil {
				t.Errorf("%s: %+v, want %d µs", c.Candidate, l, want[k])
			}
		}
	}
	if n := intervals(t, s.Dir()); n != 3*2*3*300 {
		t.Errorf("HdrHistogram's own reader counts %d values", n)
	}
}

// many is a histogram with 300 values, of which percentiles up to p50 are told.
func many(us int64) *hdrhistogram.Histogram {
	h := hist()
	_ = h.RecordValues(us*1000, 300)
	return h
}

// A process that was killed between writing histograms and trials leaves
// intervals that belong to nothing, the last one torn at any byte.
func TestTornHistograms(t *testing.T) {
	s := create(t, manifest())
	round := func(s *results.Store, n int, us int64) {
		t.Helper()
		if err := s.AppendRound([]results.Trial{slice("a", 0, n), slice("b", 0, n)}, responses(many(us), nil)); err != nil {
			t.Fatal(err)
		}
	}
	round(s, 0, 10)
	first, trials := content(t, s.Dir(), hlog), content(t, s.Dir(), "trials.jsonl")
	round(s, 1, 5000)
	s.Close()
	whole := content(t, s.Dir(), hlog)
	for _, cut := range []int{0, 1, len(first) / 2, len(first) - 1, len(first), len(first) + 1, len(first) + 20, len(whole) - 20, len(whole) - 1, len(whole)} {
		write(t, whole[:cut], s.Dir(), hlog)
		write(t, trials, s.Dir(), "trials.jsonl")
		if l := latency(t, s.Dir()); l != nil && *l.Max > 0.011 {
			t.Errorf("cut at byte %d: an interval of no trial is counted: %v ms", cut, *l.Max)
		}
		again := reopen(t, s.Dir())
		round(again, 2, 20)
		again.Close()
		if l := latency(t, s.Dir()); l == nil || *l.Max < 0.019 || *l.Max > 0.021 {
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
	s := create(t, manifest())
	if err := s.AppendRound([]results.Trial{slice("a", 0, 0)}, responses(many(10))); err != nil {
		t.Fatal(err)
	}
	text := content(t, s.Dir(), hlog)
	at := bytes.Index(text, []byte("Tag="))
	line := text[at:]
	for _, more := range []string{
		string(line), "\n", "Tag=a\n", "garbage\n", "Tag=a,x,y,z,HIST\n", "Tag=a,1.5,1.0,1.0,HISTFAAAA\n",
		string(line[:len(line)/2]) + "\n", "Tag=b" + string(line[5:]),
	} {
		write(t, append(bytes.Clone(text), more+string(line)...), s.Dir(), hlog)
		l := latency(t, s.Dir())
		if l == nil || l.P50 == nil || l.P90 != nil {
			t.Errorf("with %.20q in the log: not the 300 values that were recorded: %+v", more, l)
		}
	}
}

func TestNoHistograms(t *testing.T) {
	s := create(t, manifest())
	if err := s.AppendRound([]results.Trial{slice("a", 0, 0)}, responses(nil)); err != nil {
		t.Fatal(err)
	}
	if l := latency(t, s.Dir()); l != nil {
		t.Errorf("latency is %+v", l)
	}
	if files, _ := filepath.Glob(filepath.Join(s.Dir(), "hist", "*")); len(files) > 0 {
		t.Errorf("logs: %v", files)
	}
}
