package timeline

import (
	"maps"
	"testing"
	"time"

	"github.com/benchctl/benchctl/bench/load/witness"
	"github.com/benchctl/benchctl/results"
)

const tick = time.Millisecond

// steady is a request every 10 ms for two seconds, answered within a ms by process 1, and
// by process 2 from 1.1 s on. The event is at 1 s.
func steady() witness.Result {
	var r witness.Result
	for n := range 200 {
		q := witness.Request{ID: uint64(n + 1), Method: "GET", Sent: time.Duration(n) * 10 * tick, Outcome: witness.Completed, PID: 1, Born: 7}
		if n%2 == 1 {
			q.Method = "POST"
		}
		if q.Ended = q.Sent + tick; q.Sent >= 1100*tick {
			q.PID = 2
		}
		r.Requests = append(r.Requests, q)
	}
	return r
}

func told(do string, r witness.Result, seen ...uint64) *results.Watch {
	w := &results.Watch{Length: 2 * time.Second, Events: []results.Happened{{Do: do, Began: time.Second, Done: time.Second + tick}}}
	ids := witness.IDs{}
	for _, id := range seen {
		ids[id] = struct{}{}
	}
	tell(w, r, ids)
	return w
}

func TestTellNothingLost(t *testing.T) {
	w := told("reload", steady())
	if w.Sent != 200 || !maps.Equal(w.Outcomes, map[string]uint64{"completed": 200}) || w.LostAll() != 0 || *w.Recovery != 0 || w.Executed != nil {
		t.Errorf("%+v", w)
	}
	if *w.Before != tick || w.Around == nil || *w.Around != tick || *w.Stall != 10*tick || !*w.Changed {
		t.Errorf("before %v, around %v, stall %v, changed %v", w.Before, w.Around, w.Stall, w.Changed)
	}
	// Process 1 gave its last reply at 1091 ms, and 2 its first at 1101 ms.
	if *w.Drain != 91*tick || *w.Overlap != -10*tick {
		t.Errorf("drain %v, overlap %v", *w.Drain, *w.Overlap)
	}
	if n := w.Good[100]; n != 1 {
		t.Errorf("%d completed in the bin of 1 s", n)
	}
}

func TestTellLost(t *testing.T) {
	r := steady()
	for n, outcome := range map[int]witness.Outcome{105: witness.Reset, 106: witness.Closed, 108: witness.TimedOut, 109: witness.Unfinished, 110: witness.Unsent} {
		r.Requests[n].Outcome, r.Requests[n].PID, r.Requests[n].Cause = outcome, 0, "cause of "+string(outcome)
	}
	w := told("reload", r, 3, 106)
	if !maps.Equal(w.LostByMethod, map[string]uint64{"GET": 2, "POST": 1}) || !maps.Equal(w.Lost, map[string]uint64{"reset": 1, "closed": 1, "timed-out": 1}) || *w.Executed != 1 || *w.Unseen != 2 || w.Unsent != 1 || w.Sent != 199 {
		t.Errorf("lost %v, executed %v, unseen %v, unsent %d of %d", w.Lost, w.Executed, w.Unseen, w.Unsent, w.Sent)
	}
	// The last lost one was sent at 1080 ms; replies are missing from 1041 ms to 1071, and 1071 to 1111.
	if *w.Recovery != 80*tick || *w.Stall != 40*tick || w.StallFrom != 1071*tick || w.Bad[108] != 1 || w.Examples["reset"] != "POST: cause of reset" {
		t.Errorf("recovery %v, stall %v from %v, examples %v", *w.Recovery, *w.Stall, w.StallFrom, w.Examples)
	}
}

// A server that is asked to stop owes nothing to whom it does not let in, and has no
// recovery; one that was to reload does.
func TestTellStop(t *testing.T) {
	r := steady()
	for n := 100; n < 200; n++ {
		r.Requests[n].Outcome, r.Requests[n].PID = witness.Refused, 0
	}
	r.Requests[50].Outcome = witness.Refused // before it was asked
	r.Requests[101].Outcome = witness.Reset
	w := told("stop-graceful", r)
	if w.LostAll() != 1 || w.LostBefore != 1 || w.Recovery != nil || w.Stall != nil || w.Drain == nil || *w.Drain != 0 {
		t.Errorf("lost %v, recovery %v, stall %v, drain %v", w.Lost, w.Recovery, w.Stall, w.Drain)
	}
	if w := told("reload", r); w.LostAll() != 100 || w.LostBefore != 1 || *w.Recovery != 990*tick || *w.Stall != time.Second {
		t.Errorf("by a reload: lost %v, recovery %v, stall %v", w.Lost, *w.Recovery, *w.Stall)
	}
}

// Where replies don't tell who made them, nothing is said of that.
func TestTellUnknownProcesses(t *testing.T) {
	r := steady()
	for n := range r.Requests {
		r.Requests[n].PID = 0
	}
	if w := told("reload", r); w.Changed != nil || w.Overlap != nil || w.Drain != nil {
		t.Errorf("%+v", w)
	}
	r = steady()
	for n := range r.Requests {
		r.Requests[n].PID = 1
	}
	if w := told("reload", r); w.Changed == nil || *w.Changed || w.Overlap != nil || w.Drain != nil {
		t.Errorf("one process: %+v", w)
	}
}

// A straggler that is answered after the load is no stall, who waited for its reply at the
// event is not of before, and the first request of a connection tells of its opening: of 100
// requests, 98 are too few for a percentile.
func TestTellEdges(t *testing.T) {
	r := steady()
	r.Requests[199].Ended = 9 * time.Second
	r.Requests[99].Ended, r.Requests[99].PID = 1050*tick, 2 // it waited, and the new one took it
	r.Requests[10].First, r.Requests[10].Ended = true, 900*tick
	w := told("reload", r)
	if *w.Stall != 19*tick || w.Before != nil || *w.Overlap != 41*tick || *w.Drain != 91*tick {
		t.Errorf("stall %v, before %v, overlap %v, drain %v", *w.Stall, w.Before, *w.Overlap, *w.Drain)
	}
}

// Of requests that race with the end of their connection those are lost, and no others.
func TestTellRaced(t *testing.T) {
	r := steady()
	r.Race = &witness.Race{Limit: time.Second, Closed: []time.Duration{7}, Kept: 1, Ending: 2}
	r.Replaced = make([]witness.Ended, 3)
	for n := range r.Requests {
		r.Requests[n].Raced = n%4 > 1
	}
	for n, outcome := range map[int]witness.Outcome{2: witness.Reset, 3: witness.Closed, 4: witness.Reset, 6: witness.Unfinished, 7: witness.TimedOut} {
		r.Requests[n].Outcome = outcome
	}
	w := &results.Watch{Length: 2 * time.Second}
	tell(w, r, witness.IDs{1: {}, 4: {}, 5: {}}) // ids count from 1
	race := w.Race
	if race == nil || !maps.Equal(race.Outcomes["GET"], map[string]uint64{"completed": 48, "reset": 1}) || !maps.Equal(race.Outcomes["POST"], map[string]uint64{"completed": 48, "closed": 1, "timed-out": 1}) {
		t.Fatalf("race is %+v", race)
	}
	if sent, lost := race.Of("POST"); sent != 50 || lost != 2 || race.Found != 3 || race.Kept != 1 || race.Ending != 2 {
		t.Errorf("race is %+v", race)
	}
	if w.LostAll() != 3 || w.LostBefore != 1 || *w.Executed != 1 || *w.Unseen != 2 || w.LostByMethod["POST"] != 2 || w.Recovery != nil || w.Stall != nil {
		t.Errorf("lost %v, before %d, executed %v, unseen %v", w.Lost, w.LostBefore, *w.Executed, *w.Unseen)
	}
}

// A stream that is cut is lost. One that the client ends is not.
func TestTellStreams(t *testing.T) {
	r := steady()
	r.Streams = []witness.Request{
		{ID: 900, Method: "GET", Ended: 1100 * tick, Outcome: witness.Truncated}, {ID: 901, Method: "GET", Ended: 2 * time.Second, Outcome: witness.Unfinished},
	}
	if w := told("reload", r); w.LostAll() != 1 || w.LostByMethod[results.StreamMethod] != 1 || w.Streams["unfinished"] != 1 {
		t.Errorf("%+v", w)
	}
}

// aroundBreak is a watch of two seconds around a reload of what is broken, at 0.7 s, and one
// of what was mended, at 1.3 s.
func aroundBreak(r witness.Result) *results.Watch {
	w := &results.Watch{Length: 2 * time.Second}
	for n, do := range []string{"break", "reload", "mend", "reload"} {
		at := []time.Duration{500, 700, 1000, 1300}[n] * tick
		w.Events = append(w.Events, results.Happened{Do: do, Began: at, Done: at})
	}
	tell(w, r, witness.IDs{})
	return w
}

// The old one serves on by the first reload, and the new one takes over by the second.
func TestTellKept(t *testing.T) {
	r := steady()
	for n := range r.Requests {
		if r.Requests[n].PID = 1; r.Requests[n].Sent >= 1400*tick {
			r.Requests[n].PID = 2
		}
	}
	r.Requests[71].Outcome = witness.Reset // at 0.71 s
	w := aroundBreak(r)
	first, second := w.Events[1].Then, w.Events[3].Then
	if first == nil || !first.Broken || first.New == nil || *first.New || first.Right != 15 || first.Wrong != 0 {
		t.Errorf("the broken one: %+v", first)
	}
	if second == nil || second.Broken || second.New == nil || !*second.New || second.Right != 35 {
		t.Errorf("the whole one: %+v", second)
	}
	if w.Events[0].Then != nil || w.Events[2].Then != nil || len(w.Done()) != 2 {
		t.Errorf("%+v", w.Events)
	}
	// What is lost is told from the first reload on, and the hand-over of the second.
	if w.LostAll() != 1 || *w.Recovery != 10*tick || !*w.Changed || *w.Drain != 91*tick || *w.Overlap != -10*tick {
		t.Errorf("lost %v, recovery %v, changed %v, drain %v, overlap %v", w.Lost, w.Recovery, w.Changed, w.Drain, w.Overlap)
	}
}

// After the first reload come errors, and after the second what does not tell who made it.
func TestTellErrors(t *testing.T) {
	r := steady()
	for n := range r.Requests {
		switch q := &r.Requests[n]; {
		case q.Sent >= 1300*tick:
			q.PID = 0
		case q.Sent >= 700*tick:
			q.Outcome, q.PID = witness.Wrong, 0
		}
	}
	w := aroundBreak(r)
	first, second := w.Events[1].Then, w.Events[3].Then
	if first.New != nil || first.Right != 0 || first.Wrong != 15 || second.New != nil || second.Right != 35 {
		t.Errorf("%+v, %+v", first, second)
	}
}
