package timeline

import (
	"cmp"
	"slices"
	"time"

	"github.com/benchctl/benchctl/bench/load/witness"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/scenarios"
)

// bin is how long the bins of a watch are.
const bin = 10 * time.Millisecond

// after is how long after the last event response times are of what is around the events.
const after = time.Second

// telling is a watch whose requests are being told.
type telling struct{ *results.Watch }

// tell notes in a watch what became of its requests. Seen are the ids that the server has
// noted, in order; none if it notes nothing.
func tell(of *results.Watch, r witness.Result, seen []uint64) {
	w := telling{of}
	w.Outcomes, w.Lost, w.Examples = make(map[string]uint64), make(map[string]uint64), make(map[string]string)
	w.Bin, w.Bins = bin, make(map[string][]uint32)
	w.Missed, w.Replaced, w.Silent = r.Missed, len(r.Replaced), len(r.Silent)
	for _, s := range r.Streams {
		if w.Streams == nil {
			w.Streams = make(map[string]uint64)
		}
		w.Streams[string(s.Outcome)]++
	}
	var lost []witness.Request
	for _, q := range r.Requests {
		if q.Outcome == witness.Unsent {
			w.Unsent++
			continue
		}
		w.Sent++
		w.count(q)
		if len(w.Events) > 0 && w.owed(q) {
			lost = append(lost, q)
			w.Lost[q.Method]++
		}
	}
	if len(seen) > 0 {
		w.reconcile(lost, seen)
	}
	if len(w.Events) > 0 {
		w.around(r.Requests, lost)
	}
}

// reconcile tells which lost requests the server has executed.
func (w telling) reconcile(lost []witness.Request, seen []uint64) {
	w.Executed, w.Unseen = new(uint64), new(uint64)
	for _, q := range lost {
		if _, has := slices.BinarySearch(seen, q.ID); has {
			*w.Executed++
		} else {
			*w.Unseen++
		}
	}
}

// count counts a request by its outcome, in all and in the bin in which it ended.
func (w telling) count(q witness.Request) {
	outcome := string(q.Outcome)
	w.Outcomes[outcome]++
	if w.Examples[outcome] == "" && q.Cause != "" {
		w.Examples[outcome] = q.Method + ": " + q.Cause
	}
	at := int(q.Ended / bin)
	for len(w.Bins[outcome]) <= at {
		w.Bins[outcome] = append(w.Bins[outcome], 0)
	}
	w.Bins[outcome][at]++
}

// first and last are when the first event began and when the last was done.
func (w telling) first() time.Duration {
	return slices.MinFunc(w.Events, func(a, b results.Happened) int { return cmp.Compare(a.Began, b.Began) }).Began
}

func (w telling) last() time.Duration {
	return slices.MaxFunc(w.Events, func(a, b results.Happened) int { return cmp.Compare(a.Done, b.Done) }).Done
}

// stops tells whether the server was asked to serve no longer.
func (w telling) stops() bool {
	return slices.ContainsFunc(w.Events, func(e results.Happened) bool { return scenarios.Event{Do: e.Do}.Stops() })
}

// owed tells whether the server owed a reply that it did not give. One that was asked to
// stop owes nothing to whom it does not let in.
func (w telling) owed(q witness.Request) bool {
	return q.Outcome.Lost() && (q.Outcome != witness.Refused || !w.stops() || q.Ended < w.first())
}

// around tells how it was around the events.
func (w telling) around(requests []witness.Request, lost []witness.Request) {
	first, last := w.first(), w.last()
	var before, around, ends []time.Duration
	for _, q := range requests {
		if q.Outcome != witness.Completed {
			continue
		}
		ends = append(ends, q.Ended)
		switch {
		case q.Sent < first:
			before = append(before, q.Ended-q.Sent)
		case q.Sent <= last+after:
			around = append(around, q.Ended-q.Sent)
		}
	}
	w.Before, w.Around = percentile99(before), percentile99(around)
	if !w.stops() {
		w.stall(ends, first)
		w.Recovery = new(time.Duration)
		for _, q := range lost {
			*w.Recovery = max(*w.Recovery, q.Ended-first)
		}
	}
	w.handOver(requests, first)
}

// percentile99 is the 99th percentile, nil of fewer than 100 values, of which it would be
// the largest.
func percentile99(values []time.Duration) *time.Duration {
	if len(values) < 100 {
		return nil
	}
	slices.Sort(values)
	return &values[(len(values)*99+99)/100-1]
}

// stall finds the longest time without a right reply from the first event to the end.
func (w telling) stall(ends []time.Duration, first time.Duration) {
	slices.Sort(ends)
	w.Stall = new(time.Duration)
	from := first
	for _, at := range append(ends, w.Length) {
		if at > first && at-from > *w.Stall {
			*w.Stall, w.StallFrom = at-from, from
		}
		from = max(first, at)
	}
}

// process is what answers: a process, and the app as it was loaded in it.
type process struct {
	pid  int
	born int64
}

// handOver tells when old processes gave their last reply and new ones their first.
func (w telling) handOver(requests []witness.Request, first time.Duration) {
	old := make(map[process]bool)
	for _, q := range requests {
		if q.PID > 0 && q.Sent < first {
			old[process{q.PID, q.Born}] = true
		}
	}
	if len(old) == 0 {
		return
	}
	var lastOld, firstNew time.Duration
	changed := false
	for _, q := range requests {
		switch {
		case q.PID == 0:
		case old[process{q.PID, q.Born}]:
			lastOld = max(lastOld, q.Ended)
		case !changed || q.Ended < firstNew:
			changed, firstNew = true, q.Ended
		}
	}
	w.Changed = &changed
	if drain := max(0, lastOld-first); changed || w.stops() {
		w.Drain = &drain
	}
	if overlap := lastOld - firstNew; changed {
		w.Overlap = &overlap
	}
}
