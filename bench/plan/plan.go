// Package plan turns what was asked into what is measured when: launches, rounds
// and the order of candidates in each round. It is pure: the same request and
// seed give the same plan.
package plan

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/internal/misuse"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/scenarios"
	"github.com/benchctl/benchctl/scenarios/slo"
	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/control"
)

// Defaults of a run.
const (
	DefaultLaunches = 6
	DefaultRounds   = 16
	SearchRounds    = 24 // of the search of a rate, which takes about ten to come near
)

// Lengths of slices. A slice is at least MinSlice long and, up to MaxSlice, long
// enough for SliceRequests. In a field of many candidates, where the slices of a round are
// many seconds apart in any case, it is longer, so that less of the time goes to lead-ins:
// in proportion from fewCandidates on, up to mostLonger times.
const (
	fewCandidates = 10
	mostLonger    = 2

	MinSlice      = 150 * time.Millisecond
	MaxSlice      = time.Second
	MaxLead       = 2 * time.Second
	SliceRequests = 1000
)

// MaxSearchSlice is the longest slice in a search.
const MaxSearchSlice = 2 * time.Second

// The ceiling of a candidate, which its rate is a share of, is measured in so many
// slices of such a length.
const (
	CeilingPasses = 2
	CeilingSlice  = 250 * time.Millisecond
)

// An uninterrupted pass is many times as long as the longest response time seen, or
// as it takes to see what builds up within seconds: the first one of a candidate in a
// block FirstPass at least, others NextPass, or MostPass where the candidate changes.
const (
	Passes    = 2 // launches that begin with one
	FirstPass = 5 * time.Second
	NextPass  = 2 * time.Second
	MostPass  = 20 * time.Second
	passTimes = 20
	// PassParts is how many parts of a pass are told apart.
	PassParts = 30
	// passShare is the part of a budget that passes may take, usualPassShare that of the
	// bound of a run that nobody else bounded, in whose large fields the first launch alone
	// begins with passes.
	passShare      = 3
	usualPassShare = 9
)

// sharedByPasses is what of a time passes may take.
func sharedByPasses(m results.Manifest, of time.Duration) time.Duration {
	if m.Usual {
		return of / usualPassShare
	}
	return of / passShare
}

// Pass is how long a pass of a candidate is in a launch, by the longest response time
// seen of it, and whether it was seen to change.
func Pass(m results.Manifest, launch int, longest time.Duration, changes bool) time.Duration {
	least := NextPass
	switch {
	case m.Pass > 0:
		return m.Pass
	case changes:
		least = MostPass
	case launch == 0:
		least = FirstPass
	}
	return clamp(passTimes*longest, least, MostPass)
}

// PassRoom is how long all passes of a block may take, up to and with those of a
// launch. The first leave some for those after them, who follow what they have seen.
func PassRoom(m results.Manifest, launch int) time.Duration {
	room := sharedByPasses(m, m.Budget) / time.Duration(len(m.Blocks))
	if launch+1 < m.Passes {
		room -= time.Duration(float64(room) * float64(NextPass) / float64(FirstPass+NextPass))
	}
	return room
}

// Share is how long each of some may take at most that want to take so long, for all of
// them to have room: who wants little gets it, and the rest share alike.
func Share(wanted []time.Duration, room time.Duration) (most time.Duration) {
	slices.Sort(wanted)
	for i, d := range wanted {
		most = room / time.Duration(len(wanted)-i)
		if d >= most {
			return most
		}
		room -= d
	}
	return most
}

// Request is what was asked for. Zero Launches, Rounds and Slice take the
// defaults.
type Request struct {
	Scenarios  []scenarios.Scenario
	Apps       []string // instead of the scenarios' own, if not empty
	Candidates []servers.Candidate
	Launches   int
	Rounds     int
	Slice      time.Duration
	Budget     time.Duration // of the whole run; 0: none
	Pass       time.Duration // of uninterrupted load; 0: by what is seen
	NoPass     bool          // there is none
	Seed       uint64
	// SLO asks for the highest rate that meets it in place of the scenarios' rates;
	// nil: it is not searched.
	SLO *slo.Objective
}

// Bound is how long a run may take, for each block, of which nobody said how long it is to
// take or how much is to be measured: ten minutes with what its report takes. A run of all
// servers would take half an hour, and its answer should come while one waits. One that has
// its usual rounds sooner ends then.
const Bound = 9*time.Minute + 50*time.Second

// bounded tells whether the request says how long the run is to take, or how much is to be
// measured.
func (r Request) bounded() bool {
	return r.Budget > 0 || r.Launches > 0 || r.Rounds > 0 || r.Slice > 0 || r.Pass > 0
}

// Forecast is about how long a plan takes: launches, passes and slices of the usual length,
// within its budget. The slices of slow candidates are longer.
func Forecast(m results.Manifest) time.Duration {
	if m.Blocks[0].Load.Watched() {
		return watchingTime(m)
	}
	takes, candidates := time.Duration(m.Launches)*LaunchTime(m), time.Duration(len(m.Candidates))
	for _, b := range m.Blocks {
		takes += time.Duration(m.Launches*m.Rounds) * candidates * sliceTime(m, b)
		for launch := range m.Passes {
			takes += candidates * (Pass(m, launch, b.Wait, false) + b.Wait)
		}
	}
	if m.Budget > 0 {
		return min(takes, m.Budget)
	}
	return takes
}

// watching is the plan of loads that are watched around events: a repetition in each launch.
func (r Request) watching(m results.Manifest) (results.Manifest, error) {
	for option, given := range map[string]bool{"slice": r.Slice > 0, "pass": r.Pass > 0, "find-slo": r.SLO != nil} {
		if given {
			return m, misuse.Of(fmt.Errorf("plan: --%s is of slices, and %s watches events", option, m.Blocks[0].Scenario))
		}
	}
	m.Launches, m.Rounds = cmp.Or(m.Launches, DefaultLaunches), cmp.Or(m.Rounds, 1)
	for _, b := range m.Blocks {
		if len(b.Without) > 0 && len(b.Without) < len(m.Candidates) {
			m.Notes = append(m.Notes, fmt.Sprintf("%s: not offered, or its app not carried, by %s", b.Scenario, strings.Join(b.Without, ", ")))
		}
	}
	return m, nil
}

// watchingTime is about how long a plan of loads that are watched takes.
func watchingTime(m results.Manifest) (takes time.Duration) {
	for _, b := range m.Blocks {
		n := time.Duration(len(m.Candidates) - len(b.Without))
		takes += time.Duration(m.Launches*m.Rounds) * n * (b.Load.Slice + laneTime)
	}
	takes += time.Duration(m.Launches) * launchTime
	if m.Budget > 0 {
		return min(takes, m.Budget)
	}
	return takes
}

// New makes the plan: the parts of a manifest that say what is measured.
func New(r Request) (results.Manifest, error) {
	m := results.Manifest{
		Seed: r.Seed, Launches: r.Launches, Rounds: r.Rounds, Slice: r.Slice, Budget: r.Budget,
	}
	for _, s := range r.Scenarios {
		blocks, err := r.blocks(s)
		if err != nil {
			return m, err
		}
		m.Blocks = append(m.Blocks, blocks...)
	}
	for _, c := range r.Candidates {
		if carriesNone(m.Blocks, c.Name) {
			m.Notes = append(m.Notes, fmt.Sprintf("skipped %s: it carries none of the apps, speaks what the scenarios do not, or does not offer what they ask of it", c.Name))
			continue
		}
		m.Candidates = append(m.Candidates, results.Candidate{
			Name: c.Name, Server: c.Server.Name, Version: c.Version, Profile: c.Profile, Class: c.Server.Class, Base: c.Server.Base,
		})
	}
	if err := unmixed(m.Blocks); err != nil {
		return m, err
	}
	if len(m.Blocks) == 0 || len(m.Candidates) == 0 {
		return m, fmt.Errorf("plan: nothing to measure: %d scenarios, %d candidates that carry their apps", len(r.Scenarios), len(m.Candidates))
	}
	if m.Blocks[0].Load.Watched() {
		return r.watching(m)
	}
	if !r.bounded() {
		m.Budget, m.Usual = Bound*time.Duration(len(m.Blocks)), true
	}
	budget := m.Budget // that is left for slices
	if !r.NoPass {
		budget -= sharedByPasses(m, budget)
	}
	if m.Launches == 0 {
		m.Launches = launches(m, budget)
	}
	if m.Pass = r.Pass; !r.NoPass {
		m.Passes = passes(m)
	}
	if m.Rounds == 0 {
		m.Rounds, m.Fill = rounds(m, budget), m.Budget > 0
		if m.Usual {
			m.Rounds = min(m.Rounds, usual(m))
		}
	}
	return m, nil
}

// unmixed refuses slices and events in one run: a load that is watched takes as many
// repetitions as there are launches, with a process of its own each, and slices take many
// rounds in each.
func unmixed(blocks []results.Block) error {
	for _, b := range blocks {
		if b.Load.Watched() != blocks[0].Load.Watched() {
			return &misuse.Error{
				Err:    fmt.Errorf("plan: %s and %s can't be of one run: one compares in slices, the other watches events", blocks[0].Scenario, b.Scenario),
				Remedy: "run them one after the other",
			}
		}
	}
	return nil
}

// passes is how many launches begin with passes.
func passes(m results.Manifest) int {
	if m.Usual && len(m.Candidates) >= fewCandidates {
		return 1
	}
	return min(Passes, m.Launches)
}

// carriesNone tells whether a candidate carries the app of no block.
func carriesNone(blocks []results.Block, name string) bool {
	return !slices.ContainsFunc(blocks, func(b results.Block) bool { return !slices.Contains(b.Without, name) })
}

// without is the candidates that do not carry an app, or one of a mix, or that speak
// what the scenario's engine does not.
func (r Request) without(app suite.Instance, offer scenarios.Load) []string {
	var names []string
	for _, c := range r.Candidates {
		if c.Server.Protocol != "" && offer.Engine != scenarios.Vegeta || slices.ContainsFunc(app.Parts(), func(p suite.Part) bool { return !c.Server.Carries(p.Spec.Name) }) || !offers(c, offer) {
			names = append(names, c.Name)
		}
	}
	return names
}

// offers tells whether a candidate declares every verb that a load asks for.
func offers(c servers.Candidate, offer scenarios.Load) bool {
	return !slices.ContainsFunc(offer.Events, func(e scenarios.Event) bool { return !e.IsFault() && !c.Offers(control.Verb(e.Do)) })
}

// blocks pairs a scenario with its apps, or with those asked for instead.
func (r Request) blocks(s scenarios.Scenario) ([]results.Block, error) {
	apps := r.Apps
	if len(apps) == 0 {
		apps = s.Apps
	}
	offer := s.Load
	if r.SLO != nil && !offer.Watched() {
		offer = offer.Search(*r.SLO)
	}
	var blocks []results.Block
	for _, name := range apps {
		app, err := suite.Parse(name)
		if err != nil {
			return nil, err
		}
		if err := app.Loadable(); err != nil && !offer.Watched() {
			return nil, err
		}
		blocks = append(blocks, results.Block{
			Scenario: s.Name, App: app.String(), Load: offer, Without: r.without(app, s.Load), Work: app.Work(), Spread: spread(app), Wait: wait(app),
		})
	}
	return blocks, nil
}

// spread is the time that the body of a reply takes at least; 0 for a mix.
func spread(app suite.Instance) time.Duration {
	if parts := app.Parts(); len(parts) == 1 {
		return parts[0].Exchange().Spread
	}
	return 0
}

// wait is the time that a reply takes at least, the longest of a mix.
func wait(app suite.Instance) (longest time.Duration) {
	if app.Loadable() != nil {
		return 0
	}
	for _, p := range app.Parts() {
		longest = max(longest, p.Exchange().AtLeast)
	}
	return longest
}

// sliceTime is about how long a slice of a fast candidate takes, with what precedes it and
// what is waited for after it.
func sliceTime(m results.Manifest, b results.Block) time.Duration {
	lead := cmp.Or(b.Load.Lead, min(b.Wait, MaxLead))
	return lead + cmp.Or(b.Load.Slice, m.Slice, max(leastSlice(m), lead)) + b.Wait
}

// What a launch takes beside its slices, about.
const (
	launchTime = time.Second            // to start and stop the candidates, and to look at the machine
	laneTime   = 600 * time.Millisecond // of a candidate in a block: its start, checks and warm-up
	laneWaits  = 4                      // how often a lane waits for a reply of its app: its checks, and parts of its warm-up
	// launchShare is the part of a budget that the lanes of its launches may take, if there
	// are two of them at least; usualLaunchShare is that of a run that nobody else bounded.
	launchShare      = 4
	usualLaunchShare = 6
)

// launches is the default, or as many as a budget has room for with two rounds of
// every block in each, at least one, and not so many that most of it goes to them.
func launches(m results.Manifest, budget time.Duration) int {
	if budget == 0 {
		return DefaultLaunches
	}
	takes := LaunchTime(m)
	for _, b := range m.Blocks {
		takes += time.Duration(max(2, m.Rounds)*len(m.Candidates)) * sliceTime(m, b)
	}
	share := m.Budget / launchShare
	if m.Usual {
		share = m.Budget / usualLaunchShare
	}
	fit, worth := int(budget/takes), int(share/(LaunchTime(m)-launchTime))
	return max(1, min(DefaultLaunches, fit, max(2, worth)))
}

// LaunchTime is how long a launch takes beside its slices and passes, about.
func LaunchTime(m results.Manifest) time.Duration {
	takes := launchTime
	for _, b := range m.Blocks {
		lane := laneTime + laneWaits*b.Wait
		if b.Load.FollowsCeiling() {
			lane += CeilingPasses * CeilingSlice
		}
		takes += lane * time.Duration(len(m.Candidates))
	}
	return takes
}

// rounds is the default, or the most that a budget could hold, at least two. The
// harness keeps the budget by the clock.
func rounds(m results.Manifest, budget time.Duration) int {
	if budget == 0 {
		return usual(m)
	}
	share := budget / time.Duration(m.Launches*len(m.Blocks))
	most := 2
	for _, b := range m.Blocks {
		round := sliceTime(m, b) * time.Duration(len(m.Candidates))
		most = max(most, int(share/round))
	}
	return most
}

// usual is how many rounds a launch has where nothing else is said: as many in fewer
// launches as in all of the usual ones.
func usual(m results.Manifest) int {
	all := DefaultLaunches * DefaultRounds
	if slices.ContainsFunc(m.Blocks, func(b results.Block) bool { return b.Load.SLO != nil }) {
		all = DefaultLaunches * SearchRounds
	}
	if m.Budget == 0 {
		return all / DefaultLaunches
	}
	return (all + m.Launches - 1) / m.Launches
}

// ArrivalSeed seeds the random arrivals of a round, alike for all its candidates.
func ArrivalSeed(seed uint64, k results.RoundKey) uint64 {
	return rand.NewPCG(^seed, uint64(k.Launch)<<40|uint64(k.Block)<<20|uint64(k.Round)).Uint64()
}

// StartOrder is the order in which n candidates are started and warmed up in a
// launch: that of the manifest, and its mirror in every second launch. In 60
// comparisons of a server with itself, always started in the same order, the copy
// that was started last spent 0.17 % less CPU time per request (docs/methodology.md).
func StartOrder(launch, n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	if launch%2 == 1 {
		slices.Reverse(order)
	}
	return order
}

// Order is the order in which candidates take their slices in a round. Rounds
// come in twos, the second the mirror of the first, so that a steady drift of
// the machine falls on all candidates alike. In a large field those of a class, which are
// compared with each other, follow each other: what is near in time differs less.
func Order(seed uint64, k results.RoundKey, candidates []results.Candidate) []int {
	rng := rand.New(rand.NewPCG(seed, uint64(k.Launch)<<40|uint64(k.Block)<<20|uint64(k.Round/2)))
	order := rng.Perm(len(candidates))
	if len(candidates) >= fewCandidates {
		first := make(map[string]int) // place of a class: that of its first
		for at, i := range order {
			if _, known := first[candidates[i].Class]; !known {
				first[candidates[i].Class] = at
			}
		}
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(first[candidates[a].Class], first[candidates[b].Class]) })
	}
	if k.Round%2 == 1 {
		slices.Reverse(order)
	}
	return order
}

// Left is the rounds that remain of a launch, by block.
func Left(m results.Manifest, launch int, done map[results.RoundKey]bool) [][]results.RoundKey {
	left := make([][]results.RoundKey, len(m.Blocks))
	for b := range m.Blocks {
		for r := range m.Rounds {
			if k := (results.RoundKey{Launch: launch, Block: b, Round: r}); !done[k] {
				left[b] = append(left[b], k)
			}
		}
	}
	return left
}

// scaleTimes is how many time scales a lead-in takes: what holds connections longer has
// built up then to 95 %.
const scaleTimes = 3

// Slice is how long one slice of a candidate is that answers rate requests per
// second, and its lead-in, which is not counted: long enough for every connection to
// have been answered once, and for states to build up that last as long as scale, the
// time scale that an uninterrupted pass has found; 0: none has. A slice is no shorter
// than its lead-in.
func Slice(m results.Manifest, b results.Block, rate float64, scale time.Duration) (lead, span time.Duration) {
	span, lead = cmp.Or(b.Load.Slice, m.Slice), b.Load.Lead
	if lead == 0 {
		lead = clamp(max(seconds(float64(b.Load.Connections)/rate), scaleTimes*scale), 10*time.Millisecond, MaxLead)
	}
	if span == 0 {
		span = clamp(max(seconds(SliceRequests/rate), lead), leastSlice(m), max(MaxSlice, lead))
	}
	return lead, span
}

// mostSeldom is in which of how many twos of rounds a candidate has slices at the least.
const mostSeldom = 4

// Every is in which of how many twos of rounds a candidate has its slices whose slices take
// so long, where usual is what those of the others take. In a large field that has to be done
// in a given time, a few candidates with long lead-ins would take most of it otherwise.
func Every(m results.Manifest, takes, usual time.Duration) int {
	if !m.Fill || len(m.Candidates) < fewCandidates || usual <= 0 {
		return 1
	}
	return min(max(1, int(takes/(2*usual))), mostSeldom)
}

// leastSlice is the length of the slices of fast candidates.
func leastSlice(m results.Manifest) time.Duration {
	longer := min(max(1, float64(len(m.Candidates))/fewCandidates), mostLonger)
	return time.Duration(longer * float64(MinSlice))
}

// SearchSlice is how long a slice is in a search that is at a rate: long enough for
// its percentile to be told, within bounds.
func SearchSlice(m results.Manifest, o slo.Objective, rate float64) time.Duration {
	if m.Slice > 0 {
		return m.Slice
	}
	return clamp(seconds(o.Samples()/rate), MinSlice, MaxSearchSlice)
}

func seconds(s float64) time.Duration {
	return time.Duration(min(s, 1e6) * float64(time.Second)) // rate 0 gives +Inf
}

func clamp(d, low, high time.Duration) time.Duration { return max(low, min(d, high)) }
