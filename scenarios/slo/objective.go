// Package slo searches the highest rate at which a server meets a service level
// objective: an objective as text, and the staircase that follows it. It is pure:
// it knows no load, no clock and no randomness.
package slo

import (
	"fmt"
	"strings"
	"time"

	"github.com/benchctl/benchctl/internal/nearest"
)

// maxLimit is more than any reply is waited for.
const maxLimit = time.Hour

// percentiles that an objective may bound, by name.
var percentiles = []struct {
	name    string
	percent float64
}{{"p50", 50}, {"p90", 90}, {"p95", 95}, {"p99", 99}, {"p999", 99.9}}

// Objective bounds a percentile of the response time: "p99<10ms".
type Objective struct {
	Name      string  // "p99"
	Percent   float64 // 99
	Limit     time.Duration
	Inclusive bool // "<=" instead of "<"
}

// Parse reads an objective such as "p99<10ms" or "p999 <= 1.5s".
func Parse(text string) (Objective, error) {
	name, limit, ok := strings.Cut(text, "<")
	if !ok {
		return Objective{}, fmt.Errorf("%q is not an objective such as p99<10ms", text)
	}
	o := Objective{Name: strings.TrimSpace(name)}
	limit, o.Inclusive = strings.CutPrefix(limit, "=")
	var known []string
	for _, p := range percentiles {
		if known = append(known, p.name); p.name == o.Name {
			o.Percent = p.percent
		}
	}
	if o.Percent == 0 {
		return Objective{}, fmt.Errorf("%q: unknown percentile %q%s", text, o.Name, nearest.Hint(o.Name, known))
	}
	var err error
	if o.Limit, err = time.ParseDuration(strings.TrimSpace(limit)); err != nil || o.Limit <= 0 || o.Limit > maxLimit {
		return Objective{}, fmt.Errorf("%q: the limit is not a time with unit, above 0 to %v", text, maxLimit)
	}
	return o, nil
}

// String is the objective as Parse reads it.
func (o Objective) String() string {
	relation := "<"
	if o.Inclusive {
		relation = "<="
	}
	return o.Name + relation + o.Limit.String()
}

// MarshalText implements encoding.TextMarshaler.
func (o Objective) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (o *Objective) UnmarshalText(text []byte) (err error) {
	*o, err = Parse(string(text))
	return err
}

// MinAnswered is the share of the offered requests that must be answered. Otherwise a
// server could meet any limit by leaving requests out.
const MinAnswered = 0.99

// Slice is the outcome of one slice.
type Slice struct {
	Percentile time.Duration // of the response time
	Due        uint64        // requests that were to be sent
	Counted    uint64        // those that were answered correctly
	Errors     uint64
}

// Met reports whether a slice meets the objective.
func (o Objective) Met(s Slice) bool {
	within := s.Percentile < o.Limit || o.Inclusive && s.Percentile == o.Limit
	return within && s.Errors == 0 && s.Counted > 0 && float64(s.Counted) >= MinAnswered*float64(s.Due)
}

// minBeyond is how many samples must lie beyond a percentile for it to be reported.
const minBeyond = 100

// Enough is the share of Samples that a slice must have, as random arrivals vary.
const Enough = 0.95

// Samples is how many requests a slice requires for its percentile.
func (o Objective) Samples() float64 { return minBeyond * 100 / (100 - o.Percent) }
