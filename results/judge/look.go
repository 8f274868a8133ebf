package judge

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/benchctl/benchctl/internal/stats"
	"github.com/benchctl/benchctl/results"
)

// Limits for the comparison of slices with uninterrupted passes.
const (
	// leastTolerance is the least tolerance of slices: how much a machine's speed changes
	// within seconds. Slices of a single launch do not show how much that is.
	leastTolerance  = 0.05
	loneTolerance   = 0.10
	maxIdleInFlight = 0.05 // of the connections, by Little's law
	// driftTimes is how many standard deviations of the machine's speed a pass may be off
	// (95 %). leastOthers is how many other candidates a round must have to determine it.
	driftTimes  = 1.96
	leastOthers = 4
)

// look compares a cell's slices with its uninterrupted passes. If the slices do not show
// what the passes show, the passes are the cell's figures.
type look struct {
	passed                bool // there was a pass
	throughput, cpu       difference
	inSlices, inPasses    float64 // requests in flight over connections; NaN if unknown
	sliceError, passError bool    // these are off by more than maxIdleInFlight
}

// share is a trial's part of a figure, as a numerator and a denominator, so that trials can
// be summed; ok is false if the trial does not have it.
type share = func(results.Trial) (s stats.Share, ok bool)

// difference is the slices' figure over that of the passes in the same launches, and
// what of a difference the spread between launches explains. The least is that of the
// pass from which they differ least, 1 if they differ this way and that.
type difference struct {
	ratio, least, tolerance float64
	known                   bool
}

// beyond reports whether slices differ from the passes on average, and from each of them: a
// machine may slow down for the length of one pass.
func (d difference) beyond() bool {
	off := func(ratio, by float64) bool { return math.Abs(math.Log(ratio)) > math.Log1p(by) }
	return d.known && off(d.ratio, d.tolerance) && off(d.least, leastTolerance)
}

// Misled reports whether a row of a block would be its passes', as slices mislead, of the
// candidates that are live.
func Misled(r *results.Record, block int, live func(candidate string) bool) bool {
	return slices.ContainsFunc(r.Manifest.Candidates, func(c results.Candidate) bool {
		return live(c.Name) && newEvidence(r, block, c).look.differs()
	})
}

// Doubts reports whether another pass must confirm the only pass of a candidate in a block,
// because it contradicts the slices, shows a fault of the candidate, or was hampered. A machine
// that slows down for some seconds looks the same. Where two were hampered a third would be too:
// slices are a better use of the time.
func Doubts(r *results.Record, block int, candidate string) bool {
	e := evidenceNamed(r, block, candidate)
	return len(e.passes) == 1 && (e.look.differs() || len(e.changes()) > 0) || len(e.passes) == 0 && len(e.hampered) == 1
}

// Void reports whether what was seen of a candidate in a block so far invalidates its row.
func Void(r *results.Record, block int, candidate string) bool {
	e := evidenceNamed(r, block, candidate)
	return len(e.trials) > 0 && len(e.voided()) > 0
}

func newLook(e evidence) look {
	l := look{passed: len(e.passes) > 0, inSlices: e.inFlight(e.trials), inPasses: e.inFlight(e.passes)}
	if !e.block.Load.Open() {
		l.throughput = e.differ(throughput)
	}
	l.cpu = e.differ(serverCPU)
	off := func(share float64) bool { return math.Abs(share-1) > maxIdleInFlight } // false of NaN
	l.sliceError, l.passError = off(l.inSlices), off(l.inPasses)
	return l
}

// differs reports whether the cell's figures are those of the passes.
func (l look) differs() bool { return l.passed && (l.throughput.beyond() || l.cpu.beyond()) }

// mistimed reports whether the cell's response times are those of the passes alone, because
// those of the slices contradict the number of connections.
func (l look) mistimed() bool {
	return l.differs() || l.sliceError && !l.passError && !math.IsNaN(l.inPasses)
}

func (l look) basis() string {
	if l.differs() {
		return BasisWhole
	}
	return BasisSlices
}

// inFlight is the mean number of requests in flight over the number that a closed
// loop keeps in flight, which Little's law (1961) says is throughput x mean response
// time; NaN if unknown, or where connections also wait for something else.
func (e evidence) inFlight(trials []results.Trial) float64 {
	var busy, window time.Duration
	for _, t := range trials {
		busy += t.Busy
		window += t.Elapsed
	}
	b := e.block
	if b.Load.Open() || b.Load.Requests > 0 || b.Load.Close || busy == 0 || window == 0 {
		return math.NaN()
	}
	return busy.Seconds() / window.Seconds() / float64(b.Load.InFlight())
}

// kept is how many requests a closed loop keeps in flight.
func (e evidence) kept() float64 { return float64(e.block.Load.InFlight()) }

// differ compares slices with passes by a metric.
func (e evidence) differ(of share) (d difference) {
	var ratios []float64
	for _, pass := range e.passes {
		beside := slices.DeleteFunc(slices.Clone(e.trials), func(t results.Trial) bool { return t.Launch != pass.Launch || t.Attempt != pass.Attempt })
		whole, ok := of(pass)
		if in, any := sumOf(beside, of); ok && any && whole.Amount > 0 && in.Amount > 0 {
			ratios = append(ratios, math.Log(in.Amount/in.Over/whole.Amount*whole.Over))
		}
	}
	if len(ratios) == 0 {
		return d
	}
	d.ratio, d.tolerance, d.known = math.Exp(mean(ratios)), loneTolerance, true
	d.least = math.Exp(max(0, slices.Min(ratios)) + min(0, slices.Max(ratios)))
	if by := e.byLaunch(of); len(by) > 1 {
		d.tolerance = max(leastTolerance, math.Expm1(stats.Ahead(by, len(ratios))))
	}
	d.tolerance = max(d.tolerance, math.Expm1(driftTimes*e.drift(of)/math.Sqrt(float64(len(ratios)))))
	return d
}

// drift is the standard deviation of the logarithm of the machine's speed between rounds. The
// speed is what the other candidates' slices of a round have in common. With many candidates, a
// pass is minutes away from most slices, and saw another speed. drift is 0 if there are too few
// others to determine it.
func (e evidence) drift(of share) float64 {
	own := make(map[string][]float64)
	for _, t := range e.rest {
		if v, ok := logOf(t, of); ok {
			own[t.Candidate] = append(own[t.Candidate], v)
		}
	}
	rounds := make(map[results.RoundKey][]float64)
	for _, t := range e.rest {
		if v, ok := logOf(t, of); ok {
			rounds[t.Key()] = append(rounds[t.Key()], v-mean(own[t.Candidate]))
		}
	}
	var common []float64
	for _, offs := range rounds {
		if len(offs) >= leastOthers {
			common = append(common, stats.Median(offs))
		}
	}
	if len(common) < 2 {
		return 0
	}
	slices.Sort(common) // the same record gives the same sum
	return stats.StdDev(common)
}

// logOf is the logarithm of a trial's figure.
func logOf(t results.Trial, of share) (float64, bool) {
	s, ok := of(t)
	return math.Log(s.Amount / s.Over), ok && s.Amount > 0 && s.Over > 0
}

// byLaunch are the logarithms of a metric's totals of the launches.
func (e evidence) byLaunch(of share) []float64 {
	var logs []float64
	for _, launch := range grouped(e.trials, func(t results.Trial) []results.Trial { return []results.Trial{t} }) {
		if s, ok := sumOf(launch, of); ok && s.Amount > 0 {
			logs = append(logs, math.Log(s.Amount/s.Over))
		}
	}
	return logs
}

func sumOf(trials []results.Trial, of share) (sum stats.Share, ok bool) {
	for _, t := range trials {
		if s, told := of(t); told {
			sum.Amount, sum.Over, ok = sum.Amount+s.Amount, sum.Over+s.Over, true
		}
	}
	return sum, ok
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// whole is the look as a summary has it; nil if there was no pass.
func (e evidence) whole() *Whole {
	l, passes := e.look, e.passes
	if len(passes) == 0 {
		return nil
	}
	w := &Whole{Passes: len(passes), Throughput: ofTotal(passes, throughput), ServerCPU: ofTotal(passes, serverCPU)}
	for _, t := range passes {
		w.Seconds = max(w.Seconds, t.Elapsed.Seconds())
		w.Longest = max(w.Longest, float64(t.Longest)/1e6)
		w.Scale = max(w.Scale, float64(t.Scale)/1e6)
	}
	if l.throughput.known {
		w.SlicesOver = known(l.throughput.ratio)
	}
	if l.cpu.known {
		w.SlicesOverCPU = known(l.cpu.ratio)
	}
	keep := e.kept()
	if !math.IsNaN(l.inPasses) {
		w.InFlight = known(l.inPasses * keep)
	}
	if !math.IsNaN(l.inSlices) {
		w.SlicesInFlight = known(l.inSlices * keep)
	}
	return w
}

func ofTotal(trials []results.Trial, of share) *float64 {
	if s, ok := sumOf(trials, of); ok {
		return known(s.Amount / s.Over)
	}
	return nil
}

// untrue lists the reasons why the figures may differ from those of an uninterrupted load.
func (e evidence) untrue() []Reason {
	l := e.look
	var why []Reason
	switch {
	case !e.asked || len(e.passes) > 0:
	case len(e.hampered) > 0:
		why = append(why, hamperedPass.because(Sentences(e.hampers(e.hampered[0]))))
	default:
		why = append(why, slicesOnly.because())
	}
	if l.differs() {
		why = append(why, e.misled())
	}
	in, off := l.inSlices, l.sliceError
	if l.mistimed() {
		in, off = l.inPasses, l.passError
	}
	keep := e.kept()
	switch {
	case off && in < 1:
		why = append(why, notKeptBusy.because(in*keep, keep))
	case off:
		why = append(why, timesImpossible.because(in*keep, keep))
	}
	return append(append(why, e.changes()...), e.company()...)
}

// misled states how slices differ, and that the row is of the passes.
func (e evidence) misled() Reason {
	l := e.look
	var what []string
	if l.throughput.beyond() {
		what = append(what, fmt.Sprintf("%.2fx the throughput", l.throughput.ratio))
	}
	if l.cpu.beyond() {
		what = append(what, fmt.Sprintf("%.2fx the server CPU per request", l.cpu.ratio))
	}
	return slicesMislead.because(strings.Join(what, " and "), e.longest().Elapsed.Seconds())
}
