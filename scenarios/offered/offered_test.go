package offered_test

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/scenarios/offered"
)

func TestSetRate(t *testing.T) {
	for text, want := range map[string]offered.Pace{
		"1000":              {Rate: 1000},
		"1000/s":            {Rate: 1000},
		"0.5/s":             {Rate: 0.5},
		"0":                 {},
		"70% of ceiling":    {Share: 0.7, ShareOf: offered.Ceiling},
		"12.5% of slowest":  {Share: 0.125, ShareOf: offered.Slowest},
		"110 %  of ceiling": {Share: 1.1, ShareOf: offered.Ceiling},
	} {
		var l offered.Pace
		if err := l.SetRate(text); err != nil || math.Abs(l.Share-want.Share) > 1e-12 {
			t.Errorf("%q: %+v, %v", text, l, err)
		}
		want.Share = l.Share
		if !reflect.DeepEqual(l, want) {
			t.Errorf("%q: %+v, want %+v", text, l, want)
		}
		if l.Open() != (text != "0") {
			t.Errorf("%q: open is %v", text, l.Open())
		}
	}
}

func TestErrors(t *testing.T) {
	rate := func(text string) error { return new(offered.Pace).SetRate(text) }
	ramp := func(text string) error { return new(offered.Pace).SetRamp(text) }
	step := func(text string) error { return new(offered.Pace).AddStep(text) }
	for _, c := range []struct {
		set        func(string) error
		text, want string
	}{
		{rate, "fast", `"fast" is not a rate such as 1000/s, from 0 to 10000000/s, or 70% of ceiling`},
		{rate, "-1/s", `"-1/s" is not a rate such as`},
		{rate, "1e9", `"1e9" is not a rate such as`},
		{rate, "NaN", `"NaN" is not a rate such as`},
		{rate, "0% of ceiling", `"0% of ceiling" is not a share such as 70% of ceiling, from 0.1% to 200%`},
		{rate, "201% of ceiling", `"201% of ceiling" is not a share`},
		{rate, "x% of ceiling", `"x% of ceiling" is not a share`},
		{rate, "70%", `"70%" does not say what it is a share of: ceiling or slowest`},
		{rate, "70% off ceiling", `"70% off ceiling" does not say`},
		{rate, "70% of cieling", `"70% of cieling" is a share of what is not known: "cieling": did you mean "ceiling"?`},
		{rate, "70% of fastest", `"70% of fastest" is a share of what is not known: "fastest"`},
		{ramp, "100/s", `"100/s" is not a ramp such as 100/s to 5000/s, of rates from 0.001/s to 10000000/s`},
		{ramp, "0 to 10", `"0 to 10" is not a ramp`},
		{ramp, "10 to x", `"10 to x" is not a ramp`},
		{step, "0", `"0" is not a rate such as 1000/s, from 0.001/s to 10000000/s`},
	} {
		if err := c.set(c.text); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%q: %v, want %s", c.text, err, c.want)
		}
	}
}

func TestMean(t *testing.T) {
	for _, c := range []struct {
		load     offered.Pace
		mean     float64
		describe string
	}{
		{offered.Pace{}, 0, ""},
		{offered.Pace{Arrivals: offered.Poisson}, 0, ""},
		{offered.Pace{Rate: 1000}, 1000, "1000/s"},
		{offered.Pace{Rate: 1000, Arrivals: offered.Poisson}, 1000, "1000/s, poisson"},
		{offered.Pace{Share: 0.07, ShareOf: offered.Slowest}, 0, "7% of slowest"},
		{offered.Pace{Ramp: [2]float64{100, 5000}}, 2550, "100/s to 5000/s"},
		{offered.Pace{Steps: []float64{1000, 2000, 4500}}, 2500, "1000/s, 2000/s, 4500/s"},
	} {
		if got := c.load.Mean(); got != c.mean || c.load.Describe() != c.describe {
			t.Errorf("%+v: mean %v, %q", c.load, got, c.load.Describe())
		}
	}
}

// FuzzRate holds that what is read is within its bounds, and is read again from
// what it is described as.
func FuzzRate(f *testing.F) {
	for _, seed := range []string{"1000/s", "70% of ceiling", "1e3", "0x10", "100/s to 5000/s", "% of", "Inf to 1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var rate, ramp offered.Pace
		if rate.SetRate(text) == nil {
			if !(rate.Rate >= 0 && rate.Rate <= offered.MaxRate) || !(rate.Share >= 0 && rate.Share <= 2) || rate.Rate > 0 && rate.Relative() {
				t.Errorf("%q: %+v", text, rate)
			}
			var again offered.Pace
			if rate.Rate > 0 && (again.SetRate(rate.Describe()) != nil || !reflect.DeepEqual(again, rate)) {
				t.Errorf("%q: %+v, %q: %+v", text, rate, rate.Describe(), again)
			}
		}
		if ramp.SetRamp(text) == nil {
			var again offered.Pace
			if !(ramp.Mean() > 0 && ramp.Mean() <= offered.MaxRate) || again.SetRamp(ramp.Describe()) != nil || again.Ramp != ramp.Ramp {
				t.Errorf("%q: %+v", text, ramp)
			}
		}
	})
}
