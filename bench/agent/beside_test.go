package agent

import (
	"slices"
	"testing"
	"time"

	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/servers/control/proc"
)

// The processes that used most between two readings are named, most first: not those that
// hardly ran, nor those that ran elsewhere; a number that was given again counts from 0.
func TestBusiest(t *testing.T) {
	began := time.Now()
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	table := func(all ...proc.Process) map[int]proc.Process {
		by := make(map[int]proc.Process)
		for _, p := range all {
			by[p.PID] = p
		}
		return by
	}
	before := reading{at: began, others: table(
		proc.Process{PID: 1, Name: "old", CPU: ms(9000)},
		proc.Process{PID: 2, Name: "worker", CPU: ms(500), Processor: 1},
		proc.Process{PID: 3, Name: "ended", CPU: ms(700)},
		proc.Process{PID: 4, Name: "elsewhere"},
		proc.Process{PID: 5, Name: "same number", CPU: ms(800)},
		proc.Process{PID: 6, Name: "little", CPU: ms(0)},
	)}
	after := reading{at: began.Add(time.Second), others: table(
		proc.Process{PID: 1, Name: "old", CPU: ms(9000)},
		proc.Process{PID: 2, Name: "worker", CPU: ms(700), Processor: 1},
		proc.Process{PID: 4, Name: "elsewhere", CPU: ms(900), Processor: 3},
		proc.Process{PID: 5, Name: "new", CPU: ms(100)},
		proc.Process{PID: 6, Name: "little", CPU: ms(10)},
		proc.Process{PID: 7, Name: "born", CPU: ms(300)},
		proc.Process{PID: 8, Name: "fourth", CPU: ms(50)},
	)}
	want := []results.Foreign{{PID: 7, Name: "born", CPU: ms(300)}, {PID: 2, Name: "worker", CPU: ms(200)}, {PID: 5, Name: "new", CPU: ms(100)}}
	pinned := &beside{servers: []int{0}, loader: []int{1}}
	if got := pinned.busiest(before, after); !slices.Equal(got, want) {
		t.Errorf("busiest are %+v, want %+v", got, want)
	}
	unpinned := &beside{}
	if got := unpinned.busiest(before, after); len(got) != mostBusy || got[0].Name != "elsewhere" {
		t.Errorf("where nothing is pinned: %+v", got)
	}
}
