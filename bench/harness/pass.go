package harness

import (
	"context"
	"time"

	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/plan"
	"github.com/benchctl/benchctl/results"
)

// leastPass is the shortest pass that is worth its time.
const leastPass = 250 * time.Millisecond

// pass loads each candidate without a break, for long against all that was seen to
// take time, and records it as what the slices are held against. The order is
// shuffled, and mirrored in the next launch.
func (r *run) pass(ctx context.Context, launch, b int, lanes []*lane) error {
	block := r.plan.Blocks[b]
	if launch >= r.plan.Passes || block.SLO != nil || r.record.Passed(launch, b) {
		return nil
	}
	lengths, all := r.passLengths(launch, b, lanes)
	if all == 0 || r.inBudget(all) != nil {
		return nil // the rows say that they were not looked at without a break
	}
	r.observe(Event{Kind: Passing, Launch: launch, Scenario: block.Scenario, App: block.App, Took: all})
	began := time.Now()
	order := plan.Order(r.plan.Seed, results.RoundKey{Block: b, Round: launch}, len(lanes))
	window := func(l *lane) load.Window {
		return load.Window{Lead: l.window.Lead, Span: lengths[l], Parts: plan.PassParts}
	}
	key := results.RoundKey{Launch: launch, Block: b}
	trials, times, err := r.turns(ctx, key, order, lanes, window)
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
	took := time.Since(began) // that the slices are not to lack
	r.ends, r.share = r.ends.Add(took), r.share.Add(took)
	return nil
}

// passLengths are the lengths of the candidates' passes in a launch, and their sum: as
// wanted, or less where a budget has no room for it.
func (r *run) passLengths(launch, b int, lanes []*lane) (lengths map[*lane]time.Duration, all time.Duration) {
	lengths = make(map[*lane]time.Duration)
	for _, l := range lanes {
		if l.runs() {
			lengths[l] = plan.Pass(r.plan, launch, l.longest(), l.changes())
			all += lengths[l]
		}
	}
	room := plan.PassRoom(r.plan, launch) - r.passed(b)
	if r.plan.Budget == 0 || r.plan.Pass > 0 || all <= room {
		return lengths, all
	}
	share := float64(max(0, room)) / float64(all)
	all = 0
	for l, d := range lengths {
		lengths[l] = max(leastPass, time.Duration(share*float64(d)))
		all += lengths[l]
	}
	return lengths, all
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

// own are the candidate's passes in the block so far.
func (l *lane) own() []results.Trial {
	var own []results.Trial
	for _, t := range l.run.record.Passes {
		if t.Block == l.index && t.Candidate == l.Name {
			own = append(own, t)
		}
	}
	return own
}

// longest is the longest response time seen of the candidate in the block.
func (l *lane) longest() time.Duration {
	longest := l.slowest
	for _, t := range l.run.record.Trials {
		if t.Block == l.index && t.Candidate == l.Name {
			longest = max(longest, t.Longest)
		}
	}
	for _, t := range l.own() {
		longest = max(longest, t.Longest)
	}
	return longest
}

// scale is the longest time scale that the passes have found.
func (l *lane) scale() (scale time.Duration) {
	for _, t := range l.own() {
		scale = max(scale, t.Scale)
	}
	return scale
}

// changes tells whether a pass has seen the candidate change under load.
func (l *lane) changes() bool {
	for _, t := range l.own() {
		if t.Changes() {
			return true
		}
	}
	return false
}
