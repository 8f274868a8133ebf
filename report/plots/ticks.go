package plots

import (
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"

	"github.com/benchctl/benchctl/report"
)

// linearTicks marks round numbers from 0 on, about so many of them.
type linearTicks struct{ about int }

func (t linearTicks) Ticks(min, max float64) []plot.Tick {
	step := round(max / float64(t.about))
	var ticks []plot.Tick
	for i := 0; float64(i)*step <= max; i++ {
		ticks = append(ticks, tick(float64(i)*step))
	}
	return ticks
}

// round returns the least of 1, 2 and 5 times a power of ten that is not below v.
func round(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= v*(1-1e-9) {
			return m * power
		}
	}
	return 10 * power
}

// logTicks marks 1, 2 and 5 times the powers of ten, or the powers alone where
// those would be more than most.
type logTicks struct{ most int }

func (t logTicks) Ticks(min, max float64) []plot.Tick {
	var all, powers []plot.Tick
	for e := math.Floor(math.Log10(min)); e <= math.Ceil(math.Log10(max)); e++ {
		for _, m := range []float64{1, 2, 5} {
			v := m * math.Pow(10, e)
			if v < min*(1-1e-9) || v > max*(1+1e-9) {
				continue
			}
			all = append(all, tick(v))
			if m == 1 {
				powers = append(powers, tick(v))
			} else {
				powers = append(powers, plot.Tick{Value: v})
			}
		}
	}
	if len(all) <= t.most {
		return all
	}
	return powers
}

func tick(v float64) plot.Tick {
	label := report.Number(v, 1)
	if n := report.Number(v, 3); v != 0 && v >= 1 {
		label = trimZeros(n)
	}
	return plot.Tick{Value: v, Label: label}
}

// trimZeros drops decimals that say nothing: "2.50" is "2.5".
func trimZeros(s string) string {
	for i := range s {
		if s[i] == '.' {
			for s[len(s)-1] == '0' {
				s = s[:len(s)-1]
			}
			if s[len(s)-1] == '.' {
				s = s[:len(s)-1]
			}
			return s
		}
	}
	return s
}

// shorten makes a name as wide as there is room.
func shorten(name string, sty text.Style, room vg.Length) string {
	return report.Shorten(name, func(s string) bool { return sty.Width(s) <= room })
}
