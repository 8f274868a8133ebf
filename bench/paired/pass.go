package paired

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/benchctl/benchctl/bench/agent"
	"github.com/benchctl/benchctl/bench/launch"
	"github.com/benchctl/benchctl/bench/plan"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/judge"
)

// leastPass is the shortest pass that is worth its time.
const leastPass = 250 * time.Millisecond

// pass loads each candidate without a break, for long against all that was seen to
// take time, and records it as what the slices are held against. The order is
// shuffled, and mirrored in the next launch.
func (x *Experiment) pass(ctx context.Context, number, b int, lanes []*lane) error {
	block, planned := x.Plan.Blocks[b], number < x.Plan.Passes
	who := x.passing(number, b)
	if block.Load.SLO != nil || x.Record.Passed(number, b) {
		return nil
	}
	lengths, all, most := x.passLengths(number, b, lanes, who)
	if all == 0 || x.InBudget(all) != nil {
		return nil // the rows say that they were not looked at without a break
	}
	x.Tell(launch.Event{Kind: launch.Passing, Launch: number, Scenario: block.Scenario, App: block.App, Took: all})
	began := x.Now()
	order := plan.Order(x.Plan.Seed, results.RoundKey{Block: b, Round: number}, make([]results.Candidate, len(lanes))) // of no class: the machine's speed would be that of all of it
	slices.SortStableFunc(order, func(i, j int) int { return lateLast(lanes[i], lanes[j]) })                           // who are waited for meanwhile
	window := func(l *lane) agent.Window {
		span := lengths[l]
		if l.again { // it was late, and how slow it is was not known
			span = min(most, x.passLength(number, b, l.Name, l.slowest))
		}
		return agent.Window{Lead: l.window.Lead, Span: span, Parts: plan.PassParts}
	}
	key := results.RoundKey{Launch: number, Block: b}
	trials, times, err := x.turns(ctx, key, order, lanes, who, window)
	x.Load(began)
	if err != nil {
		return err
	}
	if err := x.Store.AppendPasses(trials, times); err != nil {
		return err
	}
	x.Record.Passes = append(x.Record.Passes, trials...)
	for _, l := range lanes {
		if l.runs() && l.search == nil {
			l.pace()
		}
	}
	if planned { // for which time was kept that the slices are not to lack
		took := x.Since(began)
		x.Ends, x.Share = x.Ends.Add(took), x.Share.Add(took)
	}
	return nil
}

// lateLast orders those who are late after the others.
func lateLast(a, b *lane) int {
	switch {
	case a.isLate() == b.isLate():
		return 0
	case a.isLate():
		return 1
	}
	return -1
}

// passing tells whose passes a launch begins with: everybody's where that is planned or
// slices were seen to mislead, or else those of whom one pass alone tells something that
// another is to confirm.
func (x *Experiment) passing(number, b int) func(*lane) bool {
	switch {
	case number < x.Plan.Passes || x.misled(b):
		return (*lane).runs
	case x.confirms(number, b):
		return func(l *lane) bool { return l.runs() && judge.Doubts(x.Record, b, l.Name) }
	}
	return func(*lane) bool { return false }
}

// confirms reports whether the passes of a launch are those that confirm others alone.
func (x *Experiment) confirms(number, b int) bool {
	return x.Plan.Passes > 0 && plan.Short(x.Plan) && number >= x.Plan.Passes
}

// misled reports whether slices were seen to mislead in a block so far, and passes take
// their time from then on: rows are of the passes, and the more launches these are of, the
// narrower are their intervals. Where nobody asked for a time, or it is short
// for the field, only those who were seen to mislead take another pass.
func (x *Experiment) misled(b int) bool {
	return x.Plan.Fills() && !plan.Short(x.Plan) && x.Plan.Passes > 0 && judge.Misled(x.Record, b, x.Lives(b))
}

// Takes is how long two rounds of a block took the latest time, and passes that are to
// come before them in a launch.
func (x *Experiment) Takes(number, b int) (sum time.Duration) {
	misled, seen := x.misled(b), x.seen(b)
	for _, c := range x.Candidates {
		if x.IsOut(c.Name, b) {
			continue
		}
		sum += 2 * (seen.latest[c.Name].Wall + seen.between)
		if misled {
			sum += x.passLength(number, b, c.Name, 0)
		}
	}
	return sum
}

// passLengths are the lengths of the candidates' passes in a launch, their sum, and how long
// each may be at most: as wanted, or less where a budget has no room for it.
func (x *Experiment) passLengths(number, b int, lanes []*lane, who func(*lane) bool) (lengths map[*lane]time.Duration, all, most time.Duration) {
	lengths = make(map[*lane]time.Duration)
	for _, l := range lanes {
		if l.runs() && who(l) {
			lengths[l] = x.passLength(number, b, l.Name, l.slowest)
			all += lengths[l]
		}
	}
	room := plan.PassRoom(x.Plan, number) - x.passed(b)
	if number >= x.Plan.Passes {
		room = x.Until(x.Share) - 2*x.length(b, lanes, 0)
	}
	if x.Plan.Budget == 0 || x.Plan.Pass > 0 || all <= room {
		return lengths, all, plan.MostPass
	}
	most = max(leastPass, plan.Share(slices.Collect(maps.Values(lengths)), room))
	all = 0
	for l, d := range lengths {
		lengths[l] = min(d, most)
		all += lengths[l]
	}
	return lengths, all, most
}

// passLength is how long a candidate's pass in a launch is to be, by what was seen of it
// in the block, in its warm-up a response time of slowest.
func (x *Experiment) passLength(number, b int, candidate string, slowest time.Duration) time.Duration {
	if x.confirms(number, b) {
		return plan.NextPass // as long as about those that it is to confirm
	}
	longest, changes := slowest, false
	for _, all := range [][]results.Trial{x.Record.Trials, x.Record.Passes} {
		for _, t := range all {
			if t.Block == b && t.Candidate == candidate {
				longest, changes = max(longest, t.Longest), changes || judge.Changes(t)
			}
		}
	}
	return plan.Pass(x.Plan, number, longest, changes)
}

// passed is how long the passes of a block were so far.
func (x *Experiment) passed(b int) (sum time.Duration) {
	for _, t := range x.Record.Passes {
		if t.Block == b {
			sum += t.Elapsed
		}
	}
	return sum
}

// Reserve implements harness.Experiment: it is for passes.
func (x *Experiment) Reserve(number, b int) time.Duration {
	if number >= x.Plan.Passes {
		return 0
	}
	return max(0, plan.PassRoom(x.Plan, x.Plan.Passes-1)-x.passed(b))
}

// scale is the longest time scale that the candidate's passes in the block have found.
func (l *lane) scale() (scale time.Duration) {
	for _, t := range l.Run.Record.Passes {
		if t.Block == l.index && t.Candidate == l.Name {
			scale = max(scale, t.Scale)
		}
	}
	return scale
}
