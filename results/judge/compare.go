package judge

import (
	"fmt"
	"slices"

	"github.com/benchctl/benchctl/internal/stats"
	"github.com/benchctl/benchctl/results"
)

// Comparison is how b does against a in one scenario, app and metric: Ratio is
// b/a with its 95 % confidence interval, or Difference is b - a.
type Comparison struct {
	Pair
	// Difference is there in place of a ratio for what was watched around events.
	Difference *Difference `json:"difference,omitempty"`
	// Paired comparisons are of slices of the same rounds, in which the machine's
	// drift cancels. Others are of two sittings, and it does not.
	Paired bool `json:"paired"`
	// PAdjusted is P corrected for the family of comparisons.
	PAdjusted *float64 `json:"p_adjusted,omitempty"`
	// Worse and Better mean that b is so beyond the interval and the tolerance and, after
	// CorrectFamily, also when corrected for the family.
	Worse  bool `json:"worse"`
	Better bool `json:"better"`
	// Decides means that a regression in this metric is a regression of b.
	Decides bool `json:"decides"`
}

// newComparison judges a pair. tolerance is the relative difference that passes, 0.02
// for 2 %.
func newComparison(p Pair, paired bool, tolerance float64) Comparison {
	metric := MetricNamed(p.Metric)
	c := Comparison{Pair: p, Paired: paired, Decides: metric.Decides}
	lower, higher := p.High < 1-tolerance, p.Low > 1+tolerance
	if metric.LessIsBetter {
		lower, higher = higher, lower
	}
	c.Worse, c.Better = lower, higher
	return c
}

// CorrectFamily withdraws the findings that do not hold after Holm's correction for the number
// of comparisons. If nothing differs, the probability of any finding among all comparisons is at
// most alpha. Comparisons without a p-value, and those that decide nothing, stay unchanged.
func CorrectFamily(all []Comparison, alpha float64) {
	var family []int
	var p []float64
	for i, c := range all {
		if c.P != nil && c.Decides {
			family, p = append(family, i), append(p, *c.P)
		}
	}
	for k, adjusted := range stats.Holm(p) {
		c := &all[family[k]]
		c.PAdjusted = known(adjusted)
		if adjusted > alpha {
			c.Worse, c.Better = false, false
		}
	}
}

// CompareCandidates compares two candidates of one run by their paired slices, wherever both
// have usable figures. missing names the cells without: nothing shows that such a candidate is
// not slower.
func CompareCandidates(s *Summary, a, b string, tolerance float64) (all []Comparison, missing []string) {
	for _, p := range s.Pairs {
		if p.A == b && p.B == a {
			p = p.inverse()
		}
		if p.A == a && p.B == b {
			all = append(all, newComparison(p, true, tolerance))
		}
	}
	for _, c := range s.Cells {
		if (c.Candidate == a || c.Candidate == b) && !c.Verdict.Usable() {
			missing = append(missing, c.unusable())
		}
	}
	return all, missing
}

// unusable names a cell without usable figures, and the reason.
func (c Cell) unusable() string {
	return fmt.Sprintf("%s, %s, %s is %s: %s", c.Scenario, c.App, c.Candidate, c.Verdict, Sentences(c.Reasons))
}

// inverse is the comparison with a and b exchanged.
func (p Pair) inverse() Pair {
	p.A, p.B = p.B, p.A
	p.Ratio, p.Low, p.High = 1/p.Ratio, 1/p.High, 1/p.Low
	return p
}

// CompareRuns compares each cell that two runs have in common. The intervals follow from the
// spread within each run, as nothing pairs their slices. missing names the common cells for
// which a run has no usable figures.
func CompareRuns(a, b *results.Record, tolerance float64) (all []Comparison, missing []string, err error) {
	sa, err := Summarize(a)
	if err != nil {
		return nil, nil, err
	}
	sb, err := Summarize(b)
	if err != nil {
		return nil, nil, err
	}
	for _, ca := range sa.Cells {
		at := slices.IndexFunc(sb.Cells, func(cb Cell) bool {
			return cb.Scenario == ca.Scenario && cb.App == ca.App && cb.Candidate == ca.Candidate
		})
		if at < 0 {
			continue
		}
		cb, lacking := sb.Cells[at], len(missing)
		for _, side := range []struct {
			run  string
			cell Cell
		}{{a.Manifest.ID, ca}, {b.Manifest.ID, cb}} {
			if !side.cell.Verdict.Usable() {
				missing = append(missing, "run "+side.run+": "+side.cell.unusable())
			}
		}
		if ca.Identity != cb.Identity {
			missing = append(missing, fmt.Sprintf("%s, %s, %s: the runs differ in what the scenario offers", ca.Scenario, ca.App, ca.Candidate))
		}
		if len(missing) > lacking {
			continue
		}
		compared, what := compareCells(a, b, ca, tolerance), "slices"
		if ca.Watched != nil {
			ea, eb := evidenceOf(a, ca), evidenceOf(b, ca)
			compared, what = compareWatched(ea, eb, inRun(a, ca), inRun(b, ca), tolerance), "repetitions"
		}
		if len(compared) == 0 {
			missing = append(missing, fmt.Sprintf("%s, %s, %s has too few %s in one of the runs", ca.Scenario, ca.App, ca.Candidate, what))
		}
		all = append(all, compared...)
	}
	return all, missing, nil
}

func compareCells(a, b *results.Record, cell Cell, tolerance float64) []Comparison {
	var all []Comparison
	ea, eb := evidenceOf(a, cell), evidenceOf(b, cell)
	for _, metric := range metrics {
		ga, gb := grouped(ea.basis(), metric.pieces), grouped(eb.basis(), metric.pieces)
		i, p, ok := stats.TotalRatio(ga, gb, a.Manifest.Seed^hash(cell.Candidate, metric.Name))
		if !ok {
			continue
		}
		all = append(all, newComparison(newPair(ea.block, inRun(a, cell), inRun(b, cell), metric.Name, i, p), false, tolerance))
	}
	return all
}

// inRun is the name of a cell's candidate where it is one of several runs.
func inRun(r *results.Record, c Cell) string { return r.Manifest.ID + " " + c.Candidate }

// evidenceOf is what a run has of a cell.
func evidenceOf(r *results.Record, c Cell) evidence {
	m := r.Manifest
	block := slices.IndexFunc(m.Blocks, func(b results.Block) bool { return b.Scenario == c.Scenario && b.App == c.App })
	at := slices.IndexFunc(m.Candidates, func(o results.Candidate) bool { return o.Name == c.Candidate })
	return newEvidence(r, block, m.Candidates[at])
}
