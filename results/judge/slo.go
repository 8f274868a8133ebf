package judge

import (
	"fmt"
	"math"

	"github.com/benchctl/benchctl/internal/stats"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/scenarios/slo"
)

// sloRate is a rate around which the search of the highest one swings.
func sloRate(t results.Trial) (stats.Share, bool) {
	return stats.Share{Amount: t.Rate, Over: 1}, t.SLO != nil && t.SLO.Reversals >= slo.SettledAfter
}

// found is what the search for an objective came to.
func found(m results.Manifest, o slo.Objective, trials []results.Trial) *SLO {
	s := &SLO{Objective: o.String()}
	groups := grouped(trials, func(t results.Trial) []float64 {
		rate, ok := sloRate(t)
		return some(rate.Amount, ok)
	})
	if i, ok := stats.Bootstrap(groups, m.Seed); ok {
		s.Rate = &Estimate{i.Value, i.Low, i.High}
	}
	return s
}

// sloReservations say why a search has found nothing, or how sure what it found is.
func (e evidence) sloReservations() []string {
	lowest, highest, settled, fewest := math.Inf(1), 0.0, 0, math.Inf(1)
	for _, t := range e.trials {
		if t.SLO == nil {
			continue
		}
		lowest = min(lowest, t.Rate)
		if t.SLO.Met {
			highest = max(highest, t.Rate)
		}
		if _, ok := sloRate(t); ok {
			settled++
			fewest = min(fewest, e.due(t))
		}
	}
	switch {
	case highest == 0 && !math.IsInf(lowest, 1):
		return []string{fmt.Sprintf("not met at %s req/s, the lowest rate tried", perSecond(lowest))}
	case settled < stats.MinValues:
		why := fmt.Sprintf("not settled: %d slices after the first %d turns of the search, and an interval takes %d", settled, slo.SettledAfter, stats.MinValues)
		if highest > 0 {
			why += fmt.Sprintf("; the highest rate that met it is %s req/s", perSecond(highest))
		}
		return []string{why}
	case fewest < slo.Enough*e.block.Load.SLO.Samples():
		return []string{fmt.Sprintf("short slices: some had %.0f requests, and %s takes %.0f for 100 beyond it", fewest, e.block.Load.SLO.Name, e.block.Load.SLO.Samples())}
	}
	return nil
}
