package judge

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/benchctl/benchctl/internal/stats"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/scenarios"
)

// SummarizeDir summarizes the records in a run's directory so far, so that a killed run has a
// summary too.
func SummarizeDir(dir string) (*Summary, error) {
	record, err := results.Read(dir)
	if err != nil {
		return nil, err
	}
	return Summarize(record)
}

// Summarize computes the summary of what a run has recorded so far. The same
// record gives the same summary.
func Summarize(r *results.Record) (*Summary, error) {
	m := r.Manifest
	s := &Summary{Schema: SummarySchema, Run: Run{
		ID: m.ID, Status: Status(r), Seed: m.Seed, Started: m.Started, Finished: r.Finished(), CountedSeconds: r.Counted().Seconds(), Benchctl: m.Benchctl,
		Command: m.Command, Environment: m.Environment, Notes: m.Notes, Terms: m.Terms,
	}, Pairs: []Pair{}}
	if s.Run.Status == StatusPartial {
		s.Run.Notes = append(slices.Clone(s.Run.Notes), partial(r))
	}
	s.Run.Notes = append(slices.Clip(s.Run.Notes), precisionNotes(r)...)
	for i := range m.Blocks {
		if err := s.addBlock(r, i); err != nil {
			return nil, fmt.Errorf("summarize run %s: %w", m.ID, err)
		}
	}
	return s, nil
}

// Status is complete when every planned round has been measured, or need not be
// because its block is precise, or can't be because no candidate was left. Where
// rounds are to fill a budget, it is when the last launch has a round and its mirror.
func Status(r *results.Record) string {
	m := r.Manifest
	for b := range m.Blocks {
		live := func(candidate string) bool { return !failed(r, candidate, b) }
		nobody := !slices.ContainsFunc(m.Candidates, func(c results.Candidate) bool { return live(c.Name) })
		if !full(r, b) && !nobody && !Precise(r, b, live) {
			return StatusPartial
		}
	}
	return StatusComplete
}

// full reports whether a block has the rounds that were planned.
func full(r *results.Record, block int) bool {
	m := r.Manifest
	if !m.Fill {
		return r.Rounds(block) == m.Launches*m.Rounds
	}
	last := 0
	for key := range r.Done() {
		if key.Block == block && key.Launch == m.Launches-1 {
			last++
		}
	}
	return last >= 2
}

// planned is the number of rounds of the whole run.
func planned(r *results.Record) int {
	return r.Manifest.Launches * r.Manifest.Rounds * len(r.Manifest.Blocks)
}

func failed(r *results.Record, candidate string, block int) bool {
	deed := func(t results.Trial) bool { return t.Candidate == candidate && t.Block == block && t.Deed != "" }
	return slices.ContainsFunc(r.Trials, deed) || slices.ContainsFunc(r.Passes, deed) || slices.ContainsFunc(r.Launches, func(l results.Launch) bool {
		return l.Candidate == candidate && l.FailureIn(block) != ""
	})
}

// partial says how much of the plan was measured.
func partial(r *results.Record) string {
	if r.Manifest.Fills() {
		return fmt.Sprintf("partial: the run ended after %d rounds, before the last launch had its share of the budget", len(r.Done()))
	}
	if m := r.Manifest; m.Blocks[0].Load.Watched() {
		repetitions := 0
		for _, b := range m.Blocks {
			repetitions += m.Launches * m.Rounds * (len(m.Candidates) - len(b.Without))
		}
		return fmt.Sprintf("partial: %d of %d repetitions were watched", len(r.Watches), repetitions)
	}
	return fmt.Sprintf("partial: %d of %d rounds were measured", len(r.Done()), planned(r))
}

// addBlock adds the cells of one block, ranked, and their pairs.
func (s *Summary) addBlock(r *results.Record, block int) error {
	m := r.Manifest
	if m.Blocks[block].Load.Watched() {
		s.addWatched(r, block)
		return nil
	}
	var all []evidence
	var told []results.Trial // whose times are
	for _, c := range m.Candidates {
		if !slices.Contains(m.Blocks[block].Without, c.Name) {
			all = append(all, newEvidence(r, block, c))
			told = append(told, all[len(all)-1].timed()...)
		}
	}
	hists, err := r.Times(block, told)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var cells []Cell
	for _, e := range all {
		cells = append(cells, e.cell(m, hists[e.candidate.Name]))
	}
	var pairs []Pair
	for a := range cells {
		for b := a + 1; b < len(cells); b++ {
			if cells[a].Verdict.Usable() && cells[b].Verdict.Usable() {
				pairs = append(pairs, comparePair(m, metrics, all[a], all[b])...)
			}
		}
	}
	for i, c := range cells {
		at := slices.IndexFunc(cells, func(o Cell) bool { return o.Candidate == c.Base })
		if c.Layers > 0 && at >= 0 && c.Verdict.Usable() && cells[at].Verdict.Usable() {
			cells[i].Added = added(all[at], all[i])
		}
	}
	together(cells, all, loaderCeiling(m, m.Blocks[block]))
	rank(cells, pairs, rankMetric(m.Blocks[block]))
	if note := budgetNote(r, block, pairs); note != "" {
		s.Run.Notes = append(s.Run.Notes, note)
	}
	s.Cells = append(s.Cells, cells...)
	s.Pairs = append(s.Pairs, pairs...)
	return nil
}

// slowStart is the share of a run's budget from which on the time that a candidate takes to
// start is told.
const slowStart = 0.1

// cell computes one row.
func (e evidence) cell(m results.Manifest, times results.Times) Cell {
	b, c, basis := e.block, e.candidate, e.basis()
	e.p99, e.late = p99(times.Response), p99(times.Late)
	cell := Cell{
		Scenario: b.Scenario, App: b.App, Identity: b.Identity(), Candidate: c.Name, Server: c.Server, Version: c.Version,
		Profile: c.Profile, Class: c.Class, Base: c.Base, Reference: c.Reference, Layers: c.Depth(), Engine: b.Load.Engine,
		Launches: countLaunches(e.trials), Slices: len(e.trials), Connections: b.Load.Connections, Requests: e.sum(func(t results.Trial) uint64 { return t.Counted }),
		Figures: figures(m, basis), Basis: e.look.basis(), Whole: e.whole(),
		BodyRate: medianKnown(basis, bodyRate), WireRate: wireRate(basis), Offered: medianKnown(basis, func(t results.Trial) float64 { return t.Rate }), Ceiling: medianKnown(basis, func(t results.Trial) float64 { return t.Ceiling }),
		Latency: NewLatency(times.Response), Service: NewLatency(times.Service), SendLag: NewLatency(times.SendLag), First: NewLatency(times.First), Idle: idle(b, e.trials), Memory: memory(e.launches, slices.Concat(e.trials, e.passes)), StartupMS: startup(e.launches),
		Errors: e.errors(), TiedWith: []string{},
	}
	if b.Load.SLO != nil { // percentiles of many rates are those of none
		cell.SLO = &SLO{Objective: b.Load.SLO.String()}
		cell.Latency, cell.Service, cell.SendLag, cell.Offered = nil, nil, nil, nil
	}
	cell.AtRest = e.atRest()
	cell.Loader = e.loader(cell.Figures.Throughput(), loaderCeiling(m, b))
	cell.Reasons = verdict(e)
	cell.Verdict = worst(cell.Reasons)
	cell.Notes = e.notes()
	if start := cell.StartupMS; start != nil && m.Budget > 0 && *start*1e6 > slowStart*float64(m.Budget) {
		cell.Notes = append(cell.Notes, fmt.Sprintf("slow start: it takes %.3g s to start, of a budget of %v, and had %d launches of %d", *start/1e3, m.Budget, cell.Launches, m.Launches))
	}
	return cell
}

// bodyRate is bytes of bodies per second in a slice, 0 if unknown.
func bodyRate(t results.Trial) float64 {
	if t.Elapsed <= 0 {
		return 0
	}
	return float64(t.BytesIn) / t.Elapsed.Seconds()
}

// wireRate is bytes of replies as received over the time they were counted in, nil if
// that is not known.
func wireRate(trials []results.Trial) *float64 {
	var bytes, seconds float64
	for _, t := range trials {
		if t.SLO == nil {
			bytes += float64(t.WireIn)
			seconds += t.Elapsed.Seconds()
		}
	}
	if bytes == 0 || seconds == 0 {
		return nil
	}
	return known(bytes / seconds)
}

// idle is about the connections beside a block's load, nil if there were none.
func idle(b results.Block, trials []results.Trial) *Idle {
	if b.Load.Idle == 0 || len(trials) == 0 {
		return nil
	}
	i := &Idle{Asked: b.Load.Idle, Kept: b.Load.Idle}
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

func countLaunches(trials []results.Trial) int {
	seen := make(map[[2]int]bool)
	for _, t := range trials {
		seen[[2]int{t.Launch, t.Attempt}] = true
	}
	return len(seen)
}

// NewLatency reads a histogram of times in ns; nil if it has none.
func NewLatency(h *hdrhistogram.Histogram) *Latency {
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

func memory(launches []results.Launch, trials []results.Trial) *Memory {
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

func startup(launches []results.Launch) *float64 {
	var all []float64
	for _, l := range launches {
		if l.StartupMS != nil {
			all = append(all, *l.StartupMS)
		}
	}
	return medianOf(all)
}

// medianKnown is the median of a figure over the trials that tell it; others have 0.
func medianKnown(trials []results.Trial, of func(results.Trial) float64) *float64 {
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
	if ceiling > 0 && throughput != nil && throughput.Value > 0 {
		headroom = min(headroom, ceiling/throughput.Value)
	}
	if !math.IsInf(headroom, 1) {
		l.Headroom = known(headroom)
	}
	return l
}

// rankMetric is what a block's cells are ordered by: what the scenario says, or what the
// load is about. At a fixed rate all throughputs are alike, and the cost of serving it differs.
func rankMetric(b results.Block) string {
	switch {
	case b.Load.SLO != nil:
		return MetricSLORate
	case b.RankBy == scenarios.ByServerCPU, b.RankBy == "" && b.Load.Open():
		return MetricServerCPU
	}
	return MetricThroughput
}

// rank ranks the cells that are not invalid, and that found a rate where one was
// searched, within each class. Two tie unless the interval of their paired ratio excludes 1. Who is not
// paired with half of the others of its class at least has no rank: that nothing is known is no tie.
func rank(cells []Cell, pairs []Pair, metric string) {
	classes := make(map[string][]int)
	for i, c := range cells {
		if c.Verdict.Usable() && (c.SLO == nil || c.Figures[MetricSLORate] != nil) {
			cells[i].RankedBy = metric
			classes[c.Class] = append(classes[c.Class], i)
		}
	}
	better, paired := resolved(pairs, metric)
	for _, able := range classes {
		ranked := slices.DeleteFunc(slices.Clone(able), func(i int) bool {
			with := 0
			for _, j := range able {
				if paired[[2]string{cells[i].Candidate, cells[j].Candidate}] {
					with++
				}
			}
			return 2*with < len(able)-1
		})
		ranks, ties := stats.Rank(len(ranked), func(i, j int) bool {
			return better[[2]string{cells[ranked[i]].Candidate, cells[ranked[j]].Candidate}]
		})
		for i, at := range ranked {
			cells[at].Rank = ranks[i]
			for _, j := range ties[i] {
				cells[at].TiedWith = append(cells[at].TiedWith, cells[ranked[j]].Candidate)
			}
		}
	}
}

// resolved tells which candidates are better than which others beyond doubt by a metric, and
// which are paired by it at all.
func resolved(pairs []Pair, metric string) (better, paired map[[2]string]bool) {
	better, paired = make(map[[2]string]bool), make(map[[2]string]bool)
	for _, p := range pairs {
		if p.Metric != metric {
			continue
		}
		paired[[2]string{p.A, p.B}], paired[[2]string{p.B, p.A}] = true, true
		if !p.Separated() {
			continue
		}
		if p.Low > 1 != MetricNamed(metric).LessIsBetter {
			p = p.inverse() // B is the better one
		}
		better[[2]string{p.A, p.B}] = true
	}
	return better, paired
}

// ceilingReached is the share of the load generator's ceiling from which on rows are at it.
const ceilingReached = 0.95

// together degrades the rows of a block that all lie at the load generator's ceiling
// while their servers had something left: what they have in common is then the load
// generator, and not their speed.
func together(cells []Cell, of []evidence, ceiling float64) {
	var at []int
	for i, c := range cells {
		if !c.Verdict.Usable() || c.Figures.Throughput() == nil || ceiling <= 0 || c.Figures.Throughput().Value < ceilingReached*ceiling {
			continue
		}
		if _, server := of[i].use(); server < serverIdleBelow {
			at = append(at, i)
		}
	}
	if len(at) < 2 {
		return
	}
	for _, i := range at {
		c := &cells[i]
		c.Reasons = append(c.Reasons, atCeiling.because(len(at), 100*(1-ceilingReached), ceiling))
		c.Verdict = worst(c.Reasons)
	}
}

// loaderCeiling is the load generator's limit in a block, in req/s; 0 if unknown.
func loaderCeiling(m results.Manifest, b results.Block) float64 {
	for _, c := range m.LoaderCeilings {
		if l := b.Load; l.Plain() && c.Engine == l.Engine && c.Connections == l.Connections {
			return c.RPS
		}
	}
	return 0
}
