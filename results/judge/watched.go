package judge

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/benchctl/benchctl/internal/stats"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/scenarios"
)

// Watched is what became of requests around events, or at the end of idle connections, over
// all repetitions.
type Watched struct {
	Events      []string          `json:"events"` // as the scenario has them, or that requests were raced
	Repetitions int               `json:"repetitions"`
	Sent        uint64            `json:"sent"`
	Outcomes    map[string]uint64 `json:"outcomes"`
	Lost        map[string]uint64 `json:"lost"`                  // by outcome: that the server owed a reply and did not give it
	ByMethod    map[string]uint64 `json:"lost_by_method"`        // GET, POST, or results.StreamMethod
	LostBefore  uint64            `json:"lost_before,omitempty"` // before the first event
	Executed    *uint64           `json:"executed,omitempty"`    // of the lost: the app had got it, and its answer was lost; absent where it is not known of all
	Unseen      *uint64           `json:"never_seen,omitempty"`  // of the lost: the app had not got it
	Missed      uint64            `json:"missed"`                // requests that were not sent, as the one before on their connection was under way
	Replaced    int               `json:"replaced"`              // idle connections that the server ended, with no request on them
	Examples    map[string]string `json:"examples,omitempty"`    // the first of each outcome, as the system told it
	Streams     map[string]uint64 `json:"streams,omitempty"`     // outcomes of streaming replies that were held open
	Exits       map[string]int    `json:"exits,omitempty"`       // how it ended, and in how many repetitions
	// Left is what was there more at the end of the load than before the first event, for
	// a hundred events; absent of fewer than leastEvents.
	Left *Leak `json:"left_by_100,omitempty"`
	// Reloads are what came of reloads where something was broken for one of them.
	Reloads *Reloads `json:"reloads,omitempty"`
	// Race is how idle connections ended, and what became of requests that were sent about
	// then; absent of other loads.
	Race *Race `json:"race,omitempty"`
	// Worst is the repetition in which the most was lost, or else that with the longest stall.
	Worst *Course `json:"worst,omitempty"`
}

// Race is how a server ended idle connections, and how requests fared that were sent about
// then, over all repetitions.
type Race struct {
	LimitMS float64 `json:"limit_ms"` // how long connections were watched for their end
	Closed  int     `json:"closed"`   // connections that the server closed within
	// LowMS and HighMS are how long 10 % and 90 % of those had been idle at most.
	LowMS    float64                      `json:"idle_p10_ms"`
	HighMS   float64                      `json:"idle_p90_ms"`
	Kept     int                          `json:"kept"`     // connections that it did not close
	Ending   int                          `json:"ending"`   // connections that it ended with their reply, as that said
	Found    int                          `json:"found"`    // connections that had ended, as the client could see, when their request was to be sent
	Outcomes map[string]map[string]uint64 `json:"outcomes"` // of requests that were sent, by method
}

// Leak is what events leave behind.
type Leak struct {
	Processes float64 `json:"processes"`
	Threads   float64 `json:"threads"`
	Files     float64 `json:"files"`
	MemoryMiB float64 `json:"memory_mib"`
}

// Course is one repetition, in bins of time.
type Course struct {
	BinMS  float64  `json:"bin_ms"`
	Good   []uint32 `json:"good"` // right replies by when they ended
	Bad    []uint32 `json:"bad"`  // losses
	Events []Moment `json:"events"`
}

// Moment is an event of a Course.
type Moment struct {
	Do   string  `json:"do"`
	AtMS float64 `json:"at_ms"`
}

// leastEvents is how many events it takes to tell what each leaves behind.
const leastEvents = 100

// addWatched adds the cells of a block whose candidates were watched around events.
func (s *Summary) addWatched(r *results.Record, block int) {
	m, b := r.Manifest, r.Manifest.Blocks[block]
	for _, c := range m.Candidates {
		if slices.Contains(b.Without, c.Name) {
			continue
		}
		s.Cells = append(s.Cells, newEvidence(r, block, c).watchedCell(m))
	}
}

// watchedCell computes one row.
func (e evidence) watchedCell(m results.Manifest) Cell {
	b, c := e.block, e.candidate
	cell := Cell{
		Scenario: b.Scenario, App: b.App, Identity: b.Identity(), Candidate: c.Name, Server: c.Server, Version: c.Version,
		Profile: c.Profile, Class: c.Class, Base: c.Base, Reference: c.Reference, Layers: c.Depth(), Engine: b.Load.Engine, Launches: countLaunches(e.asTrials()), Connections: b.Load.Connections,
		Figures: e.watchedFigures(m), StartupMS: startup(e.launches), TiedWith: []string{}, RankedBy: rankedBy(b.Load),
		Errors: results.Errors{ByKind: map[string]uint64{}},
	}
	cell.Reasons = e.watchedReasons()
	cell.Verdict = worst(cell.Reasons)
	if len(e.watches) > 0 {
		cell.Watched = e.watched()
		cell.Requests = cell.Watched.Outcomes[results.Completed]
		cell.Notes = e.watchedNotes()
	}
	return cell
}

// rankedBy is the metric that the rows of a load are in order by.
func rankedBy(l scenarios.Load) string {
	if l.Race > 0 {
		return MetricRaceLost
	}
	return MetricLost
}

// watched sums the repetitions.
func (e evidence) watched() *Watched {
	w := &Watched{
		Events: e.block.Load.Deeds(), Repetitions: len(e.watches), Outcomes: map[string]uint64{}, Lost: map[string]uint64{}, ByMethod: map[string]uint64{}, Examples: map[string]string{},
		Streams: map[string]uint64{}, Exits: map[string]int{}, Left: e.leak(), Reloads: e.reloads(), Race: e.race(),
	}
	for _, one := range e.watches {
		w.Sent += one.Sent
		add(w.Outcomes, one.Outcomes)
		add(w.Lost, one.Lost)
		add(w.ByMethod, one.LostByMethod)
		w.LostBefore, w.Missed, w.Replaced = w.LostBefore+one.LostBefore, w.Missed+one.Missed, w.Replaced+one.Replaced
		add(w.Streams, one.Streams)
		w.Executed, w.Unseen = plus(w.Executed, one.Executed), plus(w.Unseen, one.Unseen)
		for outcome, example := range one.Examples {
			w.Examples[outcome] = cmp.Or(w.Examples[outcome], example)
		}
		if one.Exit != "" {
			w.Exits[one.Exit]++
		}
	}
	most := slices.MaxFunc(e.watches, func(a, b results.Watch) int {
		return cmp.Or(cmp.Compare(a.LostAll(), b.LostAll()), cmp.Compare(orZero(a.Stall), orZero(b.Stall)))
	})
	w.Worst = &Course{BinMS: ms(most.Bin), Good: most.Good, Bad: most.Bad}
	for _, h := range most.Events {
		w.Worst.Events = append(w.Worst.Events, Moment{h.Do, ms(h.Began)})
	}
	return w
}

// race sums the races of the repetitions; nil if there was none.
func (e evidence) race() *Race {
	if e.block.Load.Race == 0 {
		return nil
	}
	sum := &Race{LimitMS: ms(e.block.Load.Race), Outcomes: map[string]map[string]uint64{}}
	var idle []time.Duration
	for _, w := range e.watches {
		if w.Race == nil {
			continue
		}
		idle = append(idle, w.Race.Closed...)
		sum.Kept, sum.Ending, sum.Found = sum.Kept+w.Race.Kept, sum.Ending+w.Race.Ending, sum.Found+w.Race.Found
		for method, outcomes := range w.Race.Outcomes {
			if sum.Outcomes[method] == nil {
				sum.Outcomes[method] = map[string]uint64{}
			}
			add(sum.Outcomes[method], outcomes)
		}
	}
	if sum.Closed = len(idle); sum.Closed > 0 {
		slices.Sort(idle)
		sum.LowMS, sum.HighMS = ms(idle[len(idle)/10]), ms(idle[len(idle)-1-len(idle)/10])
	}
	return sum
}

func add(sum, more map[string]uint64) {
	for name, n := range more {
		sum[name] += n
	}
}

// plus adds what is known.
func plus(sum, more *uint64) *uint64 {
	switch {
	case more == nil:
		return sum
	case sum == nil:
		sum = new(uint64)
	}
	*sum += *more
	return sum
}

func orZero(d *time.Duration) time.Duration {
	if d == nil {
		return 0
	}
	return *d
}

func ms(d time.Duration) float64 { return float64(d) / 1e6 }

// leak is what the events left behind, by the median of the repetitions.
func (e evidence) leak() *Leak {
	var processes, threads, files, memory []float64
	for _, w := range e.watches {
		n := float64(len(w.Events))
		if n < leastEvents || w.HadBefore == nil || w.HadAfter == nil || w.Ended != nil {
			continue
		}
		per100 := func(before, after float64) float64 { return 100 * (after - before) / n }
		processes = append(processes, per100(float64(w.HadBefore.Processes), float64(w.HadAfter.Processes)))
		threads = append(threads, per100(float64(w.HadBefore.Threads), float64(w.HadAfter.Threads)))
		files = append(files, per100(float64(w.HadBefore.Files), float64(w.HadAfter.Files)))
		memory = append(memory, per100(w.HadBefore.MemoryMiB, w.HadAfter.MemoryMiB))
	}
	if len(files) == 0 {
		return nil
	}
	return &Leak{stats.Median(processes), stats.Median(threads), stats.Median(files), stats.Median(memory)}
}

// watchedReasons judges a row by the rules of what is watched: that a server dies or loses
// requests is a result.
func (e evidence) watchedReasons() []Reason {
	if len(e.watches) == 0 {
		return e.unwatched()
	}
	why := []Reason{}
	for _, w := range e.watches {
		if w.Deed != "" && !told(why, w.Deed) {
			why = append(why, deed.because(w.Deed))
		}
	}
	why = append(why, e.undone()...)
	why = append(why, e.untimelyEnds()...)
	if n := e.countWatches(func(w results.Watch) bool { return w.Changed != nil && !*w.Changed && w.Ended == nil }); n > 0 && e.renews() && !e.block.Load.Breaks() {
		why = append(why, changedNothing.because(strings.Join(e.block.Load.Deeds(), ", "), n, len(e.watches)))
	}
	if n := len(e.watches); n < stats.MinValues {
		why = append(why, fewRepetitions.because(n, stats.MinValues))
	}
	if n := sumOver(e.watches, func(w results.Watch) uint64 { return w.Unsent }); n > 0 {
		why = append(why, clientLacked.because(n, e.example("unsent")))
	}
	return append(why, e.surroundings()...)
}

// unwatched is why there is no watch.
func (e evidence) unwatched() []Reason {
	var why []Reason
	for _, l := range e.launches {
		if cause := l.FailureIn(e.index); cause != "" && !told(why, cause) {
			why = append(why, failure.because(cause))
		}
	}
	if len(why) == 0 {
		why = append(why, notReached.because())
	}
	return why
}

// untimelyEnds tells of ends that were not to be, and of one that did not come.
func (e evidence) untimelyEnds() (why []Reason) {
	before := func(w results.Watch) bool { return w.Ended != nil && len(w.Events) > 0 && *w.Ended < w.Events[0].Began }
	if n := e.countWatches(before); n > 0 {
		why = append(why, endedBefore.because(n, len(e.watches), e.firstExit()))
	}
	if n := e.countWatches(func(w results.Watch) bool { return w.Ended != nil && !before(w) }); n > 0 && !e.mayEnd() {
		why = append(why, endedByEvent.because(strings.Join(e.block.Load.Deeds(), ", "), e.firstExit(), n, len(e.watches)))
	}
	if n := e.countWatches(func(w results.Watch) bool { return w.Ended == nil }); n > 0 && e.block.Load.Stops() {
		why = append(why, neverEnded.because(n, len(e.watches)))
	}
	for _, l := range e.launches {
		if cause := l.FailureIn(e.index); cause != "" {
			why = append(why, notAgain.because(len(e.watches), cause))
			break
		}
	}
	return why
}

// surroundings are what disturbed the server or the load generator.
func (e evidence) surroundings() (why []Reason) {
	on := evidence{block: e.block, env: e.env, trials: e.asTrials()}
	if !e.env.Apart() {
		why = append(why, notPinned.because())
	}
	if steal := on.steal(); steal > maxSteal {
		why = append(why, stolenTime.because(100*steal))
	}
	return append(why, on.disturbances()...)
}

// watchedNotes are remarks that take nothing from the figures: by how many repetitions
// those are told that not all tell.
func (e evidence) watchedNotes() (notes []string) {
	for _, metric := range metrics {
		if metric.watched == nil {
			continue
		}
		n := e.countWatches(func(w results.Watch) bool { _, ok := metric.watched(w); return ok })
		if n > 0 && n < len(e.watches) {
			notes = append(notes, fmt.Sprintf("%s is of %d of %d repetitions", metric.Head, n, len(e.watches)))
		}
	}
	if n := sumOver(e.watches, func(w results.Watch) uint64 { return w.LostBefore }); n > 0 {
		text := "%d requests were lost before the first event, and are not counted as its"
		if e.block.Load.Race > 0 {
			text = "%d requests were lost that did not race with the end of their connection, and are not counted"
		}
		notes = append(notes, fmt.Sprintf(text, n))
	}
	guessed := func(h results.Happened) bool { return h.Guessed }
	if n := e.countWatches(func(w results.Watch) bool { return slices.ContainsFunc(w.Done(), guessed) }); n > 0 {
		notes = append(notes, fmt.Sprintf("in %d of %d repetitions the oldest process beside the main one was taken for a worker: replies do not tell who gives them", n, len(e.watches)))
	}
	return append(notes, e.raceNotes()...)
}

// raceNotes say why nothing was raced, or that the moment to race with is not known well.
func (e evidence) raceNotes() (notes []string) {
	r := e.race()
	switch {
	case r == nil:
	case r.Closed == 0 && r.Kept > 0:
		notes = append(notes, fmt.Sprintf("it keeps idle connections longer than %v: no race was tried", e.block.Load.Race))
	case r.Closed == 0 && r.Ending > 0:
		notes = append(notes, "it ends each connection with its reply, and says so: there is no idle one to race with")
	case r.Closed == 0:
		notes = append(notes, "no connection could be watched for its end: no race was tried")
	case r.HighMS-r.LowMS > 2*ms(scenarios.RaceWindow):
		notes = append(notes, fmt.Sprintf("it closes connections that were idle for %.4g to %.4g ms (80 %% of %d), a wider span than requests were sent in around the median: fewer of them met the end",
			r.LowMS, r.HighMS, r.Closed))
	}
	return notes
}

func sumOver(all []results.Watch, of func(results.Watch) uint64) (n uint64) {
	for _, w := range all {
		n += of(w)
	}
	return n
}

// undone lists events that could not be done, each cause once. That a reload failed where
// something was broken is a result.
func (e evidence) undone() []Reason {
	var why []Reason
	for _, w := range e.watches {
		for _, h := range w.Events {
			if r := eventFailed.because(h.Do, h.Error); h.Error != "" && h.Then == nil && !told(why, r.Text) {
				why = append(why, r)
			}
		}
	}
	return why
}

// mayEnd tells whether the events may end the server.
func (e evidence) mayEnd() bool {
	return e.block.Load.Stops() || e.block.Load.Breaks() || slices.ContainsFunc(e.block.Load.Events, func(v scenarios.Event) bool { return v.Do == scenarios.KillMain })
}

// renews tells whether replies must come from other processes, or a newly loaded app, after
// the events.
func (e evidence) renews() bool {
	return slices.ContainsFunc(e.block.Load.Events, scenarios.Event.Renews)
}

func (e evidence) countWatches(which func(results.Watch) bool) (n int) {
	for _, w := range e.watches {
		if which(w) {
			n++
		}
	}
	return n
}

func (e evidence) firstExit() string {
	at := slices.IndexFunc(e.watches, func(w results.Watch) bool { return w.Exit != "" })
	return e.watches[at].Exit
}

// example is the first of an outcome, as the system told it.
func (e evidence) example(outcome string) string {
	for _, w := range e.watches {
		if text := w.Examples[outcome]; text != "" {
			return text
		}
	}
	return "nothing is known of it"
}

// asTrials are the watches as far as they tell what disturbed them.
func (e evidence) asTrials() []results.Trial {
	var all []results.Trial
	for _, w := range e.watches {
		all = append(all, results.Trial{
			Launch: w.Launch, Attempt: w.Attempt, Block: w.Block, Round: w.Round, Wall: w.Wall, Elapsed: w.Length,
			Steal: w.Steal, LoaderWait: w.LoaderWait, LoaderRuns: w.LoaderRuns, Host: w.Host,
		})
	}
	return all
}

// watchedFigures are a cell's figures by all metrics that its watches tell: of counts the
// share or the mean, of times the median. Where nothing was lost, the interval of
// losses reaches to what would show nothing in as many events in 5 % of cases (the rule of
// three: Hanley and Lippman-Hand 1983, JAMA 249:1743).
func (e evidence) watchedFigures(m results.Manifest) Figures {
	all := make(Figures)
	for _, metric := range metrics {
		if metric.watched == nil {
			continue
		}
		groups := e.tellings(metric.watched)
		if len(groups) == 0 {
			continue
		}
		i, _ := stats.Total(groups, m.Seed)
		if metric.settles {
			i, _ = stats.Bootstrap(amounts(groups), m.Seed)
		}
		if metric.each > 0 && i.Value == 0 {
			if i.High = metric.each * 3 / over(groups); metric.Unit == "%" {
				i.High = min(i.High, 100)
			}
		}
		all[metric.Name] = &Estimate{i.Value, i.Low, i.High}
	}
	return all
}

// over is what shares are of, all together.
func over(groups [][]stats.Share) (sum float64) {
	for _, g := range groups {
		for _, s := range g {
			sum += s.Over
		}
	}
	return sum
}

// tellings are a figure of the watches, grouped by launch.
func (e evidence) tellings(of func(results.Watch) (stats.Share, bool)) (groups [][]stats.Share) {
	index := make(map[[2]int]int)
	for _, w := range e.watches {
		v, ok := of(w)
		if !ok {
			continue
		}
		key := [2]int{w.Launch, w.Attempt}
		at, known := index[key]
		if !known {
			at = len(groups)
			index[key], groups = at, append(groups, nil)
		}
		groups[at] = append(groups[at], v)
	}
	return groups
}

// lostPerEvent is how many requests were lost, over how often something was done.
func lostPerEvent(w results.Watch) (stats.Share, bool) {
	n := len(w.Done())
	return stats.Share{Amount: float64(w.LostAll()), Over: float64(n)}, n > 0
}

// zombies is how many processes that a candidate adopted it left, over how many there were.
// Of one that ended nothing is left.
func zombies(w results.Watch) (stats.Share, bool) {
	n := 0
	for _, h := range w.Done() {
		if (scenarios.Event{Do: h.Do}).Orphans() {
			n++
		}
	}
	if n == 0 || w.Ended != nil || w.HadBefore == nil || w.HadAfter == nil {
		return stats.Share{}, false
	}
	return stats.Share{Amount: float64(max(0, w.HadAfter.Zombies-w.HadBefore.Zombies)), Over: float64(n)}, true
}

// raceLost is how many of 100 requests of a method that raced were lost.
func raceLost(method string) func(results.Watch) (stats.Share, bool) {
	return func(w results.Watch) (stats.Share, bool) {
		if w.Race == nil {
			return stats.Share{}, false
		}
		sent, lost := w.Race.Of(method)
		return stats.Share{Amount: 100 * float64(lost), Over: float64(sent)}, sent > 0
	}
}

// closedAfter is how long half of the connections had been idle at most that the server
// closed.
func closedAfter(w results.Watch) *time.Duration {
	if w.Race == nil || len(w.Race.Closed) == 0 {
		return nil
	}
	all := slices.Sorted(slices.Values(w.Race.Closed))
	return &all[len(all)/2]
}

// inMS is a time of a watch in ms.
func inMS(of func(results.Watch) *time.Duration) func(results.Watch) (stats.Share, bool) {
	return func(w results.Watch) (stats.Share, bool) {
		d := of(w)
		return stats.Share{Amount: ms(orZero(d)), Over: 1}, d != nil
	}
}

// sinceEvent is how long after the first event the candidate ended.
func sinceEvent(w results.Watch) *time.Duration {
	if w.Ended == nil || len(w.Events) == 0 || *w.Ended < w.Events[0].Began {
		return nil
	}
	d := *w.Ended - w.Events[0].Began
	return &d
}
