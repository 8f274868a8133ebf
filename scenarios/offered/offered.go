// Package offered describes the load that an open loop offers: how many requests
// per second, whatever comes back, and how they arrive. It imports nothing of this
// module but the search for mistyped words.
package offered

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/benchctl/benchctl/internal/nearest"
)

// What a share is of.
const (
	Ceiling = "ceiling" // each candidate's own throughput in a closed loop
	Slowest = "slowest" // the least of these ceilings, for all candidates alike
)

// How requests arrive.
const (
	Constant = "constant" // evenly spaced
	Poisson  = "poisson"  // independently of each other
)

// Bounds of what can be offered.
const (
	MaxRate  = 10e6  // requests per second
	MinRate  = 0.001 // but for 0, a closed loop
	minShare = 0.001 // of a ceiling
	maxShare = 2.0   // more than all of a ceiling is an overload
	maxSteps = 100
)

// Load is an offered load; its zero value is a closed loop. At most one of Rate,
// Share, Ramp and Steps is set. Rates are requests per second.
type Load struct {
	Rate     float64    `json:"rate,omitempty"`
	Share    float64    `json:"share,omitempty"`    // of what ShareOf says, 0.7 for 70 %
	ShareOf  string     `json:"share_of,omitempty"` // Ceiling or Slowest
	Ramp     [2]float64 `json:"ramp,omitzero"`      // from, to: linear over a slice
	Steps    []float64  `json:"steps,omitempty"`    // each for an equal part of a slice
	Arrivals string     `json:"arrivals,omitempty"` // Constant or Poisson; "": Constant
}

// Open tells whether a rate is offered at all.
func (l Load) Open() bool {
	return l.Rate > 0 || l.Relative() || l.Ramp != [2]float64{} || len(l.Steps) > 0
}

// Relative tells whether the rate takes a measured ceiling to be known.
func (l Load) Relative() bool { return l.Share > 0 }

// Mean is the mean rate over a slice; 0 if the load is relative or a closed loop.
func (l Load) Mean() float64 {
	switch {
	case len(l.Steps) > 0:
		sum := 0.0
		for _, s := range l.Steps {
			sum += s
		}
		return sum / float64(len(l.Steps))
	case l.Ramp != [2]float64{}:
		return (l.Ramp[0] + l.Ramp[1]) / 2
	}
	return l.Rate
}

// Describe is the load as a scenario spells it, "70% of ceiling, poisson"; "" for
// a closed loop.
func (l Load) Describe() string {
	var text string
	switch {
	case !l.Open():
		return ""
	case l.Relative():
		text = fmt.Sprintf("%g%% of %s", math.Round(l.Share*1e6)/1e4, l.ShareOf)
	case len(l.Steps) > 0:
		all := make([]string, len(l.Steps))
		for i, s := range l.Steps {
			all[i] = perSecond(s)
		}
		text = strings.Join(all, ", ")
	case l.Ramp != [2]float64{}:
		text = perSecond(l.Ramp[0]) + " to " + perSecond(l.Ramp[1])
	default:
		text = perSecond(l.Rate)
	}
	if l.Arrivals == Poisson {
		text += ", " + Poisson
	}
	return text
}

func perSecond(rate float64) string { return strconv.FormatFloat(rate, 'f', -1, 64) + "/s" }

// SetRate reads a rate into l: "1000/s" or "1000", "70% of ceiling", "50% of
// slowest". "0" is a closed loop.
func (l *Load) SetRate(text string) error {
	share, of, ok := strings.Cut(text, "%")
	if !ok {
		rate, err := parsePerSecond(text)
		if err != nil && rate != 0 {
			return fmt.Errorf("%q is not a rate such as 1000/s, from 0 to %.0f/s, or 70%% of ceiling", text, float64(MaxRate))
		}
		l.Rate = rate
		return nil
	}
	percent, err := strconv.ParseFloat(strings.TrimSpace(share), 64)
	if err != nil || !(percent >= 100*minShare && percent <= 100*maxShare) {
		return fmt.Errorf("%q is not a share such as 70%% of ceiling, from %g%% to %g%%", text, 100*minShare, 100*maxShare)
	}
	words := strings.Fields(of)
	if len(words) != 2 || words[0] != "of" {
		return fmt.Errorf("%q does not say what it is a share of: %s or %s", text, Ceiling, Slowest)
	}
	if known := []string{Ceiling, Slowest}; !slices.Contains(known, words[1]) {
		return fmt.Errorf("%q is a share of what is not known: %q%s", text, words[1], nearest.Hint(words[1], known))
	}
	l.Share, l.ShareOf = percent/100, words[1]
	return nil
}

// SetRamp reads "100/s to 5000/s" into l.
func (l *Load) SetRamp(text string) error {
	from, to, ok := strings.Cut(text, " to ")
	a, errA := parsePerSecond(from)
	b, errB := parsePerSecond(to)
	if !ok || errA != nil || errB != nil {
		return fmt.Errorf("%q is not a ramp such as 100/s to 5000/s, of rates from %g/s to %.0f/s", text, MinRate, float64(MaxRate))
	}
	l.Ramp = [2]float64{a, b}
	return nil
}

// AddStep reads a rate such as "1000/s" into the next step of l.
func (l *Load) AddStep(text string) error {
	if len(l.Steps) == maxSteps {
		return fmt.Errorf("more than %d steps", maxSteps)
	}
	rate, err := parsePerSecond(text)
	if err != nil {
		return fmt.Errorf("%q is not a rate such as 1000/s, from %g/s to %.0f/s", text, MinRate, float64(MaxRate))
	}
	l.Steps = append(l.Steps, rate)
	return nil
}

var errRate = errors.New("not a rate")

// parsePerSecond reads a positive rate. With its error it gives 0 for "0" and NaN
// for all else.
func parsePerSecond(text string) (float64, error) {
	rate, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(text), "/s"), 64)
	switch {
	case err == nil && rate == 0:
		return 0, errRate
	case err != nil || !(rate >= MinRate && rate <= MaxRate):
		return math.NaN(), errRate
	}
	return rate, nil
}
