package judge_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/internal/sample"
	"github.com/benchctl/benchctl/results/judge"
)

// Idle connections beside the load are told with their memory, and a server that
// does not keep them has a reservation.
func TestIdleConnections(t *testing.T) {
	for kept, want := range map[int]judge.Verdict{4950: judge.Valid, 4900: judge.Degraded} {
		m := sample.Manifest()
		m.Blocks[0].Load.Idle = 5000
		kib := 3.5
		cell := summarize(t, m, sample.Launched(), sample.Rounds(6, func(tr *results.Trial) { tr.IdleKept, tr.IdleKiB = kept+tr.Round, &kib })).Cells[0]
		if cell.Idle == nil || cell.Idle.Asked != 5000 || cell.Idle.Kept != kept || cell.Idle.KiB == nil || *cell.Idle.KiB != 3.5 {
			t.Errorf("idle connections: %+v", cell.Idle)
		}
		said := slices.ContainsFunc(judge.Texts(cell.Reasons), func(r string) bool { return strings.HasPrefix(r, "idle connections: the server kept 4900 of 5000") })
		if cell.Verdict != want || said != (want == judge.Degraded) {
			t.Errorf("%d kept: %s %q", kept, cell.Verdict, cell.Reasons)
		}
	}
}

// Candidates that do not carry an app have no cell with it, and no one's rank
// depends on them.
func TestWithout(t *testing.T) {
	m := sample.Manifest()
	m.Blocks[0].Without = []string{m.Candidates[0].Name}
	trials := slices.DeleteFunc(sample.Rounds(6, nil), func(tr results.Trial) bool { return tr.Candidate == m.Candidates[0].Name })
	for i := range trials {
		trials[i].Of = 1
	}
	sum := summarize(t, m, sample.Launched(), trials)
	if len(sum.Cells) != len(m.Candidates)-1 || sum.Cells[0].Candidate != m.Candidates[1].Name || sum.Cells[0].Rank != 1 || sum.Cells[0].Verdict != judge.Valid {
		t.Errorf("cells %+v", sum.Cells)
	}
	if sum.Run.Status != judge.StatusComplete {
		t.Errorf("the run is %s", sum.Run.Status)
	}
}

// Bytes on the wire per second are all that was received over all the time, as the
// throughput is; nobody knows them of an engine that does not tell.
func TestWireRate(t *testing.T) {
	cell := summarize(t, sample.Manifest(), sample.Launched(), sample.Rounds(6, func(tr *results.Trial) { tr.WireIn = uint64(1 << (10 + tr.Round)) })).Cells[0]
	if want := float64(1<<10*63) / 6 * 10; cell.WireRate == nil || *cell.WireRate != want {
		t.Errorf("%v bytes per second, not %v", cell.WireRate, want)
	}
	if cell := summarize(t, sample.Manifest(), sample.Launched(), sample.Rounds(6, nil)).Cells[0]; cell.WireRate != nil {
		t.Errorf("%v bytes per second of an engine that does not tell", *cell.WireRate)
	}
}

// Bytes of bodies per second are the median of the slices.
func TestBodyRate(t *testing.T) {
	cell := summarize(t, sample.Manifest(), sample.Launched(), sample.Rounds(6, func(tr *results.Trial) { tr.BytesIn = uint64(1300 * (1 + tr.Round)) })).Cells[0]
	if cell.BodyRate == nil || *cell.BodyRate != 1300*3.5*10 {
		t.Errorf("%v bytes per second", cell.BodyRate)
	}
}
