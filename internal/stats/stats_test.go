package stats_test

import (
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/benchctl/benchctl/internal/stats"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		in   []float64
		want float64
	}{
		{[]float64{3, 1, 2}, 2},
		{[]float64{4, 1, 3, 2}, 2.5},
		{[]float64{7}, 7},
	} {
		if got := stats.Median(c.in); got != c.want {
			t.Errorf("Median(%v) = %v, want %v", c.in, got, c.want)
		}
	}
	if !math.IsNaN(stats.Median(nil)) {
		t.Error("the median of nothing is a number")
	}
}

// The values are Student's density, integrated numerically from t on.
func TestChanceAboveZero(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{
		{[]float64{1, 2, 3, 4, 5}, 0.006618},
		{[]float64{-1, 2, -3, 4, 1}, 0.322774},
		{[]float64{2, 2, 2}, 0},
		{[]float64{0, 0, 0}, 1},
		{[]float64{-3, 1, 1}, 1},
	} {
		if got := stats.ChanceAboveZero(c.values); math.Abs(got-c.want) > 1e-6 {
			t.Errorf("ChanceAboveZero(%v) = %v, want %v", c.values, got, c.want)
		}
	}
}

func TestBootstrapIsSeeded(t *testing.T) {
	groups := simulate(rand.New(rand.NewPCG(1, 1)), 3, 20, 0)
	a, ok := stats.Bootstrap(groups, 42)
	if !ok {
		t.Fatal("60 values carry no interval")
	}
	if b, _ := stats.Bootstrap(groups, 42); a != b {
		t.Errorf("one seed gives %v and %v", a, b)
	}
	if b, _ := stats.Bootstrap(groups, 43); a == b {
		t.Error("two seeds give the same interval")
	}
	if a.Low > a.Value || a.High < a.Value {
		t.Errorf("the median is outside of its interval: %v", a)
	}
}

func TestFewValuesCarryNoInterval(t *testing.T) {
	i, ok := stats.Bootstrap([][]float64{{1, 5}, {}, {3}}, 1)
	if want := (stats.Interval{Value: 3, Low: 3, High: 3}); ok || i != want {
		t.Errorf("Bootstrap of three values = %v, %v; want no interval, %v", i, ok, want)
	}
}

// simulate draws launches of skewed, outlier-ridden values with median 1; each
// launch is off by its own effect.
func simulate(rng *rand.Rand, launches, rounds int, effect float64) [][]float64 {
	groups := make([][]float64, launches)
	for l := range groups {
		off := math.Exp(effect * rng.NormFloat64())
		for range rounds {
			v := off * math.Exp(0.05*rng.NormFloat64())
			if rng.Float64() < 0.05 {
				v *= 1 + rng.ExpFloat64()
			}
			groups[l] = append(groups[l], v)
		}
	}
	return groups
}

// When launches differ, an interval that ignored them would be far too narrow.
func TestLaunchesWiden(t *testing.T) {
	groups := simulate(rand.New(rand.NewPCG(3, 3)), 8, 30, 0.1)
	var flat []float64
	for _, g := range groups {
		flat = append(flat, g...)
	}
	hierarchical, _ := stats.Bootstrap(groups, 1)
	pooled, _ := stats.Bootstrap([][]float64{flat}, 1)
	if hierarchical.High-hierarchical.Low < 2*(pooled.High-pooled.Low) {
		t.Errorf("with launches %v, without %v", hierarchical, pooled)
	}
}

// Two sittings, b at half the speed of a: the interval of the ratio
// must cover 0.5 in about 95 % of repetitions. Of 100, 87 and fewer would come about
// by chance once in 680 times.
func TestTotalRatioCoverage(t *testing.T) {
	t.Parallel()
	const repetitions = 100
	covered := 0
	for r := range uint64(repetitions) {
		rng := rand.New(rand.NewPCG(11, r))
		a, b := simulate(rng, 1, 25, 0), simulate(rng, 1, 25, 0)
		for i := range b[0] {
			b[0][i] /= 2
		}
		if i, _, ok := stats.TotalRatio(shares(a), shares(b), r); ok && !i.Excludes(0.5) {
			covered++
		}
	}
	if covered < 88 {
		t.Errorf("the 95 %% interval covers the ratio in %d of %d repetitions", covered, repetitions)
	}
}

// shares are values as amounts over 1 each, whose total is their mean.
func shares(groups [][]float64) [][]stats.Share {
	all := make([][]stats.Share, len(groups))
	for i, g := range groups {
		for _, x := range g {
			all[i] = append(all[i], stats.Share{Amount: x, Over: 1})
		}
	}
	return all
}

func TestTotalRatio(t *testing.T) {
	six := func(v ...float64) [][]float64 { return [][]float64{v[:3], v[3:]} }
	ones, twos := six(1, 1, 1, 1, 1, 1), six(2, 2, 2, 2, 2, 2)
	for _, c := range []struct {
		name string
		a, b [][]float64
		want stats.Interval
		ok   bool
	}{
		{"exact", ones, twos, stats.Interval{Value: 2, Low: 2, High: 2, Freedom: 2}, true},
		{"the other way round", twos, ones, stats.Interval{Value: 0.5, Low: 0.5, High: 0.5, Freedom: 2}, true},
		{"too few in a", [][]float64{{1, 1}}, twos, stats.Interval{}, false},
		{"too few in b", ones, [][]float64{{2, 2}, nil}, stats.Interval{}, false},
		{"nothing", nil, nil, stats.Interval{}, false},
		{"a is zero", six(0, 0, 0, 0, 0, 0), twos, stats.Interval{}, false},
		{"a is often zero", six(0, 0, 0, 0, 1, 1), twos, stats.Interval{}, false},
		{"b is often zero", ones, six(0, 0, 0, 0, 1, 1), stats.Interval{}, false},
	} {
		if got, _, ok := stats.TotalRatio(shares(c.a), shares(c.b), 1); ok != c.ok || got != c.want {
			t.Errorf("%s: %v, %v; want %v, %v", c.name, got, ok, c.want, c.ok)
		}
	}
	rng := rand.New(rand.NewPCG(5, 5))
	a, b := simulate(rng, 3, 20, 0.05), simulate(rng, 3, 20, 0.05)
	first, _, _ := stats.TotalRatio(shares(a), shares(b), 1)
	if again, _, _ := stats.TotalRatio(shares(a), shares(b), 1); again != first {
		t.Errorf("one seed gives %v and %v", first, again)
	}
	if other, _, _ := stats.TotalRatio(shares(a), shares(b), 2); other == first {
		t.Error("two seeds give the same interval")
	}
}

func TestRank(t *testing.T) {
	values := []float64{10, 20, 20.5, 21, 40}
	ranks, ties := stats.Rank(len(values), func(i, j int) bool { return values[i] < values[j]-0.7 })
	if want := []int{1, 2, 2, 3, 5}; !reflect.DeepEqual(ranks, want) {
		t.Errorf("ranks %v, want %v", ranks, want)
	}
	if want := [][]int{nil, {2}, {1, 3}, {2}, nil}; !reflect.DeepEqual(ties, want) {
		t.Errorf("ties %v, want %v", ties, want)
	}
}

func BenchmarkBootstrap(b *testing.B) {
	groups := simulate(rand.New(rand.NewPCG(1, 1)), 3, 35, 0.01)
	for b.Loop() {
		stats.Bootstrap(groups, 1)
	}
}
