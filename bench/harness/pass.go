package harness

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/benchctl/benchctl/bench/agent"
	"github.com/benchctl/benchctl/bench/plan"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/judge"
)

// leastPass is the shortest pass that is worth its time.
const leastPass = 250 * time.Millisecond

// pass loads each candidate without a break, for long against all that was seen to
// take time, and records it as what the slices are held against. The order is
// shuffled, and mirrored in the next launch.
func (r *run) pass(ctx context.Context, launch, b int, lanes []*lane) error {
	block, planned := r.plan.Blocks[b], launch < r.plan.Passes
	if !planned && !r.misled(b) || block.Load.SLO != nil || r.record.Passed(launch, b) {
		return nil
	}
	lengths, all := r.passLengths(launch, b, lanes)
	if all == 0 || r.inBudget(all) != nil {
		return nil // the rows say that they were not looked at without a break
	}
	r.observe(Event{Kind: Passing, Launch: launch, Scenario: block.Scenario, App: block.App, Took: all})
	began := r.Now()
	order := plan.Order(r.plan.Seed, results.RoundKey{Block: b, Round: launch}, make([]results.Candidate, len(lanes))) // of no class: the machine's speed would be that of all of it
	window := func(l *lane) agent.Window {
		return agent.Window{Lead: l.window.Lead, Span: lengths[l], Parts: plan.PassParts}
	}
	key := results.RoundKey{Launch: launch, Block: b}
	trials, times, err := r.turns(ctx, key, order, lanes, (*lane).runs, window)
	if err != nil {
		return err
	}
	if err := r.Store.AppendPasses(trials, times); err != nil {
		return err
	}
	r.record.Passes = append(r.record.Passes, trials...)
	for _, l := range lanes {
		if l.runs() && l.search == nil {
			l.pace()
		}
	}
	if planned { // for which time was kept that the slices are not to lack
		took := r.since(began)
		r.ends, r.share = r.ends.Add(took), r.share.Add(took)
	}
	return nil
}

// misled tells whether slices were seen to mislead in a block so far, and passes take
// their time from then on: rows are of the passes, and the more launches these are of, the
// narrower are their intervals. Where nobody asked for a time, what is measured does not
// depend on what was seen.
func (r *run) misled(b int) bool {
	return r.plan.Fills() && r.plan.Passes > 0 && judge.Misled(r.record, b, func(candidate string) bool { return !r.isOut(candidate, b) })
}

// spare tells whether a launch is left out: what is left of a budget is for as many
// launches as it has room for, where slices turned out to take long or give way to passes.
// Those that are to begin with passes are not left out.
func (r *run) spare(launch int) bool {
	switch {
	case !r.plan.Fill || launch == 0:
		return false
	case r.until(r.deadline) < r.overhead:
		return true
	case launch < r.plan.Passes:
		return false
	}
	takes := max(plan.LaunchTime(r.plan), r.overhead)
	for b := range r.plan.Blocks {
		takes += r.takes(launch, b)
	}
	return r.plan.Launches-launch > max(1, int(r.until(r.deadline)/takes))
}

// takes is how long two rounds of a block took the latest time, and passes that are to
// come before them in a launch.
func (r *run) takes(launch, b int) (sum time.Duration) {
	latest := make(map[string]time.Duration)
	for _, t := range r.record.Trials {
		if t.Block == b {
			latest[t.Candidate] = t.Wall
		}
	}
	misled := r.misled(b)
	for _, c := range r.Candidates {
		if r.isOut(c.Name, b) {
			continue
		}
		sum += 2 * latest[c.Name]
		if misled {
			sum += r.passLength(launch, b, c.Name, 0)
		}
	}
	return sum
}

// passLengths are the lengths of the candidates' passes in a launch, and their sum: as
// wanted, or less where a budget has no room for it.
func (r *run) passLengths(launch, b int, lanes []*lane) (lengths map[*lane]time.Duration, all time.Duration) {
	lengths = make(map[*lane]time.Duration)
	for _, l := range lanes {
		if l.runs() {
			lengths[l] = r.passLength(launch, b, l.Name, l.slowest)
			all += lengths[l]
		}
	}
	room := plan.PassRoom(r.plan, launch) - r.passed(b)
	if launch >= r.plan.Passes {
		room = r.until(r.share) - 2*r.length(lanes, 0)
	}
	if r.plan.Budget == 0 || r.plan.Pass > 0 || all <= room {
		return lengths, all
	}
	most := max(leastPass, plan.Share(slices.Collect(maps.Values(lengths)), room))
	all = 0
	for l, d := range lengths {
		lengths[l] = min(d, most)
		all += lengths[l]
	}
	return lengths, all
}

// passLength is how long a candidate's pass in a launch is to be, by what was seen of it
// in the block, in its warm-up a response time of slowest.
func (r *run) passLength(launch, b int, candidate string, slowest time.Duration) time.Duration {
	longest, changes := slowest, false
	for _, all := range [][]results.Trial{r.record.Trials, r.record.Passes} {
		for _, t := range all {
			if t.Block == b && t.Candidate == candidate {
				longest, changes = max(longest, t.Longest), changes || judge.Changes(t)
			}
		}
	}
	return plan.Pass(r.plan, launch, longest, changes)
}

// passed is how long the passes of a block were so far.
func (r *run) passed(b int) (sum time.Duration) {
	for _, t := range r.record.Passes {
		if t.Block == b {
			sum += t.Elapsed
		}
	}
	return sum
}

// reserve is what of the budget is kept for passes from a launch on.
func (r *run) reserve(launch int) (sum time.Duration) {
	if launch >= r.plan.Passes {
		return 0
	}
	for b := range r.plan.Blocks {
		sum += max(0, plan.PassRoom(r.plan, r.plan.Passes-1)-r.passed(b))
	}
	return sum
}

// scale is the longest time scale that the candidate's passes in the block have found.
func (l *lane) scale() (scale time.Duration) {
	for _, t := range l.run.record.Passes {
		if t.Block == l.index && t.Candidate == l.Name {
			scale = max(scale, t.Scale)
		}
	}
	return scale
}
