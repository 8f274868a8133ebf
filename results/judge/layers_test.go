package judge_test

import (
	"math"
	"testing"

	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/internal/sample"
	"github.com/benchctl/benchctl/results/judge"
)

// What layers add to counts is the difference of rounds, whose interval is no wider than they are even
// of a server that allocates hardly anything.
func TestLayersAdd(t *testing.T) {
	bytes := []uint64{3, 0, 40, 1, 0, 7} // of 1000 requests each
	counted := func(m *results.Trial) {
		n := bytes[m.Round]
		if m.Candidate == "b" {
			n = bytes[5-m.Round]
		}
		m.Counters = map[string]uint64{"allocated_bytes": n, "allocations": 1000 + 2*n}
	}
	m := sample.Manifest()
	m.Candidates[1].Base, m.Candidates[1].Layers = "a", "etag+headers*2"
	s := summarize(t, m, sample.Launched(), sample.Rounds(6, counted))
	if s.Cells[0].Added != nil || len(s.Cells[1].Added) != 2 {
		t.Fatalf("added %v and %v", s.Cells[0].Added, s.Cells[1].Added)
	}
	if e := s.Cells[1].Added[judge.MetricAllocated]; e.Value != 0 || e.High < 0.01 || e.High > 0.05 || e.Low != -e.High {
		t.Errorf("bytes: %+v", *e)
	}
	// Of few slices no interval is known.
	s = summarize(t, m, sample.Launched(), sample.Rounds(2, counted))
	if e := s.Cells[1].Added[judge.MetricAllocations]; math.Abs(e.Value-0.004) > 1e-9 || e.Low != e.Value || e.High != e.Value {
		t.Errorf("allocations in two slices: %+v", *e)
	}
	// Nothing is told of a base that was not measured rightly.
	failed := sample.Launched()
	failed[0].Failure = "died"
	if s := summarize(t, m, failed, sample.Rounds(6, counted)); s.Cells[1].Added != nil {
		t.Errorf("over an invalid row: %v", s.Cells[1].Added)
	}
}
