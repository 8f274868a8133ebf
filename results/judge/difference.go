package judge

import (
	"fmt"
	"slices"

	"github.com/benchctl/benchctl/internal/stats"
	"github.com/benchctl/benchctl/results"
)

// Difference is how much more one candidate has than another of what may be nothing, so that
// a ratio would tell little: requests lost, or a time. Figures are means of the repetitions,
// in the metric's unit.
type Difference struct {
	A     float64 `json:"a"`
	B     float64 `json:"b"`
	Value float64 `json:"value"` // b - a
	Low   float64 `json:"ci_low"`
	High  float64 `json:"ci_high"`
	// MDE is the difference that data of this spread would resolve in 80 % of cases.
	MDE float64 `json:"mde"`
}

// CompareWatched compares two candidates of one run wherever both were watched around events.
// Each repetition has processes of its own, so nothing pairs them. missing tells of those
// with too few repetitions.
func CompareWatched(r *results.Record, s *Summary, a, b string, tolerance float64) (all []Comparison, missing []string) {
	for _, ca := range s.Cells {
		at := slices.IndexFunc(s.Cells, func(c Cell) bool { return c.Scenario == ca.Scenario && c.App == ca.App && c.Candidate == b })
		if ca.Candidate != a || at < 0 || ca.Watched == nil || s.Cells[at].Watched == nil {
			continue
		}
		if cb := s.Cells[at]; ca.Verdict.Usable() && cb.Verdict.Usable() {
			compared := compareWatched(evidenceOf(r, ca), evidenceOf(r, cb), a, b, tolerance)
			if len(compared) == 0 {
				missing = append(missing, fmt.Sprintf("%s, %s: %s or %s has too few repetitions: an interval takes %d", ca.Scenario, ca.App, a, b, stats.MinValues))
			}
			all = append(all, compared...)
		}
	}
	return all, missing
}

// compareWatched compares two cells by all that was watched and is better the less it is.
func compareWatched(ea, eb evidence, a, b string, tolerance float64) (all []Comparison) {
	for _, metric := range metrics {
		if metric.watched == nil || !metric.LessIsBetter {
			continue
		}
		if d, p, ok := metric.difference(ea.watches, eb.watches); ok {
			pair := Pair{Scenario: ea.block.Scenario, App: ea.block.App, A: a, B: b, Metric: metric.Name, P: known(p)}
			all = append(all, differing(pair, d, tolerance))
		}
	}
	return all
}

// differing judges a difference. tolerance is the part of a's figure that is let pass.
func differing(p Pair, d Difference, tolerance float64) Comparison {
	pass := tolerance * d.A
	return Comparison{Pair: p, Difference: &d, Decides: MetricNamed(p.Metric).Decides, Worse: d.Low > pass, Better: d.High < -pass}
}

// difference is how much more b's watches have of the metric; ok is false if they are too
// few to tell.
func (m Metric) difference(a, b []results.Watch) (d Difference, p float64, ok bool) {
	var i stats.Interval
	unit := 1.0
	if m.each > 0 {
		unit = m.each
		sa, sb := m.countsOf(a), m.countsOf(b)
		if i, p, ok = stats.CountDifference(sa, sb); ok {
			d.A, d.B = unit*stats.Rate(sa), unit*stats.Rate(sb)
		}
	} else {
		va, vb := m.valuesOf(a), m.valuesOf(b)
		if i, p, ok = stats.MeanDifference(va, vb); ok {
			d.A, d.B = mean(va), mean(vb)
		}
	}
	d.Value, d.Low, d.High, d.MDE = unit*i.Value, unit*i.Low, unit*i.High, unit*i.MinimalDifference()
	return d, p, ok
}

// valuesOf are the figures of the watches that tell one.
func (m Metric) valuesOf(all []results.Watch) (values []float64) {
	for _, w := range all {
		if s, ok := m.watched(w); ok {
			values = append(values, s.Amount/s.Over)
		}
	}
	return values
}

// countsOf are the counts of the watches that tell one.
func (m Metric) countsOf(all []results.Watch) (shares []stats.Share) {
	for _, w := range all {
		if s, ok := m.watched(w); ok {
			shares = append(shares, stats.Share{Amount: s.Amount / m.each, Over: s.Over})
		}
	}
	return shares
}
