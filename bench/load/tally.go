package load

import (
	"math/bits"
	"sort"
	"strconv"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	vegeta "github.com/tsenart/vegeta/v12/lib"
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
	// A value inside the range is the only thing RecordValue asks for.
	_ = h.RecordValue(min(max(int64(d), 0), highest))
}

// span is when a slice begins, counts and ends, on the session's clock.
type span struct {
	began, from, to time.Duration
	epoch           time.Duration // zero of the clock, since 1970
	timeout         time.Duration // for one reply
	parts           int           // of the window, to be counted apart; 0: none
	open            bool          // requests have intended times
}

// newSpan is the span of w that began when the wall clock was at wall.
func newSpan(began time.Duration, wall time.Time, w Window, c Config, open bool) span {
	return span{
		began: began, from: began + w.Lead, to: began + w.Lead + w.Span,
		epoch: time.Duration(wall.UnixNano()) - began, timeout: c.Timeout, parts: max(w.Parts, 0), open: open,
	}
}

// counts tells whether a request belongs to the window: by when it was intended,
// which in a closed loop is when it was sent, and never by when its reply comes. Each
// is followed to its end, beyond the window's, and this is why nothing is biased:
//
// In a stationary closed loop the expected number of requests sent in a fixed window
// is the rate times its length, just as that of replies that arrive in it, so the
// throughput is the same by either. But the times of those sent are drawn as requests
// are (Palm's distribution): the window chooses them before their times are known, so
// a long one is as likely to be among them as a short one, and none is cut off at the
// window's end. Of those that arrive in a window the ones that take longer than it
// does are never seen, and a server that stalls loses its slowest ones.
//
// One thing is not stationary: the last of them, as many as are in flight, end while
// nothing is sent any more. A server that serves requests in the order they come takes
// as long for these as for others; one that works on all of them at once takes less.
//
// The first request of a constant rate is intended an interval after the begin and
// the last one at the end, so there the end is inside and the begin is not.
func (s *span) counts(intended time.Duration) bool {
	if s.open {
		return s.from < intended && intended <= s.to
	}
	return s.from <= intended && intended < s.to
}

// part is the part of the window that a request which belongs to it was intended in.
func (s *span) part(intended time.Duration) int {
	hi, lo := bits.Mul64(uint64(intended-s.from), uint64(s.parts))
	if s.open {
		var borrow uint64 // a part has its end, not its begin
		lo, borrow = bits.Sub64(lo, 1, 0)
		hi -= borrow
	}
	part, _ := bits.Div64(hi, lo, uint64(s.to-s.from))
	return int(part)
}

// tally is what one worker saw of a slice. It is made once and reset for every
// slice, as its histograms are large.
type tally struct {
	span
	sent, answered, counted, missed uint64
	bytesIn, wireIn, bytesOut       uint64
	polled                          time.Duration
	longest                         time.Duration // the longest response time of all that were sent
	busy                            time.Duration // from sent to end, of all that belong to the window,
	squared                         float64       // and squared, in ns²
	parts                           []uint64      // counted, by the part of the window
	compared, wrong, hasty, folded  uint64
	spreads                         uint64
	spreadSeen                      time.Duration
	reconnects, reopened, repeated  uint64
	wrongBody                       string
	stale                           uint64
	staleAge                        time.Duration     // of the oldest
	errors, causes                  map[string]uint64 // by kind, and by kind and cause
	examples                        map[string]string // of the first of a kind
	requests                        uint64            // that belong to the window, failed or not
	codes                           [1000]uint64      // of those; 0: no reply
	response, service, lag, late    *hdrhistogram.Histogram
	first                           *hdrhistogram.Histogram // nil: not asked for
}

func newTally(open, first bool) *tally {
	t := &tally{errors: map[string]uint64{}, causes: map[string]uint64{}, examples: map[string]string{}, response: newHistogram()}
	t.service = t.response
	if open {
		t.service, t.lag, t.late = newHistogram(), newHistogram(), newHistogram()
	}
	if first {
		t.first = newHistogram()
	}
	return t
}

// reset makes t ready for the next slice.
func (t *tally) reset() {
	clear(t.errors)
	clear(t.causes)
	clear(t.examples)
	clear(t.parts)
	*t = tally{errors: t.errors, causes: t.causes, examples: t.examples, parts: t.parts, response: t.response, service: t.service, lag: t.lag, late: t.late, first: t.first}
	for _, h := range []*hdrhistogram.Histogram{t.response, t.service, t.lag, t.late, t.first} {
		if h != nil {
			h.Reset()
		}
	}
}

// start has t count what belongs to s.
func (t *tally) start(s span) {
	t.span = s
	if len(t.parts) != s.parts {
		t.parts = make([]uint64, s.parts)
	}
}

// reply counts the whole reply that x got by now.
func (t *tally) reply(x *exchange, now time.Duration) {
	t.answered++
	if x.reply.Folded {
		t.folded++
	}
	if x.request.judged {
		t.compared++
	}
	f := x.check()
	if f == nil && t.dateAge(x) > maxDateAge {
		f = faultStale
	}
	if f != nil {
		t.bad(x, f, now)
		return
	}
	if now-x.sent < x.request.want.AtLeast {
		t.hasty++
	}
	if !t.ended(x, now, now-x.intended, int(x.reply.Status)) {
		return
	}
	t.counted++
	t.bytesIn += uint64(x.reply.Size)
	t.wireIn += uint64(x.reply.Wire)
	if t.span.parts > 0 {
		t.parts[t.part(x.intended)]++
	}
	record(t.response, now-x.intended)
	if x.first > 0 {
		t.firstByte(x, now)
	}
	if t.open {
		record(t.service, now-x.sent)
		record(t.lag, x.sent-x.intended)
		record(t.late, x.sent-x.ready)
	}
}

// firstByte counts a reply of which the begin of the body is known.
func (t *tally) firstByte(x *exchange, now time.Duration) {
	if t.first != nil {
		record(t.first, x.first-x.intended)
	}
	if x.request.want.Spread > 0 {
		t.spreads++
		t.spreadSeen += now - x.first
	}
}

// bad counts a whole reply that is not the right one.
func (t *tally) bad(x *exchange, f *fault, now time.Duration) {
	if f == faultWrongBody {
		t.wrong++
		if t.wrongBody == "" {
			t.wrongBody = x.describe()
		}
	}
	if f == faultStale {
		t.stale++
		t.staleAge = max(t.staleAge, t.dateAge(x))
	}
	t.fault(f, x)
	t.ended(x, now, now-x.intended, int(x.reply.Status))
}

// lost counts a request that x got no whole reply to. One that found no connection
// was not sent, so it took no time. One that timed out took as long as it was waited
// for, or else the longest times would be the ones that are left out.
func (t *tally) lost(x *exchange, f *fault, now time.Duration) {
	t.fault(f, x)
	if f.Kind == ErrConnect || f.Kind == ErrLoader {
		if t.counts(x.intended) {
			t.window(0, x.request.body)
		}
		return
	}
	took := now - x.intended
	if f.Kind == ErrTimeout {
		took = max(took, t.timeout)
	}
	if !t.ended(x, now, took, 0) || f.Kind != ErrTimeout {
		return
	}
	record(t.response, took)
	if t.open {
		record(t.service, max(now-x.sent, t.timeout))
	}
}

// ended counts a request that was sent and has come to its end, right or not, after
// the response time took, and tells whether it belongs to the window.
func (t *tally) ended(x *exchange, now, took time.Duration, status int) bool {
	t.longest = max(t.longest, took)
	if !t.counts(x.intended) {
		return false
	}
	t.window(status, x.request.body)
	busy := now - x.sent
	t.busy += busy
	t.squared += float64(busy) * float64(busy)
	return true
}

// fault counts an error of any sort, of the exchange x or, if that is nil, of none.
func (t *tally) fault(f *fault, x *exchange) {
	if t.errors[f.Kind]++; t.errors[f.Kind] == 1 {
		t.examples[f.Kind] = example(f, x)
	}
	t.cause(causeOf(f), 1)
}

// cause counts n errors by a cause. They are all in errors by their kind, but only so many
// causes are told apart.
func (t *tally) cause(c string, n uint64) {
	if _, told := t.causes[c]; told || len(t.causes) < maxCauses {
		t.causes[c] += n
	}
}

// window counts a request that belongs to the window.
func (t *tally) window(status, out int) {
	t.requests++
	t.codes[status]++
	t.bytesOut += uint64(out)
}

// merge adds what another worker saw.
func (t *tally) merge(o *tally) {
	t.sent += o.sent
	t.answered += o.answered
	t.counted += o.counted
	t.missed += o.missed
	t.polled += o.polled
	t.longest = max(t.longest, o.longest)
	t.busy += o.busy
	t.squared += o.squared
	for i, n := range o.parts {
		t.parts[i] += n
	}
	t.bytesIn += o.bytesIn
	t.wireIn += o.wireIn
	t.bytesOut += o.bytesOut
	t.compared += o.compared
	t.wrong += o.wrong
	t.hasty += o.hasty
	t.folded += o.folded
	t.spreads += o.spreads
	t.spreadSeen += o.spreadSeen
	t.stale += o.stale
	t.staleAge = max(t.staleAge, o.staleAge)
	t.reconnects += o.reconnects
	t.reopened += o.reopened
	t.repeated += o.repeated
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
	for i, n := range o.codes {
		t.codes[i] += n
	}
	t.response.Merge(o.response)
	if t.first != nil {
		t.first.Merge(o.first)
	}
	if t.open {
		t.service.Merge(o.service)
		t.lag.Merge(o.lag)
		t.late.Merge(o.late)
	}
}

// result is what the tallies of a slice that ended at end come to.
func result(s span, end time.Duration, tallies []*tally) *Result {
	sum := newTally(s.open, len(tallies) > 0 && tallies[0].first != nil)
	sum.start(s)
	for _, t := range tallies {
		sum.merge(t)
	}
	r := &Result{
		Sent: sum.sent, Answered: sum.answered, Counted: sum.counted, Missed: sum.missed, Polled: sum.polled,
		Elapsed: max(min(end, s.to)-s.from, 0), BytesIn: sum.bytesIn, WireIn: sum.wireIn,
		Longest: sum.longest, Busy: sum.busy, Squared: sum.squared / 1e18, Parts: sum.parts,
		Response: sum.response, Service: sum.service, SendLag: sum.lag, Late: sum.late, First: sum.first,
		Errors: sum.errors, Causes: sum.causes, Examples: sum.examples, Compared: sum.compared, Wrong: sum.wrong, WrongBody: sum.wrongBody,
		Hasty: sum.hasty, Folded: sum.folded, SpreadSeen: sum.spreadSeen, Spreads: sum.spreads,
		Stale: sum.stale, StaleAge: sum.staleAge,
		Reconnects: sum.reconnects, Reopened: sum.reopened, Repeated: sum.repeated,
	}
	sum.metrics(&r.Metrics, r.Elapsed)
	return r
}

// metrics fills m with the requests of the window. Unlike vegeta's own it takes
// the checks of status, length and body for success.
func (t *tally) metrics(m *vegeta.Metrics, elapsed time.Duration) {
	m.Requests, m.Duration = t.requests, elapsed
	m.StatusCodes = map[string]int{}
	for code, n := range t.codes {
		if n > 0 {
			m.StatusCodes[strconv.Itoa(code)] = int(n)
		}
	}
	m.Errors = make([]string, 0, len(t.causes))
	for c := range t.causes {
		m.Errors = append(m.Errors, c)
	}
	sort.Strings(m.Errors)
	m.BytesIn.Total, m.BytesOut.Total = t.bytesIn, t.bytesOut
	if t.requests > 0 {
		m.Success = float64(t.counted) / float64(t.requests)
		m.BytesIn.Mean = float64(t.bytesIn) / float64(t.requests)
		m.BytesOut.Mean = float64(t.bytesOut) / float64(t.requests)
	}
	if s := elapsed.Seconds(); s > 0 {
		m.Rate, m.Throughput = float64(t.requests)/s, float64(t.counted)/s
	}
	t.latencies(&m.Latencies)
}

func (t *tally) latencies(l *vegeta.LatencyMetrics) {
	h := t.response
	if h.TotalCount() == 0 {
		return
	}
	l.Mean = time.Duration(h.Mean())
	l.Total = l.Mean * time.Duration(h.TotalCount())
	l.Min, l.Max = time.Duration(h.Min()), time.Duration(h.Max())
	l.P50 = time.Duration(h.ValueAtPercentile(50))
	l.P90 = time.Duration(h.ValueAtPercentile(90))
	l.P95 = time.Duration(h.ValueAtPercentile(95))
	l.P99 = time.Duration(h.ValueAtPercentile(99))
}
