// Package offered describes the pace of an open loop: how many requests per second it sends,
// whatever the replies, and how they arrive.
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

// Pace is when requests are sent; its zero value is a closed loop. At most one of Rate,
// Share, Ramp and Steps is set. Rates are requests per second.
type Pace struct {
	Rate     float64
	Share    float64    // of what ShareOf says, 0.7 for 70 %
	ShareOf  string     // Ceiling or Slowest
	Ramp     [2]float64 // from, to: linear over a slice
	Steps    []float64  // each for an equal part of a slice
	Arrivals string     // Constant or Poisson; "": Constant
}

// Open reports whether a rate is offered at all.
func (p Pace) Open() bool {
	return p.Rate > 0 || p.Relative() || p.Ramp != [2]float64{} || len(p.Steps) > 0
}

// Relative reports whether the rate depends on a measured ceiling.
func (p Pace) Relative() bool { return p.Share > 0 }

// Mean is the mean rate over a slice; 0 if the pace is relative or a closed loop.
func (p Pace) Mean() float64 {
	switch {
	case len(p.Steps) > 0:
		sum := 0.0
		for _, s := range p.Steps {
			sum += s
		}
		return sum / float64(len(p.Steps))
	case p.Ramp != [2]float64{}:
		return (p.Ramp[0] + p.Ramp[1]) / 2
	}
	return p.Rate
}

// Describe is the pace as a scenario spells it, "70% of ceiling, poisson"; "" for
// a closed loop.
func (p Pace) Describe() string {
	if !p.Open() {
		return ""
	}
	text := p.RateText() + p.RampText() + strings.Join(p.StepTexts(), ", ")
	if p.Arrivals == Poisson {
		text += ", " + Poisson
	}
	return text
}

// RateText is the rate as SetRate reads it; "" if none is set.
func (p Pace) RateText() string {
	switch {
	case p.Relative():
		return fmt.Sprintf("%g%% of %s", math.Round(p.Share*1e6)/1e4, p.ShareOf)
	case p.Rate > 0:
		return perSecond(p.Rate)
	}
	return ""
}

// RampText is the ramp as SetRamp reads it; "" if none is set.
func (p Pace) RampText() string {
	if p.Ramp == [2]float64{} {
		return ""
	}
	return perSecond(p.Ramp[0]) + " to " + perSecond(p.Ramp[1])
}

// StepTexts are the steps as AddStep reads them.
func (p Pace) StepTexts() []string {
	var all []string
	for _, s := range p.Steps {
		all = append(all, perSecond(s))
	}
	return all
}

func perSecond(rate float64) string { return strconv.FormatFloat(rate, 'f', -1, 64) + "/s" }

// SetRate reads a rate into p: "1000/s" or "1000", "70% of ceiling", "50% of
// slowest". "0" is a closed loop.
func (p *Pace) SetRate(text string) error {
	share, of, ok := strings.Cut(text, "%")
	if !ok {
		rate, err := parsePerSecond(text)
		if err != nil && rate != 0 {
			return fmt.Errorf("%q is not a rate such as 1000/s, from 0 to %.0f/s, or 70%% of ceiling", text, float64(MaxRate))
		}
		p.Rate = rate
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
	p.Share, p.ShareOf = percent/100, words[1]
	return nil
}

// SetRamp reads "100/s to 5000/s" into p.
func (p *Pace) SetRamp(text string) error {
	from, to, ok := strings.Cut(text, " to ")
	a, errA := parsePerSecond(from)
	b, errB := parsePerSecond(to)
	if !ok || errA != nil || errB != nil {
		return fmt.Errorf("%q is not a ramp such as 100/s to 5000/s, of rates from %g/s to %.0f/s", text, MinRate, float64(MaxRate))
	}
	p.Ramp = [2]float64{a, b}
	return nil
}

// AddStep reads a rate such as "1000/s" into the next step of p.
func (p *Pace) AddStep(text string) error {
	if len(p.Steps) == maxSteps {
		return fmt.Errorf("more than %d steps", maxSteps)
	}
	rate, err := parsePerSecond(text)
	if err != nil {
		return fmt.Errorf("%q is not a rate such as 1000/s, from %g/s to %.0f/s", text, MinRate, float64(MaxRate))
	}
	p.Steps = append(p.Steps, rate)
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
