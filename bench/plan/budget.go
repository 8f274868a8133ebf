package plan

import (
	"cmp"
	"slices"
	"time"

	"github.com/benchctl/benchctl/results"
)

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
	// closingTime precedes the stop of the candidates, and laneClosing is of each: its last checks and its stop.
	closingTime = 300 * time.Millisecond
	laneClosing = 150 * time.Millisecond
	laneWaits   = 4 // how often a lane waits for a reply of its app: its checks, and parts of its warm-up
	// launchShare is the part of a budget that the lanes of its launches may take, if there
	// are two of them at least; shortLaunchShare is that of a run that is short for its field.
	launchShare      = 4
	shortLaunchShare = 6
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
	if Short(m) {
		share = m.Budget / shortLaunchShare
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

// ClosingTime is how long the last checks and the stop of a launch take, about.
func ClosingTime(m results.Manifest) time.Duration {
	return closingTime + laneClosing*time.Duration(len(m.Candidates))
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
