package judge

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	"github.com/benchctl/benchctl/internal/stats"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/scenarios"
)

// Metric is a figure that candidates are compared by. One entry in Metrics puts it into
// every estimate, pair, table, plot, comparison and export. Its texts may have Objective
// where the objective of a search belongs.
type Metric struct {
	Name string // in JSON: "server_cpu_us_per_request"
	Unit string // "µs/req"
	Head string // of its column: "server CPU"
	Help string // what it is, in a line
	// Verb and Of make sentences: "a spends 0.7x the server CPU per request of b".
	Verb, Of     string
	LessIsBetter bool
	// Decides means that precision, ranks and regressions depend on it. Others are shown only.
	Decides bool

	of share
	// compared replaces of where not every trial with the figure may be compared by it.
	compared share
	inParts  bool // the parts of a pass tell it, not only their sum
	// mayBeZero is that a server may have none of it, or hardly any.
	mayBeZero bool
	settles   bool // it is a value that a search swings around: the median, not a total
	// watched tells the figure of a watch, where of tells nothing.
	watched func(results.Watch) (stats.Share, bool)
	// each is what each of what a watched metric counts adds to its amount; 0: it is of no
	// counts.
	each float64
}

// Watched reports whether the metric is of loads of whose requests each is told. Its figures
// may be 0 or below.
func (m Metric) Watched() bool { return m.watched != nil }

// NearZero reports whether figures of the metric may be 0 or near it, so that a share of one tells nothing.
func (m Metric) NearZero() bool { return m.mayBeZero || m.Watched() }

// Objective is the placeholder for the objective of a search in the texts of a Metric.
const Objective = "{objective}"

// For is m with the objective of a search in its texts; "" if there was none.
func (m Metric) For(objective string) Metric {
	for _, text := range []*string{&m.Head, &m.Help, &m.Verb, &m.Of} {
		*text = strings.ReplaceAll(*text, Objective, objective)
	}
	return m
}

// Names of the metrics that ranks, costs and notes are told by.
const (
	MetricThroughput = "throughput_rps"
	MetricServerCPU  = "server_cpu_us_per_request"
	MetricSLORate    = "slo_rate_rps"
	// The last two are of servers in Go that are one process.
	MetricAllocations = "allocations_per_request"
	MetricAllocated   = "allocated_bytes_per_request"
	MetricLost        = "lost_per_event"
	MetricRaceLost    = "race_lost_post_percent"
)

// window is what requests that race with the end of their connection are sent within.
var window = scenarios.RaceWindow.String()

// metrics are all that there are, in the order in which they are shown.
var metrics = []Metric{
	{
		Name: MetricThroughput, Unit: "req/s", Head: "throughput", Help: "requests answered rightly per second",
		Verb: "serves", Of: "requests per second", of: throughput, Decides: true, compared: ownThroughput, inParts: true,
	},
	{
		Name: MetricSLORate, Unit: "req/s", Head: "rate at " + Objective, Help: "the rate at which half of the slices meet " + Objective + ", the highest that does",
		Verb: "meets " + Objective + " at", Of: "rate", of: sloRate, settles: true, Decides: true,
	},
	{
		Name: MetricServerCPU, Unit: "µs/req", Head: "server CPU", Help: "CPU time of the server's whole process tree per request",
		Verb: "spends", Of: "server CPU per request", LessIsBetter: true, Decides: true, of: serverCPU,
	},
	{
		Name: "context_switches_per_request", Unit: "/req", Head: "context switches", Help: "context switches of the server's threads per request",
		Verb: "takes", Of: "context switches per request", LessIsBetter: true, of: perReply("context_switches"),
	},
	{
		Name: MetricAllocations, Unit: "/req", Head: "allocations", Help: "objects that a server in Go allocated on its heap per request",
		Verb: "makes", Of: "allocations per request", LessIsBetter: true, of: perReply("allocations"), mayBeZero: true,
	},
	{
		Name: MetricAllocated, Unit: "B/req", Head: "allocated", Help: "bytes that a server in Go allocated on its heap per request",
		Verb: "allocates", Of: "bytes per request", LessIsBetter: true, of: perReply("allocated_bytes"), mayBeZero: true,
	},
	{
		Name: "server_cpu_ms_per_second", Unit: "ms/s", Head: "CPU at the rate", Help: "CPU time of the server per second at a rate, above what it uses at rest",
		Verb: "spends", Of: "server CPU per second", LessIsBetter: true, of: aboveIdle,
	},
	{
		Name: MetricLost, Unit: "/event", Head: "lost", Help: "requests that the server owed a reply and did not give, for each event: the mean",
		Verb: "loses", Of: "requests per event", LessIsBetter: true, Decides: true, watched: lostPerEvent, each: 1,
	},
	{
		Name: "zombies_per_event", Unit: "/event", Head: "zombies", Help: "foreign processes that the server, as process 1, had adopted, that had ended, and that it had not reaped at the end of the load, for each: the mean",
		Verb: "leaves", Of: "zombies per adopted process", LessIsBetter: true, watched: zombies, each: 1,
	},
	{
		Name: "race_lost_get_percent", Unit: "%", Head: "GET lost", Help: "share of the GET sent within " + window + " of when the server closes an idle connection that were lost",
		Verb: "loses", Of: "share of GET that race with the end of their connection", LessIsBetter: true, watched: raceLost("GET"), each: 100,
	},
	{
		Name: MetricRaceLost, Unit: "%", Head: "POST lost", Help: "share of the POST sent within " + window + " of when the server closes an idle connection that were lost",
		Verb: "loses", Of: "share of POST that race with the end of their connection", LessIsBetter: true, watched: raceLost("POST"), each: 100,
	},
	{
		Name: "idle_closed_ms", Unit: "ms", Head: "idle until", Help: "how long a connection had been idle when the server closed it, median",
		Verb: "keeps idle connections for", Of: "time that idle connections are kept", settles: true, watched: inMS(closedAfter),
	},
	{
		Name: "stall_ms", Unit: "ms", Head: "stall", Help: "the longest time without a right reply after the first event, median",
		Verb: "stalls for", Of: "time", LessIsBetter: true, Decides: true, settles: true, watched: inMS(func(w results.Watch) *time.Duration { return w.Stall }),
	},
	{
		Name: "p99_before_ms", Unit: "ms", Head: "p99 before", Help: "99 % of right replies before the first event took at most this long, but for the first of each connection; median",
		Verb: "takes", Of: "p99 before an event", LessIsBetter: true, settles: true, watched: inMS(func(w results.Watch) *time.Duration { return w.Before }),
	},
	{
		Name: "p99_around_ms", Unit: "ms", Head: "p99 around", Help: "99 % of right replies from the first event to a second after the last took at most this long, median; what was lost or not sent is not in it",
		Verb: "takes", Of: "p99 around an event", LessIsBetter: true, settles: true, watched: inMS(func(w results.Watch) *time.Duration { return w.Around }),
	},
	{
		Name: "overlap_ms", Unit: "ms", Head: "overlap", Help: "how long old and new processes both gave replies after a reload or upgrade; below 0 how long neither did; median",
		Verb: "overlaps for", Of: "time", settles: true, watched: inMS(func(w results.Watch) *time.Duration { return w.Overlap }),
	},
	{
		Name: "drain_ms", Unit: "ms", Head: "drain", Help: "how long after the first reload, upgrade or stop an old process gave its last reply, median",
		Verb: "drains for", Of: "time", LessIsBetter: true, settles: true, watched: inMS(func(w results.Watch) *time.Duration { return w.Drain }),
	},
	{
		Name: "recovery_ms", Unit: "ms", Head: "recovery", Help: "how long after the first event the last lost request was sent, 0 if none was lost; median",
		Verb: "recovers in", Of: "time", LessIsBetter: true, settles: true, watched: inMS(func(w results.Watch) *time.Duration { return w.Recovery }),
	},
	{
		Name: "ended_ms", Unit: "ms", Head: "ended", Help: "how long after the first event the server had ended, median",
		Verb: "ends in", Of: "time", LessIsBetter: true, settles: true, watched: inMS(sinceEvent),
	},
}

// decisive are the metrics that decide.
func decisive() []Metric {
	return slices.DeleteFunc(Metrics(), func(m Metric) bool { return !m.Decides })
}

// Metrics are all metrics, in the order in which they are shown.
func Metrics() []Metric { return slices.Clone(metrics) }

// MetricNamed is the metric of a name. An unknown one, as in a summary of another version, has
// no texts but its name.
func MetricNamed(name string) Metric {
	at := slices.IndexFunc(metrics, func(m Metric) bool { return m.Name == name })
	if at < 0 {
		return Metric{Name: name, Head: name, Of: name, Verb: "has"}
	}
	return metrics[at]
}

// throughput is correct replies over seconds. Slices of a search have neither it nor
// serverCPU, because their rates vary.
func throughput(t results.Trial) (stats.Share, bool) {
	return stats.Share{Amount: float64(t.Counted), Over: t.Elapsed.Seconds()}, t.Elapsed > 0 && t.SLO == nil
}

// ownThroughput is throughput, except at rates that follow from a ceiling: a comparison of
// these would only show how well the ceiling was measured.
func ownThroughput(t results.Trial) (stats.Share, bool) {
	s, ok := throughput(t)
	return s, ok && t.Ceiling == 0
}

// serverCPU is µs over replies.
func serverCPU(t results.Trial) (stats.Share, bool) {
	if t.ServerCPU == nil || t.Answered == 0 || t.SLO != nil {
		return stats.Share{}, false
	}
	return stats.Share{Amount: float64(*t.ServerCPU) / 1e3, Over: float64(t.Answered)}, true
}

// perReply is a counter of trials over replies.
func perReply(counter string) share {
	return func(t results.Trial) (stats.Share, bool) {
		n, ok := t.Counters[counter]
		return stats.Share{Amount: float64(n), Over: float64(t.Answered)}, ok && t.Answered > 0 && t.SLO == nil
	}
}

// aboveIdle is ms of CPU time at a rate, less what the server used in as long a time while
// others were loaded, over seconds.
func aboveIdle(t results.Trial) (stats.Share, bool) {
	if t.Rate == 0 || t.ServerCPU == nil || t.SLO != nil {
		return stats.Share{}, false
	}
	used := float64(*t.ServerCPU)
	if t.Idle != nil && t.IdleWall > 0 {
		used -= float64(*t.Idle) / float64(t.IdleWall) * float64(t.Wall)
	}
	return stats.Share{Amount: max(0, used) / 1e6, Over: t.Wall.Seconds()}, true
}

// figures are a cell's figures by all metrics that its trials have.
func figures(m results.Manifest, trials []results.Trial) Figures {
	all := make(Figures)
	for _, metric := range metrics {
		if e := metric.estimate(m, trials); e != nil {
			all[metric.Name] = e
		}
	}
	return all
}

// estimate is the total of the metric over trials, or its median where it settles, grouped
// by launch; nil if no trial has it.
func (m Metric) estimate(of results.Manifest, trials []results.Trial) *Estimate {
	if m.of == nil {
		return nil
	}
	groups := grouped(trials, func(t results.Trial) []stats.Share {
		s, ok := m.of(t)
		return some(s, ok)
	})
	if len(groups) == 0 {
		return nil
	}
	var i stats.Interval
	known := true
	switch {
	case m.settles:
		i, known = stats.Bootstrap(amounts(groups), of.Seed)
	case m.mayBeZero:
		i, _ = stats.TotalNearZero(groups)
	default:
		i, _ = stats.Total(groups, of.Seed)
	}
	if !known {
		return nil
	}
	return &Estimate{i.Value, i.Low, i.High}
}

func amounts(groups [][]stats.Share) [][]float64 {
	all := make([][]float64, len(groups))
	for i, g := range groups {
		for _, s := range g {
			all[i] = append(all[i], s.Amount)
		}
	}
	return all
}

// pieces are a trial's values of the metric for a comparison: one of a slice, and one of each
// part of a pass. They are equal where only the sum of the parts is known.
func (m Metric) pieces(t results.Trial) []stats.Share {
	of := m.of
	if m.compared != nil {
		of = m.compared
	}
	if of == nil {
		return nil
	}
	s, ok := of(t)
	switch {
	case !ok:
		return nil
	case t.Pass == nil || len(t.Pass.Parts) == 0:
		return []stats.Share{s}
	}
	n := float64(len(t.Pass.Parts))
	all := slices.Repeat([]stats.Share{{Amount: s.Amount / n, Over: s.Over / n}}, len(t.Pass.Parts))
	for i, counted := range t.Pass.Parts {
		if m.inParts {
			all[i].Amount = float64(counted)
		}
	}
	return all
}

func some[T any](v T, ok bool) []T {
	if !ok {
		return nil
	}
	return []T{v}
}

// grouped collects the values of trials by launch; a resumed launch is another one.
func grouped[T any](trials []results.Trial, of func(results.Trial) []T) [][]T {
	index := make(map[[2]int]int)
	var groups [][]T
	for _, t := range trials {
		values := of(t)
		if len(values) == 0 {
			continue
		}
		key := [2]int{t.Launch, t.Attempt}
		i, ok := index[key]
		if !ok {
			i = len(groups)
			index[key] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], values...)
	}
	return groups
}

// comparePair compares two candidates by metrics, in the rounds that both have, so that a
// disturbance of a round affects both. If the slices of one do not show what an uninterrupted
// load shows, the passes of both are compared. Metrics with too few values for an interval are
// left out.
func comparePair(m results.Manifest, by []Metric, a, b evidence) []Pair {
	both := newAbreast(a, b)
	var pairs []Pair
	for _, metric := range by {
		i, p, ok := stats.PairedTotal(both.shares(metric), m.Seed^hash(a.candidate.Name, b.candidate.Name, metric.Name))
		if ok {
			pairs = append(pairs, newPair(a.block, a.candidate.Name, b.candidate.Name, metric.Name, i, p))
		}
	}
	return pairs
}

// abreast is the trials of two candidates, to be paired by rounds.
type abreast struct {
	a map[results.RoundKey]results.Trial
	b []results.Trial
}

// newAbreast is the slices of two candidates or, if those of one do not show what an uninterrupted load
// shows, the passes.
func newAbreast(a, b evidence) abreast {
	trialsA, trialsB := a.trials, b.trials
	if a.look.differs() || b.look.differs() {
		trialsA, trialsB = a.passes, b.passes
	}
	both := abreast{make(map[results.RoundKey]results.Trial), trialsB}
	for _, t := range trialsA {
		both.a[t.Key()] = t
	}
	return both
}

// shares are the pairs by a metric in the rounds that both have, by launch; none of one pass, which tells
// nothing of others.
func (s abreast) shares(by Metric) [][]stats.Paired {
	groups := grouped(s.b, func(t results.Trial) []stats.Paired {
		return paired(by.pieces(s.a[t.Key()]), by.pieces(t))
	})
	if len(groups) < 2 && len(s.b) > 0 && s.b[0].Pass != nil {
		return nil
	}
	return groups
}

// added is what layers add to the figures of the same candidate without them, by the metrics that may be 0
// without and with them, so that a ratio would tell nothing.
func added(without, with evidence) Figures {
	both, all := newAbreast(without, with), make(Figures)
	for _, metric := range metrics {
		if groups := both.shares(metric); metric.mayBeZero && len(groups) > 0 {
			i, _ := stats.PairedDifference(groups)
			all[metric.Name] = &Estimate{i.Value, i.Low, i.High}
		}
	}
	return all
}

// paired are the shares of two trials side by side, of those that both have.
func paired(a, b []stats.Share) []stats.Paired {
	var all []stats.Paired
	for i := range min(len(a), len(b)) {
		all = append(all, stats.Paired{A: a[i], B: b[i]})
	}
	return all
}

// newPair makes a pair of the interval i of the ratio b/a and its p-value in a block.
func newPair(in results.Block, a, b, metric string, i stats.Interval, p float64) Pair {
	pair := Pair{
		Scenario: in.Scenario, App: in.App, A: a, B: b, Metric: metric,
		Ratio: i.Value, Low: i.Low, High: i.High, P: known(p),
	}
	if i.Low > 0 { // else the ratio may be any, and no difference would show
		pair.MDE = known(i.MinimalEffect())
	}
	return pair
}

func hash(words ...string) uint64 {
	h := fnv.New64a()
	for _, w := range words {
		fmt.Fprintf(h, "%q", w)
	}
	return h.Sum64()
}
