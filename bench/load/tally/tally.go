// Package tally counts the requests of a slice, worker by worker, and merges the counts into a
// load.Result: which requests belong to the window, how long they took, and what failed.
package tally

import (
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/benchctl/benchctl/apps/http1"
	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/load/wire"
)

// Range and precision of the histograms, in ns. Longer times count as the highest.
const (
	lowest  = int64(time.Microsecond)
	highest = int64(100 * time.Second)
	digits  = 3
)

// maxCauses bounds the causes of errors that are kept: some quote the server.
const maxCauses = 32

func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(lowest, highest, digits) }

func record(h *hdrhistogram.Histogram, d time.Duration) {
	// RecordValue fails only for a value out of range.
	_ = h.RecordValue(min(max(int64(d), 0), highest))
}

// Tally is the counts of one worker for a slice. It is allocated once and reset for every
// slice, as its histograms are large. The worker itself counts the exported fields, which
// do not follow from replies. They mean the same as in load.Result.
type Tally struct {
	Span
	Sent, Missed                   uint64
	Reconnects, Reopened, Repeated uint64
	Polled                         time.Duration

	answered, counted, requests    uint64
	bytesIn, wireIn                uint64
	longest                        time.Duration // the longest response time of all that were sent
	busy                           time.Duration // from sent to end, of all that belong to the window,
	squared                        float64       // and squared, in ns²
	parts                          []uint64      // counted, by the part of the window
	compared, wrong, hasty, folded uint64
	spreads                        uint64
	spreadSeen                     time.Duration
	wrongBody                      string
	stale                          uint64
	staleAge                       time.Duration     // of the oldest
	dated                          uint64            // right replies whose Date is old, but of their connection
	datedAge                       time.Duration     // of the oldest
	errors, causes                 map[string]uint64 // by kind, and by kind and cause
	examples                       map[string]string // of the first of a kind
	response, service, lag, late   *hdrhistogram.Histogram
	first                          *hdrhistogram.Histogram // nil: not asked for
}

// New returns a Tally of slices of requests with intended times (open) or without. First has it
// keep the times to the first byte of bodies.
func New(open, first bool) *Tally {
	t := &Tally{errors: map[string]uint64{}, causes: map[string]uint64{}, examples: map[string]string{}, response: newHistogram()}
	t.service = t.response
	if open {
		t.service, t.lag, t.late = newHistogram(), newHistogram(), newHistogram()
	}
	if first {
		t.first = newHistogram()
	}
	return t
}

// Reset makes t ready for the next slice.
func (t *Tally) Reset() {
	clear(t.errors)
	clear(t.causes)
	clear(t.examples)
	clear(t.parts)
	*t = Tally{errors: t.errors, causes: t.causes, examples: t.examples, parts: t.parts, response: t.response, service: t.service, lag: t.lag, late: t.late, first: t.first}
	for _, h := range []*hdrhistogram.Histogram{t.response, t.service, t.lag, t.late, t.first} {
		if h != nil {
			h.Reset()
		}
	}
}

// Start has t count what belongs to s.
func (t *Tally) Start(s Span) {
	t.Span = s
	if len(t.parts) != s.parts {
		t.parts = make([]uint64, s.parts)
	}
}

// Reply counts the whole reply that x got by now.
func (t *Tally) Reply(x *wire.Exchange, now time.Duration) {
	t.answered++
	if x.Reply.Folded {
		t.folded++
	}
	if x.Request.Judged {
		t.compared++
	}
	f := x.Check()
	if age := t.dateAge(x); f == nil && age > maxDateAge {
		if age-maxDateAge > x.Sent-x.Opened {
			f = wire.Stale
		} else {
			t.dated++
			t.datedAge = max(t.datedAge, age)
		}
	}
	if f != nil {
		t.bad(x, f, now)
		return
	}
	if now-x.Sent < x.Request.Want.AtLeast {
		t.hasty++
	}
	if !t.ended(x, now, now-x.Intended) {
		return
	}
	t.counted++
	t.bytesIn += uint64(x.Reply.Size)
	t.wireIn += uint64(x.Reply.Wire)
	if t.Span.parts > 0 {
		t.parts[t.part(x.Intended)]++
	}
	record(t.response, now-x.Intended)
	if x.First > 0 {
		t.firstByte(x, now)
	}
	if t.Open {
		record(t.service, now-x.Sent)
		record(t.lag, x.Sent-x.Intended)
		record(t.late, x.Sent-x.Ready)
	}
}

// firstByte counts a reply whose body has a known beginning.
func (t *Tally) firstByte(x *wire.Exchange, now time.Duration) {
	if t.first != nil {
		record(t.first, x.First-x.Intended)
	}
	if x.Request.Want.Spread > 0 {
		t.spreads++
		t.spreadSeen += now - x.First
	}
}

// bad counts a whole reply that is not correct.
func (t *Tally) bad(x *wire.Exchange, f *http1.Fault, now time.Duration) {
	if f == wire.WrongBody {
		t.wrong++
		if t.wrongBody == "" {
			t.wrongBody = x.Describe()
		}
	}
	if f == wire.Stale {
		t.stale++
		t.staleAge = max(t.staleAge, t.dateAge(x))
	}
	t.Fault(f, x)
	t.ended(x, now, now-x.Intended)
}

// Lost counts a request of x without a whole reply. A request without a connection was not
// sent, so it took no time. A request that timed out counts with the time waited, as the
// longest times would be missing otherwise.
func (t *Tally) Lost(x *wire.Exchange, f *http1.Fault, now time.Duration) {
	t.Fault(f, x)
	if f.Kind == load.ErrConnect || f.Kind == load.ErrLoader {
		if t.counts(x.Intended) {
			t.requests++
		}
		return
	}
	took := now - x.Intended
	if f.Kind == load.ErrTimeout {
		took = max(took, t.timeout)
	}
	if !t.ended(x, now, took) || f.Kind != load.ErrTimeout {
		return
	}
	record(t.response, took)
	if t.Open {
		record(t.service, max(now-x.Sent, t.timeout))
	}
}

// ended counts a request that was sent and has come to its end, right or not, after
// the response time took, and reports whether it belongs to the window.
func (t *Tally) ended(x *wire.Exchange, now, took time.Duration) bool {
	t.longest = max(t.longest, took)
	if !t.counts(x.Intended) {
		return false
	}
	t.requests++
	busy := now - x.Sent
	t.busy += busy
	t.squared += float64(busy) * float64(busy)
	return true
}

// Fault counts an error of any sort, of the exchange x or, if that is nil, of none.
func (t *Tally) Fault(f *http1.Fault, x *wire.Exchange) {
	if t.errors[f.Kind]++; t.errors[f.Kind] == 1 {
		t.examples[f.Kind] = example(f, x)
	}
	t.cause(causeOf(f), 1)
}

// cause counts n errors by a cause. errors has all of them by kind; the number of causes is
// limited.
func (t *Tally) cause(c string, n uint64) {
	if _, told := t.causes[c]; told || len(t.causes) < maxCauses {
		t.causes[c] += n
	}
}

// merge adds the counts of another worker.
func (t *Tally) merge(o *Tally) {
	t.Sent += o.Sent
	t.answered += o.answered
	t.counted += o.counted
	t.Missed += o.Missed
	t.Polled += o.Polled
	t.longest = max(t.longest, o.longest)
	t.busy += o.busy
	t.squared += o.squared
	for i, n := range o.parts {
		t.parts[i] += n
	}
	t.bytesIn += o.bytesIn
	t.wireIn += o.wireIn
	t.compared += o.compared
	t.wrong += o.wrong
	t.hasty += o.hasty
	t.folded += o.folded
	t.spreads += o.spreads
	t.spreadSeen += o.spreadSeen
	t.stale += o.stale
	t.staleAge = max(t.staleAge, o.staleAge)
	t.dated += o.dated
	t.datedAge = max(t.datedAge, o.datedAge)
	t.Reconnects += o.Reconnects
	t.Reopened += o.Reopened
	t.Repeated += o.Repeated
	t.requests += o.requests
	if t.wrongBody == "" {
		t.wrongBody = o.wrongBody
	}
	for k, n := range o.errors {
		t.errors[k] += n
	}
	for c, n := range o.causes {
		t.cause(c, n)
	}
	for k, text := range o.examples {
		if t.examples[k] == "" {
			t.examples[k] = text
		}
	}
	t.response.Merge(o.response)
	if t.first != nil {
		t.first.Merge(o.first)
	}
	if t.Open {
		t.service.Merge(o.service)
		t.lag.Merge(o.lag)
		t.late.Merge(o.late)
	}
}

// Result merges the tallies of a slice that ended at end.
func Result(s Span, end time.Duration, tallies []*Tally) *load.Result {
	sum := New(s.Open, len(tallies) > 0 && tallies[0].first != nil)
	sum.Start(s)
	for _, t := range tallies {
		sum.merge(t)
	}
	return &load.Result{
		Sent: sum.Sent, Answered: sum.answered, Counted: sum.counted, Requests: sum.requests, Missed: sum.Missed, Polled: sum.Polled,
		Elapsed: max(min(end, s.To)-s.From, 0), BytesIn: sum.bytesIn, WireIn: sum.wireIn,
		Longest: sum.longest, Busy: sum.busy, Squared: sum.squared / 1e18, Parts: sum.parts,
		Response: sum.response, Service: sum.service, SendLag: sum.lag, Late: sum.late, First: sum.first,
		Errors: sum.errors, Causes: sum.causes, Examples: sum.examples, Compared: sum.compared, Wrong: sum.wrong, WrongBody: sum.wrongBody,
		Hasty: sum.hasty, Folded: sum.folded, SpreadSeen: sum.spreadSeen, Spreads: sum.spreads,
		Stale: sum.stale, StaleAge: sum.staleAge, Dated: sum.dated, DatedAge: sum.datedAge,
		Reconnects: sum.Reconnects, Reopened: sum.Reopened, Repeated: sum.Repeated,
	}
}

// causeOf is the key by which a fault is counted.
func causeOf(f *http1.Fault) string { return f.Kind + ": " + f.Cause }

// example describes a fault with its request; x is nil if there was none.
func example(f *http1.Fault, x *wire.Exchange) string {
	if x == nil {
		return f.Error()
	}
	return fmt.Sprintf("%s %s: %v", x.Request.Want.Method, x.Request.Want.URL, f)
}
