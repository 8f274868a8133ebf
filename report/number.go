package report

import (
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/benchctl/benchctl/results/judge"
)

// Unknown stands for a figure that is not known.
const Unknown = "–"

// Number formats v with that many significant digits and thousands separators:
// 152,300 (4 digits), 12.3, 0.0456 (3 digits).
func Number(v float64, digits int) string {
	if !finite(v) {
		return Unknown
	}
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'e', digits-1, 64), 64)
	decimals := 0
	if rounded != 0 {
		decimals = max(0, digits-1-magnitude(rounded))
	}
	return thousands(strconv.FormatFloat(rounded, 'f', decimals, 64))
}

// Whole formats a count with thousands separators.
func Whole(n uint64) string { return thousands(strconv.FormatUint(n, 10)) }

// Sentence is a text that begins a sentence or a heading.
func Sentence(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:]
}

// thousands puts a comma between each three digits before the decimal point.
func thousands(s string) string {
	sign, digits, fraction := "", s, ""
	if strings.HasPrefix(digits, "-") {
		sign, digits = "-", digits[1:]
	}
	if at := strings.IndexByte(digits, '.'); at >= 0 {
		digits, fraction = digits[:at], digits[at:]
	}
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return sign + digits + fraction
}

// Spread is half the width of the 95 % confidence interval as a share of the
// figure: "±1.2 %". It is empty where the interval is not known; an interval of
// no width is one, since a single slice says nothing about the spread.
func Spread(e judge.Estimate) string {
	if !hasInterval(e) || e.Value == 0 {
		return ""
	}
	percent := 100 * (e.High - e.Low) / 2 / math.Abs(e.Value)
	switch {
	case percent < 0.1:
		return "±<0.1 %"
	case percent < 9.95:
		return "±" + fixed(percent, 1) + " %"
	}
	return "±" + fixed(percent, 0) + " %"
}

// SpreadOf is Spread, or Around where figures of the metric may be 0 or near it.
func SpreadOf(m judge.Metric, e judge.Estimate) string {
	if m.NearZero() {
		return Around(e)
	}
	return Spread(e)
}

// Around is Spread in the figure's own unit, for figures that may be 0 or near it: "±1.2", or
// "≤0.5" of a 0 that the interval begins at.
func Around(e judge.Estimate) string {
	switch {
	case !hasInterval(e):
		return ""
	case e.Value == 0 && e.Low == 0:
		return "≤" + Number(e.High, 2)
	}
	return "±" + Number((e.High-e.Low)/2, 2)
}

func hasInterval(e judge.Estimate) bool {
	return finite(e.Value) && finite(e.Low) && finite(e.High) && e.High > e.Low
}

// Interval returns the ends of an estimate's interval, if it is known.
func Interval(e judge.Estimate) (low, high float64, ok bool) {
	return e.Low, e.High, hasInterval(e)
}

// Ratio formats a pair's ratio and its interval, "1.42x [1.39, 1.45]", with as
// many decimals as the interval resolves.
func Ratio(p judge.Pair) string {
	if !finite(p.Ratio) {
		return Unknown
	}
	d := decimals(p)
	return fixed(p.Ratio, d) + "x [" + fixed(p.Low, d) + ", " + fixed(p.High, d) + "]"
}

func fixed(v float64, decimals int) string {
	return thousands(strconv.FormatFloat(v, 'f', decimals, 64))
}

// decimals shows the first digit of the interval's half width, but at least
// three digits of the ratio and at most four decimals.
func decimals(p judge.Pair) int {
	least := 2 - magnitude(p.Ratio)
	if half := (p.High - p.Low) / 2; half > 0 {
		return min(4, max(0, min(2, least), -magnitude(half)))
	}
	return min(4, max(0, least))
}

// magnitude is the power of ten of v's first digit: 0 for 1 to 9.99.
func magnitude(v float64) int { return int(math.Floor(math.Log10(math.Abs(v)) + 1e-9)) }

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
