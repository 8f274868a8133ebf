package load

import (
	"fmt"
	"sort"
	"strconv"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// Range and precision of the histograms, in ns. Longer times count as longest.
const (
	shortest = int64(time.Microsecond)
	longest  = int64(100 * time.Second)
	digits   = 3
)

// maxCauses bounds the causes of errors that are kept: some quote the server.
const maxCauses = 32

func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(shortest, longest, digits) }

func record(h *hdrhistogram.Histogram, d time.Duration) {
	// A value inside the range is the only thing RecordValue asks for.
	_ = h.RecordValue(min(max(int64(d), 0), longest))
}

// span is when a slice begins, counts and ends, on the session's clock.
type span struct {
	began, from, to time.Duration
	// open tells that requests have intended times. Such a request belongs to
	// the window if it was intended in it, however late the reply; otherwise
	// a server that stalls would lose its slowest replies from the count.
	open bool
}

func newSpan(began time.Duration, w Window, open bool) span {
	return span{began, began + w.Lead, began + w.Lead + w.Span, open}
}

// counts tells whether a request belongs to the window. The first request of a
// constant rate is intended an interval after the begin and the last one at the
// end, so there the end is inside and the begin is not.
func (s *span) counts(intended, now time.Duration) bool {
	if s.open {
		return s.from < intended && intended <= s.to
	}
	return s.from <= now && now < s.to
}

// tally is what one worker saw of a slice. It is made once and reset for every
// slice, as its histograms are large.
type tally struct {
	span
	sent, answered, counted, missed uint64
	bytesIn, bytesOut               uint64
	polled                          time.Duration
	sampled, wrong                  uint64
	reconnects, reopened            uint64
	wrongBody                       string
	stale                           uint64
	staleAge                        time.Duration // of the oldest
	errors                          map[string]uint64
	causes                          map[string]bool
	requests                        uint64       // that belong to the window, failed or not
	codes                           [1000]uint64 // of those; 0: no reply
	response, service, lag, late    *hdrhistogram.Histogram
	first                           *hdrhistogram.Histogram // nil: not asked for
}

func newTally(open, first bool) *tally {
	t := &tally{errors: map[string]uint64{}, causes: map[string]bool{}, response: newHistogram()}
	t.service = t.response
	if open {
		t.service, t.lag, t.late = newHistogram(), newHistogram(), newHistogram()
	}
	if first {
		t.first = newHistogram()
	}
	return t
}

// reset makes t ready for the slice s.
func (t *tally) reset(s span) {
	clear(t.errors)
	clear(t.causes)
	*t = tally{span: s, errors: t.errors, causes: t.causes, response: t.response, service: t.service, lag: t.lag, late: t.late, first: t.first}
	for _, h := range []*hdrhistogram.Histogram{t.response, t.service, t.lag, t.late, t.first} {
		if h != nil {
			h.Reset()
		}
	}
}

// reply counts the whole reply that x got by now.
func (t *tally) reply(x *exchange, now time.Duration) {
	t.answered++
	if x.sampled {
		t.sampled++
	}
	f := x.check()
	if f == nil && x.dateAge(now) > maxDateAge {
		f = faultStale
	}
	if f != nil {
		t.bad(x, f, now)
		return
	}
	if !t.counts(x.intended, now) {
		return
	}
	t.counted++
	t.bytesIn += uint64(x.reply.size)
	t.window(x.reply.status, x.request.body)
	t.times(x, now)
}

// bad counts a whole reply that is not the right one.
func (t *tally) bad(x *exchange, f *fault, now time.Duration) {
	if f == faultWrongBody {
		t.wrong++
		if t.wrongBody == "" {
			want := x.request.want
			t.wrongBody = fmt.Sprintf("%s %s: other content in the block at offset %d of %d bytes", want.Method, want.URL, x.differsAt, x.reply.size)
		}
	}
	if f == faultStale {
		t.stale++
		t.staleAge = max(t.staleAge, x.dateAge(now))
	}
	t.fault(f)
	if t.counts(x.intended, now) {
		t.window(x.reply.status, x.request.body)
	}
}

// lost counts a request that x got no whole reply to.
func (t *tally) lost(x *exchange, f *fault, now time.Duration) {
	t.fault(f)
	if t.counts(x.intended, now) {
		t.window(0, x.request.body)
	}
}

// fault counts an error of any sort.
func (t *tally) fault(f *fault) {
	t.errors[f.kind]++
	if len(t.causes) < maxCauses {
		t.causes[f.String()] = true
	}
}

// window counts a request that belongs to the window.
func (t *tally) window(status, out int) {
	t.requests++
	t.codes[status]++
	t.bytesOut += uint64(out)
}

// times records the times of a counted reply.
func (t *tally) times(x *exchange, now time.Duration) {
	record(t.response, now-x.intended)
	if t.first != nil && x.first > 0 {
		record(t.first, x.first-x.intended)
	}
	if t.open {
		record(t.service, now-x.sent)
		record(t.lag, x.sent-x.intended)
		record(t.late, x.sent-x.ready)
	}
}

// merge adds what another worker saw.
func (t *tally) merge(o *tally) {
	t.sent += o.sent
	t.answered += o.answered
	t.counted += o.counted
	t.missed += o.missed
	t.polled += o.polled
	t.bytesIn += o.bytesIn
	t.bytesOut += o.bytesOut
	t.sampled += o.sampled
	t.wrong += o.wrong
	t.stale += o.stale
	t.staleAge = max(t.staleAge, o.staleAge)
	t.reconnects += o.reconnects
	t.reopened += o.reopened
	t.requests += o.requests
	if t.wrongBody == "" {
		t.wrongBody = o.wrongBody
	}
	for k, n := range o.errors {
		t.errors[k] += n
	}
	for c := range o.causes {
		t.causes[c] = true
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
	sum.span = s
	for _, t := range tallies {
		sum.merge(t)
	}
	r := &Result{
		Sent: sum.sent, Answered: sum.answered, Counted: sum.counted, Missed: sum.missed, Polled: sum.polled,
		Elapsed: max(min(end, s.to)-s.from, 0), BytesIn: sum.bytesIn,
		Response: sum.response, Service: sum.service, SendLag: sum.lag, Late: sum.late, First: sum.first,
		Errors: sum.errors, Sampled: sum.sampled, Wrong: sum.wrong, WrongBody: sum.wrongBody,
		Stale: sum.stale, StaleAge: sum.staleAge,
		Reconnects: sum.reconnects, Reopened: sum.reopened,
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
	if t.counted == 0 {
		return
	}
	h := t.response
	l.Mean = time.Duration(h.Mean())
	l.Total = l.Mean * time.Duration(t.counted)
	l.Min, l.Max = time.Duration(h.Min()), time.Duration(h.Max())
	l.P50 = time.Duration(h.ValueAtPercentile(50))
	l.P90 = time.Duration(h.ValueAtPercentile(90))
	l.P95 = time.Duration(h.ValueAtPercentile(95))
	l.P99 = time.Duration(h.ValueAtPercentile(99))
}
