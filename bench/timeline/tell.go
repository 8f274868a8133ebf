package timeline

import (
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
type telling struct {
	*results.Watch
	first, last time.Duration // when the first event began, and when the last was done
	whole       time.Duration // when the first event began that was to bring other processes; first where none was
	stopped     time.Duration // when it was asked to stop; 0: it was not
	races       bool          // requests are to be lost by the end of idle connections alone
}

// tell notes in a watch what became of its requests. Seen are the ids that the server has
// noted; none if it notes nothing.
func tell(of *results.Watch, r witness.Result, seen witness.IDs) {
	w := newTelling(of, r)
	w.Outcomes, w.Lost, w.LostByMethod, w.Examples = make(map[string]uint64), make(map[string]uint64), make(map[string]uint64), make(map[string]string)
	w.Bin = bin
	w.Missed, w.Replaced, w.Silent = r.Missed, len(r.Replaced), len(r.Silent)
	fates := witness.Reconcile(r.Requests, seen)
	for _, q := range r.Requests {
		if q.Outcome == witness.Unsent {
			w.Unsent++
			w.example(q)
			continue
		}
		w.Sent++
		w.Outcomes[string(q.Outcome)]++
		w.example(q)
		switch {
		case q.Outcome == witness.Completed:
			w.Good = counted(w.Good, q.Ended)
		case w.owed(q):
			if w.lose(q, q.Method) {
				w.fate(fates[q.ID])
			}
		}
	}
	if r.Race != nil {
		w.raced(r)
		return
	}
	w.streams(r.Streams)
	w.around(r.Requests)
	w.reloads(r.Requests)
}

func newTelling(w *results.Watch, r witness.Result) telling {
	t := telling{Watch: w, first: w.Length, whole: w.Length, races: r.Race != nil}
	if t.races {
		t.first = 0 // there is no event
	}
	broken := false
	for _, h := range w.Events {
		if h.Event().IsChange() {
			broken = h.Do == scenarios.Break
			continue
		}
		t.first, t.last = min(t.first, h.Began), max(t.last, h.Done)
		if !broken {
			t.whole = min(t.whole, h.Began)
		}
		if h.Event().Stops() && h.Error == "" && (t.stopped == 0 || h.Began < t.stopped) {
			t.stopped = h.Began
		}
	}
	return t
}

// example keeps the first cause of each outcome.
func (w telling) example(q witness.Request) {
	if outcome := string(q.Outcome); w.Examples[outcome] == "" && q.Cause != "" {
		w.Examples[outcome] = q.Method + ": " + q.Cause
	}
}

// counted adds one to the bin of a time.
func counted(bins []uint32, at time.Duration) []uint32 {
	for len(bins) <= int(at/bin) {
		bins = append(bins, 0)
	}
	bins[at/bin]++
	return bins
}

// owed tells whether the server owed a reply that it did not give. One that was asked to
// stop owes nothing to whom it does not let in.
func (w telling) owed(q witness.Request) bool {
	return q.Outcome.Lost() && (q.Outcome != witness.Refused || w.stopped == 0 || q.Ended < w.stopped)
}

// lose counts a request that was lost. It returns false, and counts it apart, where that was
// before the first event, or no race.
func (w telling) lose(q witness.Request, method string) bool {
	if q.Ended < w.first || w.races && !q.Raced {
		w.LostBefore++
		return false
	}
	w.Lost[string(q.Outcome)]++
	w.LostByMethod[method]++
	w.Bad = counted(w.Bad, q.Ended)
	if w.Recovery == nil {
		w.Recovery = new(time.Duration)
	}
	*w.Recovery = max(*w.Recovery, q.Sent-w.first)
	return true
}

// raced tells how requests fared that were sent about when their connection was to end.
func (w telling) raced(r witness.Result) {
	w.Recovery = nil
	all := &results.Race{
		Limit: r.Race.Limit, Closed: r.Race.Closed, Kept: r.Race.Kept, Ending: r.Race.Ending, Found: len(r.Replaced), Outcomes: make(map[string]map[string]uint64),
	}
	for _, q := range r.Requests {
		if !q.Raced || q.Outcome == witness.Unsent || q.Outcome == witness.Unfinished {
			continue
		}
		if all.Outcomes[q.Method] == nil {
			all.Outcomes[q.Method] = make(map[string]uint64)
		}
		all.Outcomes[q.Method][string(q.Outcome)]++
	}
	w.Race = all
}

// fate counts what the app had done with a lost request, where it is known.
func (w telling) fate(f witness.Fate) {
	of := &w.Unseen
	switch f {
	case witness.Executed:
		of = &w.Executed
	case witness.Unknown, "":
		return
	}
	if *of == nil {
		*of = new(uint64)
	}
	**of++
}

// streams counts replies that were held open. One that was cut is lost.
func (w telling) streams(all []witness.Request) {
	for _, q := range all {
		if w.Streams == nil {
			w.Streams = make(map[string]uint64)
		}
		w.Streams[string(q.Outcome)]++
		if w.owed(q) {
			w.lose(q, results.StreamMethod)
		}
	}
}

// around tells how it was around the events.
func (w telling) around(requests []witness.Request) {
	var before, around, ends []time.Duration
	for _, q := range requests {
		if q.Outcome != witness.Completed {
			continue
		}
		if q.Ended <= w.Length {
			ends = append(ends, q.Ended)
		}
		switch {
		case q.Ended < w.first && !q.First:
			before = append(before, q.Ended-q.Sent)
		case q.Ended >= w.first && q.Sent <= w.last+after:
			around = append(around, q.Ended-q.Sent)
		}
	}
	w.Before, w.Around = percentile99(before), percentile99(around)
	if w.stopped > 0 {
		w.Recovery = nil
	} else {
		w.stall(ends)
		if w.Recovery == nil {
			w.Recovery = new(time.Duration)
		}
	}
	if w.stopped > 0 || w.renews() {
		w.handOver(requests)
	}
}

// renews tells whether an event is to bring other processes, or the app anew.
func (w telling) renews() bool {
	return slices.ContainsFunc(w.Events, func(h results.Happened) bool { return h.Event().Renews() })
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
func (w telling) stall(ends []time.Duration) {
	slices.Sort(ends)
	w.Stall = new(time.Duration)
	from := w.first
	for _, at := range append(ends, w.Length) {
		if at > w.first && at-from > *w.Stall {
			*w.Stall, w.StallFrom = at-from, from
		}
		from = max(w.first, at)
	}
}

// process is what answers: a process, and the app as it was loaded in it.
type process struct {
	pid  int
	born int64
}

// handOver tells when old processes gave their last reply and new ones their first. Old is
// who gave one before the first event that was to bring new ones.
func (w telling) handOver(requests []witness.Request) {
	old := before(requests, w.whole)
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
	if drain := max(0, lastOld-w.whole); changed || w.stopped > 0 {
		w.Drain = &drain
	}
	if overlap := lastOld - firstNew; changed {
		w.Overlap = &overlap
	}
}

// before are those that gave a reply before a moment.
func before(requests []witness.Request, moment time.Duration) map[process]bool {
	all := make(map[process]bool)
	for _, q := range requests {
		if q.PID > 0 && q.Ended < moment {
			all[process{q.PID, q.Born}] = true
		}
	}
	return all
}

// reloads tells what came of each reload, where something was broken for one of them.
func (w telling) reloads(requests []witness.Request) {
	if !slices.ContainsFunc(w.Events, func(h results.Happened) bool { return h.Do == scenarios.Break }) {
		return
	}
	broken := false
	for i := range w.Events {
		h := &w.Events[i]
		switch {
		case h.Event().IsChange():
			broken = h.Do == scenarios.Break
		case h.Event().Renews():
			until := w.Length
			if i+1 < len(w.Events) {
				until = w.Events[i+1].Began
			}
			h.Then = then(requests, h.Began, until)
			h.Then.Broken = broken
		}
	}
}

// then is what replies tell of the time from a reload on.
func then(requests []witness.Request, from, until time.Duration) *results.Then {
	t := new(results.Then)
	old := before(requests, from)
	settled := until - min(time.Second, (until-from)/2)
	for _, q := range requests {
		if q.Ended < from || q.Ended >= until {
			continue
		}
		if q.PID > 0 && len(old) > 0 && (t.New == nil || !*t.New) {
			isNew := !old[process{q.PID, q.Born}]
			t.New = &isNew
		}
		switch {
		case q.Ended < settled:
		case q.Outcome == witness.Completed:
			t.Right++
		case q.Outcome == witness.Wrong:
			t.Wrong++
		}
	}
	return t
}
