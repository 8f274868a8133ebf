package harness

import (
	"testing"
	"time"

	"github.com/benchctl/benchctl/bench/plan"
)

func TestFloorSize(t *testing.T) {
	for _, d := range []time.Duration{800 * time.Millisecond, 1600 * time.Millisecond, 8 * time.Second, 24 * time.Second, 48 * time.Minute} {
		launches, rounds := floorSize(d)
		if launches < 1 || launches > plan.DefaultLaunches || rounds < 6 || rounds%2 != 0 {
			t.Errorf("%v: %d launches, %d rounds", d, launches, rounds)
		}
	}
}

// What is planned is a server and itself, with the connections that the sink is loaded by.
func TestFloorPlan(t *testing.T) {
	m, candidates, err := Calibration{}.floorPlan(t.Context(), 24*time.Second)
	if err != nil || len(m.Blocks) != 1 || len(m.Candidates) != 2 || len(candidates) != 2 {
		t.Fatalf("%+v, %v, %v", m, candidates, err)
	}
	if a, b := m.Candidates[0], m.Candidates[1]; a.Server != b.Server || a.Version != b.Version || a.Name == b.Name {
		t.Errorf("%+v against %+v", a, b)
	}
	if l := m.Blocks[0].Load; l.Connections != floorConnections || l.Open() || m.Passes != 0 {
		t.Errorf("the load is %+v, passes %d", l, m.Passes)
	}
}
