package stats_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/benchctl/benchctl/internal/stats"
)

func TestHolm(t *testing.T) {
	for _, c := range []struct{ p, want []float64 }{
		// p.adjust(c(0.01, 0.02, 0.03, 0.04, 0.05), "holm") of R
		{[]float64{0.01, 0.02, 0.03, 0.04, 0.05}, []float64{0.05, 0.08, 0.09, 0.09, 0.09}},
		// p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm") of R
		{[]float64{0.01, 0.04, 0.03, 0.005}, []float64{0.03, 0.06, 0.06, 0.02}},
		{[]float64{0.6, 0.7}, []float64{1, 1}},
		{[]float64{0.02, 0.02}, []float64{0.04, 0.04}},
		{[]float64{0.3}, []float64{0.3}},
		{nil, nil},
	} {
		near(t, stats.Holm(c.p), c.want)
	}
}

func near(t *testing.T, got, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%v, want %v", got, want)
	}
	for i := range got {
		if math.Abs(got[i]-want[i]) > 1e-12 {
			t.Errorf("%v, want %v", got, want)
			return
		}
	}
}

// Holm's procedure is the closed test of Bonferroni's: the adjusted value is the
// greatest that Bonferroni gives any subset of the family that the test is in.
func TestHolmIsTheClosureOfBonferroni(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		p, want := make([]float64, 1+rng.IntN(7)), []float64(nil)
		for i := range p {
			p[i] = math.Pow(rng.Float64(), 4)
		}
		for i := range p {
			worst := 0.0
			for subset := range 1 << len(p) {
				least, n := 1.0, 0.0
				for j := range p {
					if subset>>j&1 == 1 {
						least, n = min(least, p[j]), n+1
					}
				}
				if subset>>i&1 == 1 {
					worst = max(worst, min(1, n*least))
				}
			}
			want = append(want, worst)
		}
		near(t, stats.Holm(p), want)
	}
}

// The interval and the p-value are of the same draws and never disagree.
func TestPAgreesWithTheInterval(t *testing.T) {
	groups := simulate(rand.New(rand.NewPCG(4, 4)), 3, 20, 0.02)
	for x := 0.9; x < 1.1; x += 0.001 {
		i, p, ok := stats.BootstrapTest(groups, x, 5)
		if !ok || i.Excludes(x) != (p <= 0.05) || p <= 0 || p > 1 {
			t.Errorf("%v of %g: p is %g", i, x, p)
		}
	}
	for _, c := range []struct{ x, want float64 }{{-5, 0}, {5, 0}, {2, 1}} {
		if _, p, ok := stats.BootstrapTest([][]float64{{2, 2, 2}, {2, 2, 2}}, c.x, 1); !ok || p != c.want {
			t.Errorf("p of %g is %g, want %g", c.x, p, c.want)
		}
	}
	if _, p, ok := stats.BootstrapTest([][]float64{{2, 2}}, 5, 1); ok || p != 1 {
		t.Errorf("p of two values is %g", p)
	}
	twice, _, _ := stats.TotalRatio(shares(groups), shares(groups), 1)
	if _, p, ok := stats.TotalRatio(shares(groups), shares(groups), 1); !ok || p < 0.5 || twice.Excludes(1) {
		t.Errorf("p of a sample against itself is %g", p)
	}
}

// Where nothing differs, about 5 % of the p-values are at most 0.05, and of 20
// tests corrected for their family about one family in 20 finds anything.
func TestFalseAlarms(t *testing.T) {
	t.Parallel()
	truth := stats.Median(simulate(rand.New(rand.NewPCG(9, 9)), 1, 200_001, 0)[0])
	const families, tests = 20, 20
	single, family := 0, 0
	for f := range uint64(families) {
		var p []float64
		for k := range uint64(tests) {
			_, one, _ := stats.BootstrapTest(simulate(rand.New(rand.NewPCG(f, 100+k)), 1, 40, 0), truth, f)
			p = append(p, one)
			if one <= 0.05 {
				single++
			}
		}
		for _, adjusted := range stats.Holm(p) {
			if adjusted <= 0.05 {
				family++
				break
			}
		}
	}
	if share := float64(single) / (families * tests); share < 0.02 || share > 0.09 {
		t.Errorf("%.1f %% of the tests alarm", 100*share)
	}
	if family > families/5 {
		t.Errorf("%d of %d families alarm", family, families)
	}
}

// A difference of the minimal effect is resolved in about 80 % of cases, one of
// half of it much more rarely.
func TestMinimalEffect(t *testing.T) {
	t.Parallel()
	if got := (stats.Interval{Value: 1, Low: 1, High: 1}).MinimalEffect(); got != 0 {
		t.Errorf("without any spread: %g", got)
	}
	// exp(ln(1.01/0.99)/2 * (1.959964+0.841621)/1.959964) - 1, and with the quantiles
	// 2.364624 and 0.896030 of Student's t of 7 degrees of freedom.
	for freedom, want := range map[float64]float64{0: 0.0143967, 7: 0.0138855} {
		i := stats.Interval{Value: 1, Low: 0.99, High: 1.01, Freedom: freedom}
		if got := i.MinimalEffect(); math.Abs(got-want) > 1e-6 {
			t.Errorf("at a half-width of 1 %% and %g degrees of freedom: %.7f, want %.7f", freedom, got, want)
		}
	}
	for _, c := range []struct {
		name             string
		launches, rounds int
		effect           float64
	}{{"one launch", 1, 60, 0}, {"launches that differ", 12, 10, 0.02}} {
		truth := stats.Median(simulate(rand.New(rand.NewPCG(9, 9)), 1, 100_001, 0)[0])
		const repetitions = 150
		var sizes, lows []float64
		for r := range uint64(repetitions) {
			i, _ := stats.Bootstrap(simulate(rand.New(rand.NewPCG(21, r)), c.launches, c.rounds, c.effect), r)
			sizes, lows = append(sizes, i.MinimalEffect()), append(lows, i.Low)
		}
		size := stats.Median(sizes)
		seen := func(effect float64) float64 {
			n := 0
			for _, low := range lows {
				if (1+effect)*low > truth {
					n++
				}
			}
			return float64(n) / repetitions
		}
		if share := seen(size); share < 0.7 || share > 0.9 {
			t.Errorf("%s: %.2f %% are seen in %.0f %% of cases", c.name, 100*size, 100*share)
		}
		if share := seen(size / 2); share > 0.5 {
			t.Errorf("%s: half of it, %.2f %%, in %.0f %%", c.name, 50*size, 100*share)
		}
	}
}
