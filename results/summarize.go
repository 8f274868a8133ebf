package results

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"math"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/benchctl/benchctl/bench/stats"
)

// Summarize computes the summary of what a run has recorded so far. The same
// record gives the same summary.
func Summarize(r *Record) (*Summary, error) {
	m := r.Manifest
	s := &Summary{Schema: SummarySchema, Run: Run{
		ID: m.ID, Status: r.Status(), Seed: m.Seed, Started: m.Started, Finished: r.finished(), CountedSeconds: r.counted().Seconds(), Benchctl: m.Benchctl,
		Command: m.Command, Environment: m.Environment, Notes: m.Notes,
	}, Pairs: []Pair{}}
	if s.Run.Status == StatusPartial {
		s.Run.Notes = append(slices.Clone(s.Run.Notes), r.partial())
	}
	s.Run.Notes = append(slices.Clip(s.Run.Notes), r.precisionNotes()...)
	for i := range m.Blocks {
		if err := s.addBlock(r, i); err != nil {
			return nil, fmt.Errorf("summarize run %s: %w", m.ID, err)
		}
	}
	return s, nil
}

// Status is complete when every planned round has been measured, or need not be
// because its block is precise, or can't be because no candidate was left. Where
// rounds are to fill a budget, it is when the last launch has rounds for an
// interval.
func (r *Record) Status() string {
	m := r.Manifest
	for b := range m.Blocks {
		live := func(candidate string) bool { return !r.failed(candidate, b) }
		nobody := !slices.ContainsFunc(m.Candidates, func(c Candidate) bool { return live(c.Name) })
		if !r.full(b) && !nobody && !r.Precise(b, live) {
			return StatusPartial
		}
	}
	return StatusComplete
}

// full tells whether a block has the rounds that were planned.
func (r *Record) full(block int) bool {
	m := r.Manifest
	if !m.Fill {
		return r.rounds(block) == m.Launches*m.Rounds
	}
	last := 0
	for key := range r.Done() {
		if key.Block == block && key.Launch == m.Launches-1 {
			last++
		}
	}
	return last >= stats.MinValues
}

// planned is the number of rounds of the whole run.
func (r *Record) planned() int {
	return r.Manifest.Launches * r.Manifest.Rounds * len(r.Manifest.Blocks)
}

func (r *Record) failed(candidate string, block int) bool {
	return slices.ContainsFunc(r.Launches, func(l Launch) bool {
		return l.Candidate == candidate && l.FailureIn(block) != ""
	})
}

func (r *Record) finished() time.Time {
	var last time.Time
	for _, t := range r.Trials {
		if end := t.At.Add(t.Wall); end.After(last) {
			last = end
		}
	}
	return last
}

// partial says how much of the plan was measured.
func (r *Record) partial() string {
	if r.Manifest.Fill {
		return fmt.Sprintf("partial: the run ended after %d rounds, before the last launch had its share of the budget", len(r.Done()))
	}
	return fmt.Sprintf("partial: %d of %d rounds were measured", len(r.Done()), r.planned())
}

// counted is the time inside of counted slices.
func (r *Record) counted() (sum time.Duration) {
	for _, t := range r.Trials {
		sum += t.Elapsed
	}
	return sum
}

// addBlock adds the cells of one block, ranked, and their pairs.
func (s *Summary) addBlock(r *Record, block int) error {
	m := r.Manifest
	trials := r.trialsOf(block)
	hists, err := mergeHistograms(histPath(r.Dir, m, block), trials)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var cells []Cell
	var own [][]Trial
	for _, c := range m.Candidates {
		if slices.Contains(m.Blocks[block].Without, c.Name) {
			continue
		}
		mine := slices.DeleteFunc(slices.Clone(trials), func(t Trial) bool { return t.Candidate != c.Name })
		own = append(own, mine)
		cells = append(cells, newCell(r, block, c, mine, hists[c.Name]))
	}
	var pairs []Pair
	for a := range cells {
		for b := a + 1; b < len(cells); b++ {
			if cells[a].Verdict != Invalid && cells[b].Verdict != Invalid {
				pairs = append(pairs, comparePair(m, cells[a], cells[b], own[a], own[b])...)
			}
		}
	}
	rank(cells, pairs, rankMetric(m.Blocks[block]))
	if note := budgetNote(m, m.Blocks[block], pairs); note != "" {
		s.Run.Notes = append(s.Run.Notes, note)
	}
	s.Cells = append(s.Cells, cells...)
	s.Pairs = append(s.Pairs, pairs...)
	return nil
}

// newCell computes one row from its trials.
func newCell(r *Record, block int, c Candidate, trials []Trial, times Times) Cell {
	b := r.Manifest.Blocks[block]
	e := evidence{block: b, index: block, trials: trials, env: r.Manifest.Environment}
	for _, l := range r.Launches {
		if l.Candidate == c.Name {
			e.launches = append(e.launches, l)
		}
	}
	e.p99, e.late = p99(times.Response), p99(times.Late)
	cell := Cell{
		Scenario: b.Scenario, App: b.App, Candidate: c.Name, Server: c.Server, Version: c.Version,
		Profile: c.Profile, Class: c.Class, Base: c.Base, Engine: b.Engine,
		Launches: countLaunches(trials), Slices: len(trials), Connections: b.Connections, Requests: e.sum(func(t Trial) uint64 { return t.Counted }),
		Throughput: estimate(r.Manifest, trials, throughput), ServerCPU: estimate(r.Manifest, trials, serverCPU),
		BodyRate: medianKnown(trials, bodyRate), Offered: medianKnown(trials, func(t Trial) float64 { return t.Rate }), Ceiling: medianKnown(trials, func(t Trial) float64 { return t.Ceiling }),
		Latency: percentiles(times.Response), Service: percentiles(times.Service), SendLag: percentiles(times.SendLag), First: percentiles(times.First), Idle: idle(b, trials), Memory: memory(e.launches, trials), StartupMS: startup(e.launches),
		Errors: e.errors(), TiedWith: []string{},
	}
	if b.SLO != nil { // percentiles of many rates are those of none
		cell.SLO = found(r.Manifest, *b.SLO, trials)
		cell.Latency, cell.Service, cell.SendLag, cell.Offered = nil, nil, nil, nil
	}
	cell.Loader = e.loader(cell.Throughput, r.Manifest.loaderCeiling(b))
	cell.Verdict, cell.Reasons = verdict(e)
	return cell
}

// bodyRate is bytes of bodies per second in a slice, 0 if unknown.
func bodyRate(t Trial) float64 {
	if t.Elapsed <= 0 {
		return 0
	}
	return float64(t.BytesIn) / t.Elapsed.Seconds()
}

// idle is about the connections beside a block's load, nil if there were none.
func idle(b Block, trials []Trial) *Idle {
	if b.Idle == 0 || len(trials) == 0 {
		return nil
	}
	i := &Idle{Asked: b.Idle, Kept: b.Idle}
	for _, t := range trials {
		i.Kept = min(i.Kept, t.IdleKept)
	}
	var kib []float64
	for _, t := range trials {
		if t.IdleKiB != nil {
			kib = append(kib, *t.IdleKiB)
		}
	}
	if len(kib) > 0 {
		i.KiB = new(float64)
		*i.KiB = stats.Median(kib)
	}
	return i
}

// p99 is 0 if it is not known.
func p99(h *hdrhistogram.Histogram) time.Duration {
	if h == nil {
		return 0
	}
	return time.Duration(h.ValueAtQuantile(99))
}

func countLaunches(trials []Trial) int {
	seen := make(map[[2]int]bool)
	for _, t := range trials {
		seen[[2]int{t.Launch, t.Attempt}] = true
	}
	return len(seen)
}

// A metric is a figure of one trial; ok is false if the trial does not tell it.
type metric func(Trial) (value float64, ok bool)

// metrics are those that candidates are compared by.
var metrics = []struct {
	name string
	of   metric
}{{MetricThroughput, ownThroughput}, {MetricServerCPU, serverCPU}, {MetricSLORate, sloRate}}

// ownThroughput is throughput but for rates that were made from a ceiling: those
// compare by how well it was measured.
func ownThroughput(t Trial) (float64, bool) {
	v, ok := throughput(t)
	return v, ok && t.Ceiling == 0
}

// throughput is not told by the slices of a search, whose rates vary; neither is
// serverCPU.
func throughput(t Trial) (float64, bool) {
	return float64(t.Counted) / t.Elapsed.Seconds(), t.Elapsed > 0 && t.SLO == nil
}

func serverCPU(t Trial) (float64, bool) {
	if t.ServerCPU == nil || t.Answered == 0 || t.SLO != nil {
		return 0, false
	}
	return float64(*t.ServerCPU) / 1e3 / float64(t.Answered), true
}

// estimate is the median of a metric over trials, grouped by launch; nil if no
// trial tells it.
func estimate(m Manifest, trials []Trial, of metric) *Estimate {
	var groups launchGroups
	for _, t := range trials {
		if v, ok := of(t); ok {
			groups.add(t, v)
		}
	}
	if len(groups.values) == 0 {
		return nil
	}
	i, _ := stats.Bootstrap(groups.values, m.Seed)
	return &Estimate{i.Median, i.Low, i.High}
}

// launchGroups collects values by launch; a resumed launch is another one.
type launchGroups struct {
	index  map[[2]int]int
	values [][]float64
}

func (g *launchGroups) add(t Trial, v float64) {
	key := [2]int{t.Launch, t.Attempt}
	i, ok := g.index[key]
	if !ok {
		if g.index == nil {
			g.index = make(map[[2]int]int)
		}
		i = len(g.values)
		g.index[key] = i
		g.values = append(g.values, nil)
	}
	g.values[i] = append(g.values[i], v)
}

// percentiles reads the merged histogram. With fewer than 100 samples beyond it,
// a percentile is left out.
func percentiles(h *hdrhistogram.Histogram) *Latency {
	if h == nil || h.TotalCount() == 0 {
		return nil
	}
	at := func(permille int64) *float64 {
		if h.TotalCount()*(1000-permille) < 100*1000 {
			return nil
		}
		return known(float64(h.ValueAtQuantile(float64(permille)/10)) / 1e6)
	}
	return &Latency{P50: at(500), P90: at(900), P99: at(990), P999: at(999), Max: known(float64(h.Max()) / 1e6)}
}

func known(v float64) *float64 { return &v }

func memory(launches []Launch, trials []Trial) *Memory {
	var idle, after []float64
	for _, l := range launches {
		if l.IdleMiB != nil {
			idle = append(idle, *l.IdleMiB)
		}
		if l.AfterMiB != nil {
			after = append(after, *l.AfterMiB)
		}
	}
	m := Memory{Idle: medianOf(idle), After: medianOf(after)}
	for _, t := range trials {
		if t.MemoryMiB != nil && (m.Peak == nil || *t.MemoryMiB > *m.Peak) {
			m.Peak = t.MemoryMiB
		}
	}
	if m == (Memory{}) {
		return nil
	}
	return &m
}

func startup(launches []Launch) *float64 {
	var all []float64
	for _, l := range launches {
		if l.StartupMS != nil {
			all = append(all, *l.StartupMS)
		}
	}
	return medianOf(all)
}

// medianKnown is the median of a figure over the trials that tell it; others have 0.
func medianKnown(trials []Trial, of func(Trial) float64) *float64 {
	var all []float64
	for _, t := range trials {
		if v := of(t); v > 0 {
			all = append(all, v)
		}
	}
	return medianOf(all)
}

func medianOf(values []float64) *float64 {
	if len(values) == 0 {
		return nil
	}
	return known(stats.Median(values))
}

// loader tells the load generator's cost, and how far it was from its limit.
// ceiling is that against the sink in req/s; 0 if unknown.
func (e evidence) loader(throughput *Estimate, ceiling float64) *Loader {
	var cpu, answered float64
	for _, t := range e.trials {
		if t.LoaderCPU == nil {
			return nil
		}
		cpu += float64(*t.LoaderCPU)
		answered += float64(t.Answered)
	}
	if answered == 0 {
		return nil
	}
	l := &Loader{CPU: known(cpu / 1e3 / answered)}
	headroom := math.Inf(1)
	if share, _ := e.use(); share > 0 {
		headroom = 1 / share
	}
	if ceiling > 0 && throughput != nil && throughput.Median > 0 {
		headroom = min(headroom, ceiling/throughput.Median)
	}
	if !math.IsInf(headroom, 1) {
		l.Headroom = known(headroom)
	}
	return l
}

// comparePair compares two cells round by round, so that whatever slowed the
// machine in a round slowed both. Metrics without enough rounds are left out.
func comparePair(m Manifest, a, b Cell, trialsA, trialsB []Trial) []Pair {
	byRound := make(map[RoundKey]Trial)
	for _, t := range trialsA {
		byRound[t.Key()] = t
	}
	var pairs []Pair
	for _, metric := range metrics {
		var ratios launchGroups
		for _, t := range trialsB {
			va, okA := metric.of(byRound[t.Key()])
			vb, okB := metric.of(t)
			if okA && okB && va > 0 && vb > 0 {
				ratios.add(t, vb/va)
			}
		}
		if i, p, ok := stats.BootstrapTest(ratios.values, 1, m.Seed^hash(a.Candidate, b.Candidate, metric.name)); ok {
			pairs = append(pairs, newPair(a, a.Candidate, b.Candidate, metric.name, i, p))
		}
	}
	return pairs
}

// newPair is what the interval i of the ratio b/a and its p-value tell, in the
// scenario and app of a cell.
func newPair(of Cell, a, b, metric string, i stats.Interval, p float64) Pair {
	return Pair{
		Scenario: of.Scenario, App: of.App, A: a, B: b, Metric: metric,
		Ratio: i.Median, Low: i.Low, High: i.High, MDE: known(i.MinimalEffect()), P: known(p),
	}
}

func hash(words ...string) uint64 {
	h := fnv.New64a()
	for _, w := range words {
		fmt.Fprintf(h, "%q", w)
	}
	return h.Sum64()
}

// rankMetric is what a block's cells are ordered by. At a fixed rate all
// throughputs are alike, and the cost of serving it differs.
func rankMetric(b Block) string {
	if b.SLO != nil {
		return MetricSLORate
	}
	if b.Open() {
		return MetricServerCPU
	}
	return MetricThroughput
}

// rank ranks the cells that are not invalid, and that found a rate where one was
// searched. Two tie unless the interval of
// their paired ratio excludes 1.
func rank(cells []Cell, pairs []Pair, metric string) {
	var ranked []int
	for i, c := range cells {
		if c.Verdict != Invalid && (c.SLO == nil || c.SLO.Rate != nil) {
			ranked = append(ranked, i)
		}
	}
	better := make(map[[2]string]bool)
	for _, p := range pairs {
		if p.Metric != metric || !p.Separated() {
			continue
		}
		if p.Low > 1 == moreIsBetter(metric) {
			p = p.inverse() // B is the better one
		}
		better[[2]string{p.A, p.B}] = true
	}
	ranks, ties := stats.Rank(len(ranked), func(i, j int) bool {
		return better[[2]string{cells[ranked[i]].Candidate, cells[ranked[j]].Candidate}]
	})
	for i, at := range ranked {
		cells[at].Rank, cells[at].RankedBy = ranks[i], metric
		for _, j := range ties[i] {
			cells[at].TiedWith = append(cells[at].TiedWith, cells[ranked[j]].Candidate)
		}
	}
}

func moreIsBetter(metric string) bool { return metric != MetricServerCPU }
