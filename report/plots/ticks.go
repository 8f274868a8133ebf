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
// those would be more than most. Where they would be few, it marks even steps.
type logTicks struct{ most int }

// leastRange is how many times the least figure of a logarithmic axis the largest is at least, for 1, 2 and 5 times the
// powers of ten to be marks enough.
const leastRange = 8

func (t logTicks) Ticks(min, max float64) []plot.Tick {
	if max < leastRange*min {
		return stepTicks(min, max, t.most/2)
	}
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

// stepTicks marks about so many multiples of a round number.
func stepTicks(min, max float64, about int) (ticks []plot.Tick) {
	step := round((max - min) / float64(about))
	for i := math.Ceil(min / step * (1 - 1e-9)); i*step <= max*(1+1e-9); i++ {
		ticks = append(ticks, tick(i*step))
	}
	return ticks
}

// roomyTicks takes the labels from marks that have no room for them on a logarithmic axis of such a width.
type roomyTicks struct {
	plot.Ticker
	width vg.Length
}

func (t roomyTicks) Ticks(min, max float64) []plot.Tick {
	ticks := t.Ticker.Ticks(min, max)
	end := vg.Length(math.Inf(-1)) // of the latest label
	for i, mark := range ticks {
		if mark.Label == "" {
			continue
		}
		half := noteStyle.Width(mark.Label)/2 + 3
		at := t.width * vg.Length(math.Log(mark.Value/min)/math.Log(max/min))
		if at-half < end {
			ticks[i].Label = ""
		} else {
			end = at + half
		}
	}
	return ticks
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
	return shortenAll([]string{name}, sty, func(int) vg.Length { return room })[0]
}

// shortenAll makes names that stand together as wide as there is room for each.
func shortenAll(names []string, sty text.Style, room func(i int) vg.Length) []string {
	return report.Shorten(names, func(i int, s string) bool { return sty.Width(s) <= room(i) })
}
