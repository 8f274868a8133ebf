package stats_test

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/benchctl/benchctl/internal/stats"
)

// Quantiles 0.975 of Student's t by degrees of freedom (NIST/SEMATECH e-Handbook of
// Statistical Methods, 1.3.6.7.2).
var table975 = map[int]float64{1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 7: 2.365, 9: 2.262, 11: 2.201}

// enumerate is the standard error of the log of the median by all n^n draws of n
// units, by no random number: what the drawn one must come near to.
func enumerate(units [][]float64) float64 {
	n := len(units)
	draws := int(math.Pow(float64(n), float64(n)))
	sum, squares := 0.0, 0.0
	for d := range draws {
		var values []float64
		for k, rest := 0, d; k < n; k, rest = k+1, rest/n {
			values = append(values, units[rest%n]...)
		}
		x := math.Log(stats.Median(values))
		sum, squares = sum+x, squares+x*x
	}
	mean := sum / float64(draws)
	return math.Sqrt((squares/float64(draws) - mean*mean) * float64(n) / float64(n-1))
}

func TestBootstrapIsNearToAllDraws(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	single := [][]float64{{1.02}, {0.97}, {1.01}, {0.99}, {1.05}, {0.96}}
	for _, units := range [][][]float64{
		simulate(rng, 2, 9, 0.02), simulate(rng, 3, 6, 0.02), simulate(rng, 4, 5, 0), simulate(rng, 5, 8, 0.01), single,
	} {
		groups := units
		if len(units[0]) == 1 {
			groups = [][]float64{slices.Concat(units...)}
		}
		i, ok := stats.Bootstrap(groups, 1)
		got, want := math.Log(i.High/i.Low)/2, table975[len(units)-1]*enumerate(units)
		if !ok || math.Abs(got/want-1) > 0.06 {
			t.Errorf("%d units: half-width %g, of all draws %g", len(units), got, want)
		}
		if centre := math.Sqrt(i.Low * i.High); math.Abs(centre/i.Value-1) > 1e-9 {
			t.Errorf("%d units: %v is not about its median", len(units), i)
		}
	}
}

// p at distances of so many standard errors, by the table of Student's t: two-sided
// 0.1, 0.01, 0.002 (same table).
func TestPIsStudents(t *testing.T) {
	for _, c := range []struct {
		launches int
		at, want float64
	}{{3, 2.920, 0.1}, {3, 9.925, 0.01}, {3, 22.327, 0.002}, {8, 1.895, 0.1}, {8, 3.499, 0.01}, {8, 4.785, 0.002}} {
		groups := simulate(rand.New(rand.NewPCG(6, 6)), c.launches, 10, 0.01)
		i, _ := stats.Bootstrap(groups, 3)
		standard := math.Log(i.High/i.Value) / table975[c.launches-1]
		for _, side := range []float64{-1, 1} {
			_, p, _ := stats.BootstrapTest(groups, i.Value*math.Exp(side*c.at*standard), 3)
			if math.Abs(p/c.want-1) > 0.01 {
				t.Errorf("%d launches, %g standard errors off: p is %g, want %g", c.launches, c.at, p, c.want)
			}
		}
	}
}

// Values of both signs have an interval that is symmetric, and a spread beyond all
// numbers tells none.
func TestBootstrapOfAnyValues(t *testing.T) {
	i, ok := stats.Bootstrap([][]float64{{-3, -1, 2}, {-2, 1, 3}, {-1, 0, 1}}, 1)
	if !ok || i.Value != 0 || i.Low >= 0 || math.Abs(i.Low+i.High) > 1e-12 {
		t.Errorf("of both signs: %v, %v", i, ok)
	}
	i, ok = stats.Bootstrap([][]float64{{1, 1, 1}, {1e300, 1e300, 1e300}}, 1)
	if want := (stats.Interval{Value: 5e299, Low: 5e299, High: 5e299}); ok || i != want {
		t.Errorf("of 1 and 1e300: %v, %v", i, ok)
	}
}

// The errors of two totals add as squares, and Welch's degrees of freedom lie
// between those of the fewer launches and the sum.
func TestTotalRatioAddsErrors(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	a, b := simulate(rng, 4, 20, 0.01), simulate(rng, 8, 20, 0.03)
	standard := func(groups [][]float64) float64 {
		i, _ := stats.Total(shares(groups), 1)
		return math.Log(i.High/i.Low) / 2 / table975[len(groups)-1]
	}
	va, vb := math.Pow(standard(a), 2), math.Pow(standard(b), 2)
	freedom := (va + vb) * (va + vb) / (va*va/3 + vb*vb/7)
	i, _, ok := stats.TotalRatio(shares(a), shares(b), 1)
	if !ok || math.Abs(i.Freedom/freedom-1) > 0.06 {
		t.Errorf("%g degrees of freedom, want %g", i.Freedom, freedom)
	}
	want := math.Sqrt(va+vb) * distuv.StudentsT{Sigma: 1, Nu: freedom}.Quantile(0.975)
	if got := math.Log(i.High/i.Low) / 2; math.Abs(got/want-1) > 0.06 {
		t.Errorf("half-width %g, want %g", got, want)
	}
	turned, _, _ := stats.TotalRatio(shares(b), shares(a), 1)
	if math.Abs(turned.Low*i.High-1) > 0.01 || math.Abs(turned.High*i.Low-1) > 0.01 {
		t.Errorf("%v turned round is %v", i, turned)
	}
}

// Of one launch the interval is about as wide as the one between order statistics,
// which holds for any distribution: the 40th and the 61st of 100 cover the median
// with a probability of 96.5 %, the 41st and the 60th with 94.3 % (David and Nagaraja,
// Order Statistics, 7.1).
func TestBootstrapIsNearToOrderStatistics(t *testing.T) {
	ours, theirs := 0.0, 0.0
	for r := range uint64(60) {
		one := simulate(rand.New(rand.NewPCG(12, r)), 1, 100, 0)
		i, _ := stats.Bootstrap(one, r)
		slices.Sort(one[0])
		ours += i.High - i.Low
		theirs += (one[0][60] - one[0][39] + one[0][59] - one[0][40]) / 2
	}
	if ours < 0.9*theirs || ours > 1.1*theirs {
		t.Errorf("of order statistics %g, ours %g", theirs/60, ours/60)
	}
}

// A difference of t(0.975) + t(0.8) standard errors is found in 80 % of cases, by
// the noncentral t distribution, integrated over the error's own distribution.
func TestMinimalEffectHasItsPower(t *testing.T) {
	for freedom, quantile := range table975 {
		if freedom == 1 {
			continue // the approximation is too coarse there
		}
		i := stats.Interval{Value: 1, Low: math.Exp(-quantile), High: math.Exp(quantile), Freedom: float64(freedom)}
		effect := math.Log1p(i.MinimalEffect()) // in standard errors
		chi, power := distuv.ChiSquared{K: float64(freedom)}, 0.0
		const steps = 2000
		for s := range steps {
			standard := math.Sqrt(chi.Quantile((float64(s)+0.5)/steps) / float64(freedom))
			power += distuv.UnitNormal.CDF(effect-quantile*standard) / steps
		}
		if power < 0.76 || power > 0.82 {
			t.Errorf("%d degrees of freedom: %g standard errors are found in %.1f %%", freedom, effect, 100*power)
		}
	}
}

// Ranks are those of standard competition ("1224"); being tied is not transitive.
func TestRankOfTies(t *testing.T) {
	for _, c := range []struct {
		better [][2]int
		ranks  []int
		ties   [][]int
	}{
		{nil, []int{1, 1, 1, 1}, [][]int{{1, 2, 3}, {0, 2, 3}, {0, 1, 3}, {0, 1, 2}}},
		{[][2]int{{0, 1}, {0, 2}, {0, 3}, {1, 3}, {2, 3}}, []int{1, 2, 2, 4}, [][]int{nil, {2}, {1}, nil}},
		{[][2]int{{0, 2}, {1, 3}, {0, 3}}, []int{1, 1, 2, 3}, [][]int{{1}, {0, 2}, {1, 3}, {2}}},
	} {
		ranks, ties := stats.Rank(4, func(i, j int) bool { return slices.Contains(c.better, [2]int{i, j}) })
		if !reflect.DeepEqual(ranks, c.ranks) || !reflect.DeepEqual(ties, c.ties) {
			t.Errorf("ranks %v, tied %v; want %v, %v", ranks, ties, c.ranks, c.ties)
		}
	}
	if ranks, ties := stats.Rank(0, nil); len(ranks) != 0 || len(ties) != 0 {
		t.Errorf("nothing ranks %v, tied %v", ranks, ties)
	}
}
