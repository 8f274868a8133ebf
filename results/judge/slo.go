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

// sloReservations are why a search has found no rate, or how certain the rate is.
func (e evidence) sloReservations() []Reason {
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
		return []Reason{sloNotMet.because(perSecond(lowest))}
	case settled < stats.MinValues:
		met := ""
		if highest > 0 {
			met = fmt.Sprintf("; the highest rate that met it is %s req/s", perSecond(highest))
		}
		return []Reason{sloNotSettled.because(settled, slo.SettledAfter, stats.MinValues, met)}
	case fewest < slo.Enough*e.block.Load.SLO.Samples():
		return []Reason{shortSlices.because(fewest, e.block.Load.SLO.Name, e.block.Load.SLO.Samples())}
	}
	return nil
}
