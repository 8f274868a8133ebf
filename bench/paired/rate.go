package paired

import (
	"context"
	"fmt"
	"time"

	"github.com/benchctl/benchctl/bench/agent"
	"github.com/benchctl/benchctl/bench/plan"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/scenarios/offered"
	"github.com/benchctl/benchctl/scenarios/slo"
)

// ceilings measures the throughput of each candidate in a closed loop, in passes
// that alternate as rounds do, and then opens its connections again at the rate that
// follows. It is done in every launch right before the rounds, as processes and the
// machine differ from launch to launch.
func (x *Experiment) ceilings(ctx context.Context, key results.RoundKey, lanes []*lane) error {
	if err := x.InBudget(plan.CeilingPasses * plan.CeilingSlice * time.Duration(len(lanes))); err != nil {
		return err
	}
	counted, seconds := make([]float64, len(lanes)), make([]float64, len(lanes))
	for pass := range plan.CeilingPasses {
		for i := range lanes {
			if pass%2 == 1 {
				i = len(lanes) - 1 - i
			}
			l := lanes[i]
			if !l.runs() {
				continue
			}
			if err := l.wake(ctx); err != nil {
				return err
			}
			if !l.runs() {
				continue
			}
			res, err := l.session.Slice(ctx, agent.Window{Lead: l.window.Lead, Span: plan.CeilingSlice})
			if err != nil {
				return err
			}
			l.rest()
			l.sound(res)
			counted[i] += float64(res.Counted)
			seconds[i] += res.Elapsed.Seconds()
		}
	}
	for i, l := range lanes {
		if !l.runs() {
			continue
		}
		if l.ceiling = counted[i] / seconds[i]; l.ceiling == 0 {
			l.fail(fmt.Errorf("no ceiling to offer a share of: no reply came within %v", plan.CeilingPasses*plan.CeilingSlice))
		}
	}
	return x.offer(ctx, key, lanes)
}

// offer opens the connections of each candidate again, at the rate that its ceiling
// comes to.
func (x *Experiment) offer(ctx context.Context, key results.RoundKey, lanes []*lane) error {
	b := x.Plan.Blocks[key.Block]
	least := 0.0
	for _, l := range lanes {
		if l.runs() && (least == 0 || l.ceiling < least) {
			least = l.ceiling
		}
	}
	for _, l := range lanes {
		if !l.runs() {
			continue
		}
		rate := b.Load.Share * l.ceiling
		switch {
		case b.Load.SLO != nil:
			l.search = x.searched(key, l)
			rate = l.search.Rate()
		case b.Load.ShareOf == offered.Slowest:
			rate = b.Load.Share * least
		}
		l.close()
		if err := l.warm(ctx, rate); err != nil {
			return err
		}
		l.rest()
		if l.search != nil {
			l.aim(*b.Load.SLO)
		}
	}
	return nil
}

// searched is a candidate's search as this launch has left it: begun, if the launch
// was interrupted, or new.
func (x *Experiment) searched(key results.RoundKey, l *lane) *slo.Staircase {
	var search *slo.Staircase
	for _, t := range x.Record.Trials {
		if t.Launch != key.Launch || t.Block != key.Block || t.Candidate != l.Name || t.SLO == nil {
			continue
		}
		if search == nil {
			search = slo.NewStaircase(t.Rate)
		}
		search.Step(t.SLO.Met)
	}
	if search == nil {
		search = slo.NewStaircase(slo.StartShare * l.ceiling)
	}
	return search
}

// step reports whether the slice that just ended meets the objective, and goes to the
// rate that follows.
func (l *lane) step(o slo.Objective, res agent.Seen) *results.Search {
	s := &results.Search{Percentile: res.Response.ValueAtQuantile(o.Percent), Reversals: l.search.Reversals()}
	s.Met = o.Met(slo.Slice{
		Percentile: time.Duration(s.Percentile), Due: res.Requests + res.Missed, Counted: res.Counted, Errors: res.Errored(),
	})
	l.search.Step(s.Met)
	l.aim(o)
	return s
}

// aim sets the next slice to the rate that the search is at.
func (l *lane) aim(o slo.Objective) {
	l.rate = l.search.Rate()
	l.window.Span = plan.SearchSlice(l.Run.Plan, o, l.rate)
}
