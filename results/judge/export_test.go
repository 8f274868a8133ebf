package judge_test

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/internal/sample"
	"github.com/benchctl/benchctl/results/judge"
)

// exported is a run of one cell of 6 slices with times of all kinds.
func exported(t *testing.T) (cell judge.CellTimes, want *hdrhistogram.Histogram) {
	t.Helper()
	m := sample.Manifest()
	m.Blocks = append(m.Blocks, m.Blocks[0]) // of which nothing was measured
	s := sample.Create(t, m)
	want = sample.Hist()
	for r := range 6 {
		h := sample.Hist()
		for v := range int64(2000) {
			_ = h.RecordValue((v*v%7919 + 10) * 1000)
		}
		_ = h.RecordValue(int64(r+1) * 50_000_000)
		want.Merge(h)
		if err := s.AppendRound([]results.Trial{sample.Slice("a", 0, r)}, []results.Times{{Response: h, Service: sample.Many(30), SendLag: sample.Many(10)}}); err != nil {
			t.Fatal(err)
		}
	}
	cells, err := judge.Times(sample.Read(t, s.Dir()))
	if err != nil || len(cells) != 1 {
		t.Fatalf("%d cells, %v", len(cells), err)
	}
	return cells[0], want
}

func TestCellTimes(t *testing.T) {
	c, want := exported(t)
	if c.Scenario != "concurrency-4" || c.App != "hello" || c.Candidate != "a" || !c.From.Equal(sample.Start) || !c.To.Equal(sample.Start.Add(50*time.Second+100*time.Millisecond)) {
		t.Errorf("cell %+v", c)
	}
	if !c.Response.Equals(want) || c.Service.TotalCount() != 1800 || c.SendLag.TotalCount() != 1800 {
		t.Errorf("%d responses, %d service times, %d lags", c.Response.TotalCount(), c.Service.TotalCount(), c.SendLag.TotalCount())
	}
}

// Where a row is that of the uninterrupted passes, so are the times.
func TestCellTimesOfPasses(t *testing.T) {
	m := sample.Manifest()
	m.Passes = 1
	s := sample.Create(t, m)
	for r := range 6 {
		if err := s.AppendRound([]results.Trial{sample.Slice("a", 0, r)}, sample.Responses(sample.Many(10))); err != nil {
			t.Fatal(err)
		}
	}
	p := pass("a", 0)
	p.Counted, p.Answered = p.Counted/2, p.Answered/2
	if err := s.AppendPasses([]results.Trial{p}, sample.Responses(sample.Many(30))); err != nil {
		t.Fatal(err)
	}
	cells, err := judge.Times(sample.Read(t, s.Dir()))
	if err != nil || len(cells) != 1 {
		t.Fatalf("%d cells, %v", len(cells), err)
	}
	if c := cells[0]; c.Response.TotalCount() != sample.Many(30).TotalCount() || !c.From.Equal(p.At) || !c.To.Equal(p.At.Add(p.Wall)) {
		t.Errorf("%d times from %v to %v", c.Response.TotalCount(), c.From, c.To)
	}
}

// HdrHistogram's own reader finds the very histogram in an exported log.
func TestWriteLog(t *testing.T) {
	c, want := exported(t)
	var text bytes.Buffer
	if err := results.WriteLog(&text, c.Response, c.From, c.To); err != nil {
		t.Fatal(err)
	}
	r := hdrhistogram.NewHistogramLogReader(&text)
	h, err := r.NextIntervalHistogram()
	if err != nil || h == nil || !h.Equals(want) || h.Tag() != "" || h.StartTimeMs() != c.From.UnixMilli() || h.EndTimeMs()-h.StartTimeMs() != 50_100 {
		t.Fatalf("read %+v, %v", h, err)
	}
	if more, err := r.NextIntervalHistogram(); more != nil || err != nil {
		t.Errorf("more: %v, %v", more, err)
	}
}

// Each line of a percentile distribution tells what the histogram does.
func TestWritePercentiles(t *testing.T) {
	c, want := exported(t)
	var text bytes.Buffer
	if err := results.WritePercentiles(&text, c.Response); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(text.String()), "\n")
	if got := strings.Fields(lines[0]); strings.Join(got, " ") != "Value Percentile TotalCount 1/(1-Percentile)" {
		t.Errorf("head %q", got)
	}
	rows, last := 0, int64(0)
	for _, line := range lines[2 : len(lines)-3] {
		var value, percentile, inverse float64
		var count int64
		if n, err := fmt.Sscan(line, &value, &percentile, &count, &inverse); n < 3 || err != nil && percentile < 1 {
			t.Fatalf("%q: %v", line, err)
		}
		var upTo int64
		for _, bar := range want.Distribution() {
			if float64(bar.To) <= (value+0.0005)*1e6 {
				upTo += bar.Count
			}
		}
		if count != upTo || count < last || float64(count) < percentile*float64(want.TotalCount())-0.01 {
			t.Errorf("%q: the histogram has %d values up to there", line, upTo)
		}
		if percentile < 0.999 && math.Abs(inverse*(1-percentile)-1) > 0.01 {
			t.Errorf("%q: not 1/(1-percentile)", line)
		}
		rows, last = rows+1, count
	}
	if rows < 20 || last != want.TotalCount() {
		t.Errorf("%d rows, up to %d of %d", rows, last, want.TotalCount())
	}
	var mean, deviation, most float64
	var total int64
	if n, err := fmt.Sscanf(strings.Join(strings.Fields(strings.Join(lines[len(lines)-3:len(lines)-1], " ")), " "),
		"#[Mean = %f, StdDeviation = %f] #[Max = %f, Total count = %d]", &mean, &deviation, &most, &total); n != 4 {
		t.Fatalf("foot %q: %v", lines[len(lines)-3:], err)
	}
	if math.Abs(mean-want.Mean()/1e6) > 0.001 || math.Abs(deviation-want.StdDev()/1e6) > 0.001 || math.Abs(most-float64(want.Max())/1e6) > 0.001 || total != want.TotalCount() {
		t.Errorf("foot %v %v %v %v", mean, deviation, most, total)
	}
}
