package judge

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/benchctl/benchctl/internal/stats"
	"github.com/benchctl/benchctl/results"
)

// Limits of the verdicts.
const (
	minReplies      = 30    // of a slice, on average
	maxErrorShare   = 0.001 // of requests; more invalidates a cell
	maxSteal        = 0.01  // of the processors' time
	loaderBoundFrom = 0.80  // share of the loader's processors in use
	serverIdleBelow = 0.90  // share of the server's processors in use
	minOfferedShare = 0.99  // of the rate asked for
	minIdleKept     = 0.99  // of the idle connections asked for
	maxOthers       = 0.05  // of either side's processors, used by what is not the run's
	maxLoaderWait   = 0.05  // of the loader's processors' time, beyond waking
	minLateLimit    = time.Millisecond
	maxLateShare    = 0.10 // of the p99 latency
)

const (
	// waking is how long a thread may wait for a free processor each time it is woken. On
	// a virtual machine this took 3 to 15 µs, and 30 to 200 µs with another process on
	// the same processor (docs/measurements.md).
	waking = 30 * time.Microsecond
	// tick is the longest interval at which kernels sample who uses a processor.
	tick = 10 * time.Millisecond
)

// verdict judges a cell by all rules and returns every reason, worst first; none if its
// figures hold.
func verdict(e evidence) []Reason {
	if e.unreached() {
		return []Reason{notReached.because()}
	}
	return append(append([]Reason{}, e.voided()...), e.reservations()...) // not nil: in JSON it is a list
}

// unreached reports whether the block has no data of the candidate at all.
func (e evidence) unreached() bool {
	return len(e.all()) == 0 && !slices.ContainsFunc(e.launches, func(l results.Launch) bool { return l.FailureIn(e.index) != "" }) &&
		!slices.Contains(e.block.Without, e.candidate.Name)
}

// Load judges a single load by the rules that concern it: the replies, whether the rate was
// reached, and whether the connections were kept busy. p99 is the 99th percentile of the
// response times, late that of the load generator's own lateness.
func Load(b results.Block, t results.Trial, p99, late time.Duration) (Verdict, []Reason) {
	e := evidence{block: b, trials: []results.Trial{t}, p99: p99, late: late}
	e.look = newLook(e)
	why := append([]Reason{}, e.voided()...) // not nil: in JSON it is a list
	if len(why) == 0 {
		why = append(why, slices.Concat(e.untrue(), e.fields(), e.rateReservations())...)
	}
	return worst(why), why
}

// voided lists why the cell's figures are not to be used.
func (e evidence) voided() []Reason {
	var why []Reason
	for _, l := range e.launches {
		reason := l.FailureIn(e.index)
		if reason != "" && !told(why, reason) {
			why = append(why, failure.because(reason))
		}
	}
	for _, t := range e.all() {
		if t.Deed != "" && !told(why, t.Deed) {
			why = append(why, deed.because(t.Deed))
		}
	}
	wrong := e.sum(func(t results.Trial) uint64 { return t.Wrong })
	if wrong > 0 {
		why = append(why, wrongBody.because(wrong, e.sum(func(t results.Trial) uint64 { return t.Compared }), e.wrongBody()))
	}
	if stale := e.sum(func(t results.Trial) uint64 { return t.Stale }); stale > 0 {
		why = append(why, staleReplies.because(stale, e.oldest(func(t results.Trial) time.Duration { return t.StaleAge })))
	}
	why = append(why, e.impossible()...)
	if errors := e.errors(); errors.Void {
		why = append(why, requestsFailed.because(100*e.errorShare(errors), errors.String()))
	}
	switch {
	case len(why) > 0:
	case e.sum(func(t results.Trial) uint64 { return t.Counted }) == 0:
		why = append(why, nothingCounted.because())
	case len(e.trials) == 0:
		why = append(append(why, noSlice.because()), e.company()...)
	}
	return why
}

// told reports whether one of the reasons has the text.
func told(all []Reason, text string) bool {
	return slices.ContainsFunc(all, func(r Reason) bool { return r.Text == text })
}

// reservations lists what readers of the figures must know.
func (e evidence) reservations() []Reason {
	var why []Reason
	if len(e.trials) == 0 {
		return nil
	}
	why = append(why, e.untrue()...)
	if n := len(e.trials); n < stats.MinValues {
		why = append(why, tooFewSlices.because(n, Needed))
	}
	if each := float64(e.counted()) / float64(len(e.trials)); each < minReplies && e.block.Load.SLO == nil {
		why = append(why, fewReplies.because(each))
	}
	loader, server := e.use()
	if !e.block.Load.Open() && loader > loaderBoundFrom && (server < serverIdleBelow) {
		why = append(why, loaderBound.because(100*loader, 100*server))
	}
	if !e.env.Apart() {
		why = append(why, notPinned.because())
	}
	if steal := e.steal(); steal > maxSteal {
		why = append(why, stolenTime.because(100*steal))
	}
	if i := idle(e.block, e.trials); i != nil && float64(i.Kept) < minIdleKept*float64(i.Asked) {
		why = append(why, idleClosed.because(i.Kept, i.Asked))
	}
	why = append(why, e.fields()...)
	why = append(why, e.disturbances()...)
	return append(why, e.rateReservations()...)
}

// fields tells of header fields of right replies that are not as they should be.
func (e evidence) fields() []Reason {
	var why []Reason
	if n := e.sum(func(t results.Trial) uint64 { return t.Folded }); n > 0 {
		why = append(why, foldedFields.because(n))
	}
	if n := e.sum(func(t results.Trial) uint64 { return t.Dated }); n > 0 {
		why = append(why, connectionDate.because(n, e.oldest(func(t results.Trial) time.Duration { return t.DatedAge })))
	}
	return why
}

// disturbances are what kept either side from its processors.
func (e evidence) disturbances() []Reason {
	why := e.busyHost()
	if wait := e.loaderWait(); e.env.Apart() && wait > maxLoaderWait {
		why = append(why, loaderThrottled.because(100*wait))
	}
	wall, quota, heat := e.throttling()
	if quota > 0 {
		why = append(why, quotaThrottled.because(readable(quota), wall.Round(time.Millisecond)))
	}
	if heat > 0 {
		why = append(why, heatThrottled.because(heat))
	}
	return why
}

// rateReservations are those of open-loop cells.
func (e evidence) rateReservations() []Reason {
	if e.block.Load.SLO != nil {
		return append(e.sloReservations(), e.lateLoad(e.block.Load.SLO.Limit)...) // it goes to rates that are not reached
	}
	if !e.block.Load.Open() {
		return nil
	}
	var why []Reason
	var counted, due float64
	for _, t := range e.trials {
		counted += float64(t.Counted)
		due += e.due(t)
	}
	if share := counted / due; share < minOfferedShare {
		why = append(why, rateNotReached.because(100*share, perSecond(e.offered())))
	}
	return append(why, e.lateLoad(e.p99)...)
}

// lateLoad reports whether the load generator itself was late by more than a share of
// the response time that matters.
func (e evidence) lateLoad(response time.Duration) []Reason {
	limit := max(minLateLimit, time.Duration(maxLateShare*float64(response)))
	if e.late <= limit {
		return nil
	}
	return []Reason{lateLoad.because(readable(e.late), readable(limit))}
}

// due is how many requests were to be sent in a trial's counted window. Random
// arrivals vary around the rate, so those that were intended are what counts.
func (e evidence) due(t results.Trial) float64 {
	if t.Due > 0 {
		return float64(t.Due)
	}
	return cmp.Or(t.Rate, e.block.Load.Rate) * t.Elapsed.Seconds()
}

// offered is the median of the rates that were offered.
func (e evidence) offered() float64 {
	var rates []float64
	for _, t := range e.trials {
		rates = append(rates, cmp.Or(t.Rate, e.block.Load.Rate))
	}
	return stats.Median(rates)
}

// counted is the correct replies of the slices.
func (e evidence) counted() (sum uint64) {
	for _, t := range e.trials {
		sum += t.Counted
	}
	return sum
}

func perSecond(rate float64) string {
	const whole = 1000 // from which on a tenth tells nothing
	if rate >= whole {
		return strconv.FormatFloat(math.Round(rate), 'f', -1, 64)
	}
	return strconv.FormatFloat(math.Round(10*rate)/10, 'f', -1, 64)
}

func readable(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }

func (e evidence) sum(of func(results.Trial) uint64) uint64 {
	var n uint64
	for _, t := range e.all() {
		n += of(t)
	}
	return n
}

// wrongBody describes the first wrong body.
func (e evidence) wrongBody() string {
	for _, t := range e.all() {
		if t.WrongBody != "" {
			return t.WrongBody
		}
	}
	return "content that was not kept"
}

// oldest is the greatest age that a trial tells of a Date.
func (e evidence) oldest(age func(results.Trial) time.Duration) time.Duration {
	var oldest time.Duration
	for _, t := range e.all() {
		oldest = max(oldest, age(t))
	}
	return oldest.Round(time.Second)
}

func (e evidence) errors() results.Errors {
	all := results.Errors{ByKind: make(map[string]uint64)}
	for _, t := range e.all() {
		all.Add(t.Errors, t.Causes, t.Examples)
	}
	// A search reaches rates at which requests fail, and then turns back.
	all.Void = e.errorShare(all) > maxErrorShare && e.block.Load.SLO == nil
	return all
}

// errorShare is the share of requests that failed. One that found no connection was never
// sent.
func (e evidence) errorShare(errors results.Errors) float64 {
	sent := e.sum(func(t results.Trial) uint64 { return t.Sent })
	return float64(errors.Total) / float64(max(sent, errors.Total, 1))
}

// use is how much of their processors loader and server used over all slices;
// NaN if unknown.
func (e evidence) use() (loader, server float64) {
	var wall, l, s float64
	for _, t := range e.trials {
		if t.LoaderCPU == nil || t.ServerCPU == nil {
			return math.NaN(), math.NaN()
		}
		wall += float64(t.Wall)
		l += float64(*t.LoaderCPU)
		s += float64(*t.ServerCPU)
	}
	l /= wall * float64(e.env.CPUsOf(e.env.LoaderCPUs))
	s /= wall * float64(e.env.CPUsOf(e.env.ServerCPUs))
	return finite(l), finite(s)
}

// steal is the share of the processors' time that was stolen; NaN if unknown.
func (e evidence) steal() float64 {
	var wall, stolen float64
	for _, t := range e.trials {
		if t.Steal != nil {
			wall += float64(t.Wall)
			stolen += float64(*t.Steal)
		}
	}
	return finite(stolen / wall / float64(e.env.Cores)) // NaN exceeds no limit
}

func orNaN(ns *int64) float64 {
	if ns == nil {
		return math.NaN()
	}
	return float64(*ns)
}

// loaderWait is the part of its processors' time that the load generator waited
// for one, beyond what waking takes; NaN if unknown.
func (e evidence) loaderWait() float64 {
	var wall, wait float64
	for _, t := range e.trials {
		wall += float64(t.Wall)
		wait += orNaN(t.LoaderWait) - float64(t.LoaderRuns)*float64(waking)
	}
	return finite(wait / wall / float64(e.env.CPUsOf(e.env.LoaderCPUs)))
}

// throttling sums what quotas withheld, in which time, and how often it was too hot.
func (e evidence) throttling() (wall, quota time.Duration, heat uint64) {
	for _, t := range e.trials {
		if t.Host != nil {
			wall += t.Host.Wall
			quota += t.Host.Throttled
			heat += t.Host.Heat
		}
	}
	return wall, quota, heat
}

// finite turns what was divided by zero into NaN.
func finite(v float64) float64 {
	if math.IsInf(v, 0) {
		return math.NaN()
	}
	return v
}
