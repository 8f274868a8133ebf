package stats_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/benchctl/benchctl/internal/stats"
)

func TestMeanDifference(t *testing.T) {
	// Exact by hand: means 3.5 and 7, variances 3.5 and 14, so the error is sqrt(17.5/6), and
	// Welch's degrees of freedom are 5 * 17.5^2 / (3.5^2 + 14^2).
	a, b := []float64{1, 2, 3, 4, 5, 6}, []float64{2, 4, 6, 8, 10, 12}
	freedom := 5 * 17.5 * 17.5 / (3.5*3.5 + 14*14)
	student := distuv.StudentsT{Sigma: 1, Nu: freedom}
	h, e := math.Sqrt(17.5/6)*student.Quantile(0.975), math.Sqrt(17.5/6)
	i, p, ok := stats.MeanDifference(a, b)
	if !ok {
		t.Fatal("it tells nothing")
	}
	near(t, []float64{i.Value, i.Low, i.High, i.Freedom, p}, []float64{3.5, 3.5 - h, 3.5 + h, freedom, 2 * student.CDF(-3.5/e)})
	// The other way round it is the same.
	r, q, _ := stats.MeanDifference(b, a)
	near(t, []float64{r.Value, r.Low, r.High, q}, []float64{-3.5, -i.High, -i.Low, p})
	if want := h * (1 + student.Quantile(0.8)/student.Quantile(0.975)); math.Abs(i.MinimalDifference()-want) > 1e-12 {
		t.Errorf("it resolves %v, want %v", i.MinimalDifference(), want)
	}
	same := []float64{0, 0, 0, 0, 0, 0}
	if i, p, ok := stats.MeanDifference(same, same); !ok || p != 1 || i.Low != 0 || i.High != 0 {
		t.Errorf("of nothing: %+v, p %v, %v", i, p, ok)
	}
	if _, _, ok := stats.MeanDifference(a, b[:5]); ok {
		t.Error("five values tell something")
	}
}

// repetitions are counts of the same number of events each.
func repetitions(events float64, counts ...float64) (all []stats.Share) {
	for _, n := range counts {
		all = append(all, stats.Share{Amount: n, Over: events})
	}
	return all
}

func TestCountDifference(t *testing.T) {
	none, ones, many := repetitions(1, 0, 0, 0, 0, 0, 0), repetitions(1, 1, 1, 1, 1, 1, 1), repetitions(1, 34, 36, 35, 35, 37, 34)
	// Nothing on either side: the rule of three.
	if i, p, ok := stats.CountDifference(none, repetitions(10, 0, 0, 0, 0, 0, 0)); !ok || p != 1 || i.Low != -0.5 || i.High != 0.05 {
		t.Errorf("nothing: %+v, p %v, %v", i, p, ok)
	}
	// Without Poisson's scatter, six ones would be told from six zeros with certainty. As
	// they are, it is about as the exact conditional test says: 2 / 2^6 = 0.031.
	i, p, ok := stats.CountDifference(none, ones)
	if !ok || p < 0.02 || p > 0.05 || i.Low <= 0 || i.Low > 0.2 || i.Value != 1 {
		t.Errorf("six of six: %+v, p %v, %v", i, p, ok)
	}
	if i, p, _ := stats.CountDifference(none, repetitions(1, 0, 0, 1, 0, 0, 0)); p < 0.2 || i.Excludes(0) {
		t.Errorf("one of six: %+v, p %v", i, p)
	}
	if i, p, _ := stats.CountDifference(none, many); p > 1e-4 || i.Low < 25 || i.High > 45 {
		t.Errorf("many: %+v, p %v", i, p)
	}
	// One repetition that lost all is no proof.
	if i, p, _ := stats.CountDifference(none, repetitions(1, 0, 0, 0, 0, 0, 600)); p < 0.2 || i.Excludes(0) {
		t.Errorf("one outburst: %+v, p %v", i, p)
	}
	// A rate is per event.
	if i, _, _ := stats.CountDifference(many, repetitions(10, 340, 360, 350, 350, 370, 340)); i.Value > 1e-9 || i.Value < -1e-9 || i.Excludes(0) {
		t.Errorf("per event: %+v", i)
	}
	if _, _, ok := stats.CountDifference(none, many[:5]); ok {
		t.Error("five repetitions tell something")
	}
}

// scatter draws the losses of a repetition.
type scatter struct {
	name string
	draw func(rng *rand.Rand, mean float64) float64
}

func scatters() []scatter {
	poisson := func(rng *rand.Rand, mean float64) float64 {
		if mean == 0 {
			return 0
		}
		return distuv.Poisson{Lambda: mean, Src: rng}.Rand()
	}
	return []scatter{
		{"Poisson", poisson},
		// A gamma mixture of Poisson's: the variance is mean + mean^2 / 2.
		{"negative binomial", func(rng *rand.Rand, mean float64) float64 {
			return poisson(rng, distuv.Gamma{Alpha: 2, Beta: 2 / mean, Src: rng}.Rand())
		}},
		// One repetition of five loses all that is lost.
		{"outbursts", func(rng *rand.Rand, mean float64) float64 {
			if rng.IntN(5) > 0 {
				return 0
			}
			return poisson(rng, 5*mean)
		}},
	}
}

// differs is how often two sides of n repetitions are told apart.
func differs(of scatter, n int, a, b float64, runs int) float64 {
	rng := rand.New(rand.NewPCG(uint64(n), uint64(1000*a+b)))
	found := 0
	for range runs {
		var sa, sb []stats.Share
		for range n {
			sa, sb = append(sa, stats.Share{Amount: of.draw(rng, a), Over: 1}), append(sb, stats.Share{Amount: of.draw(rng, b), Over: 1})
		}
		if i, p, ok := stats.CountDifference(sa, sb); ok && i.Excludes(0) != (p < 0.05) {
			return math.NaN() // they say the same
		} else if ok && i.Excludes(0) {
			found++
		}
	}
	return float64(found) / float64(runs)
}

// Where two servers lose alike they are told apart in 5 % of cases or less, however losses
// scatter. Where they differ much, they mostly are.
func TestCountDifferenceSimulated(t *testing.T) {
	runs := max(2000, *simulations)
	for _, of := range scatters() {
		for _, n := range []int{6, 12} {
			for _, mean := range []float64{0.05, 0.3, 1, 5, 50} {
				wrongly := differs(of, n, mean, mean, runs)
				if *simulations > 0 {
					t.Logf("%s, %d repetitions, mean %g: %.2f %%", of.name, n, mean, 100*wrongly)
				}
				if !(wrongly < 0.065) { // 0.05 and three standard errors of 2000 runs
					t.Errorf("%s, %d repetitions that lose %g are told apart in %.1f %%", of.name, n, mean, 100*wrongly)
				}
			}
		}
	}
	for _, c := range []struct{ a, b, least float64 }{{0, 3, 0.9}, {1, 6, 0.9}, {30, 45, 0.9}} {
		if found := differs(scatters()[0], 6, c.a, c.b, runs); !(found > c.least) {
			t.Errorf("%g and %g are told apart in %.1f %%", c.a, c.b, 100*found)
		}
	}
}

// pairs are counts of as many of each, over 1000 requests.
func pairs(a, b []float64) (all []stats.Paired) {
	for i := range a {
		all = append(all, stats.Paired{A: stats.Share{Amount: a[i], Over: 1000}, B: stats.Share{Amount: b[i], Over: 1000}})
	}
	return all
}

func TestPairedDifference(t *testing.T) {
	// What both have of a round cancels out. Exact by hand: the differences are 1 and 3 in a thousand, three
	// times each, whose standard deviation is sqrt(6/5).
	six := pairs([]float64{10, 20, 30, 40, 50, 60}, []float64{11, 23, 31, 43, 51, 63})
	i, ok := stats.PairedDifference([][]stats.Paired{six})
	h := distuv.StudentsT{Sigma: 1, Nu: 5}.Quantile(0.975) * math.Sqrt(6./5/6) / 1000
	if !ok {
		t.Fatal("it tells nothing")
	}
	near(t, []float64{i.Value, i.Low, i.High, i.Freedom}, []float64{0.002, 0.002 - h, 0.002 + h, 5})
	// Launches are the units where there are several.
	i, ok = stats.PairedDifference([][]stats.Paired{six[:2], six[2:4], six[4:]})
	if !ok {
		t.Fatal("of three launches it tells nothing")
	}
	near(t, []float64{i.Value, i.Low, i.High, i.Freedom}, []float64{0.002, 0.002, 0.002, 2})
	// Near 0, where logarithms have no bounds to speak of, it is as wide as what was counted.
	none := []float64{0, 0, 0, 0, 0, 0}
	i, ok = stats.PairedDifference([][]stats.Paired{pairs(none, []float64{0, 0, 900, 0, 0, 1})})
	if !ok || i.Low > 0 || i.High < i.Value || i.High > 1 {
		t.Errorf("near 0: %+v, %v", i, ok)
	}
	if i, ok := stats.PairedDifference([][]stats.Paired{pairs(none, none)}); !ok || i.Value != 0 || i.Low != 0 || i.High != 0 {
		t.Errorf("of nothing: %+v, %v", i, ok)
	}
	if i, ok := stats.PairedDifference([][]stats.Paired{six[:5]}); ok || math.Abs(i.Value-0.0018) > 1e-9 || i.Low != i.Value || i.High != i.Value {
		t.Errorf("of five: %+v, %v", i, ok)
	}
	if i, ok := stats.PairedDifference(nil); ok || !math.IsNaN(i.Value) {
		t.Errorf("of none: %+v, %v", i, ok)
	}
}

func TestTotalNearZero(t *testing.T) {
	// Exact by hand: rates of 1 and 3 in a thousand, three times each, as above.
	shares := func(amounts ...float64) (all []stats.Share) {
		for _, a := range amounts {
			all = append(all, stats.Share{Amount: a, Over: 1000})
		}
		return all
	}
	i, ok := stats.TotalNearZero([][]stats.Share{shares(1, 3, 1, 3, 1, 3)})
	h := distuv.StudentsT{Sigma: 1, Nu: 5}.Quantile(0.975) * math.Sqrt(6./5/6) / 1000
	if !ok {
		t.Fatal("it tells nothing")
	}
	near(t, []float64{i.Value, i.Low, i.High, i.Freedom}, []float64{0.002, 0.002 - h, 0.002 + h, 5})
	// A single one that is not 0 bounds the interval; Total's would reach to the hundredfold.
	i, ok = stats.TotalNearZero([][]stats.Share{shares(0.001, 0, 12), shares(0.001, 0.001, 0), shares(0, 0.001, 0)})
	if !ok || i.Low != 0 || i.High < i.Value || i.High > 12./1000 {
		t.Errorf("near 0: %+v, %v", i, ok)
	}
	if i, ok := stats.TotalNearZero([][]stats.Share{shares(1, 3, 1)}); ok || i.Low != i.Value || i.High != i.Value {
		t.Errorf("of three: %+v, %v", i, ok)
	}
	if i, ok := stats.TotalNearZero(nil); ok || !math.IsNaN(i.Value) {
		t.Errorf("of none: %+v, %v", i, ok)
	}
}
