//go:build linux

package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/benchctl/benchctl/results"
)

// metric is what is compared.
type metric string

const (
	throughput metric = "req/s"
	serverCPU  metric = "CPU" // µs per request
	p50        metric = "p50" // ms, as those that follow
	p90        metric = "p90"
	p99        metric = "p99"
	p999       metric = "p99.9"
	longest    metric = "max"
	failures   metric = "errors"
)

func times() []metric { return []metric{p50, p90, p99, p999, longest} }

// key is what benchctl calls a time in JSON.
func (m metric) key() string { return strings.ReplaceAll(string(m), ".", "") }

// figures are those of a load; what is not known is not there.
type figures map[metric]float64

// tolerance is how far what agrees may be apart, beside a row's own interval.
type tolerance struct {
	drift float64 // of throughput and CPU, as a share
	share float64 // of percentiles, or
	ms    float64
}

// apart tells whether a figure of a metric is another than the estimate e.
func (t tolerance) apart(m metric, e estimate, figure float64) bool {
	low, high := min(e.low, e.value), max(e.high, e.value)
	switch m {
	case throughput, serverCPU:
		return figure < low*(1-t.drift) || figure > high*(1+t.drift)
	default:
		return figure < min(low*(1-t.share), low-t.ms) || figure > max(high*(1+t.share), high+t.ms)
	}
}

// differing are the metrics by which two loads differ. Their maxima are left out: of
// two that look for long, one may have seen a rarer thing.
func (t tolerance) differing(a, b figures) (all []metric) {
	for _, m := range slices.Concat([]metric{throughput, serverCPU}, times()[:4]) {
		x, hasA := a[m]
		y, hasB := b[m]
		if hasA && hasB && t.apart(m, estimate{x, x, x}, y) {
			all = append(all, m)
		}
	}
	return all
}

// disagreeing are the metrics by which a row is other than what any of the loads
// saw.
func (t tolerance) disagreeing(r row, loads []figures) (all []metric) {
	for _, m := range slices.Concat([]metric{throughput, serverCPU}, times()) {
		e, told := r.figures[m]
		if !told && (m == throughput || m == serverCPU) {
			all = append(all, m)
		}
		if !told {
			continue // a tail of too few replies
		}
		other := func(f figures) bool {
			v, known := f[m]
			return known && t.apart(m, e, v)
		}
		if m == longest {
			other = func(figures) bool { return !r.tailUntold() && e.value < leastLongest(loads)/2 }
		}
		if slices.ContainsFunc(loads, other) {
			all = append(all, m)
		}
	}
	failed := func(f figures) bool { return f[failures] > 0 }
	if r.figures[failures].value == 0 && slices.ContainsFunc(loads, failed) {
		all = append(all, failures)
	}
	return all
}

// leastLongest is the shorter of the maxima.
func leastLongest(loads []figures) float64 {
	var all []float64
	for _, f := range loads {
		if v, ok := f[longest]; ok {
			all = append(all, v)
		}
	}
	if len(all) == 0 {
		return 0
	}
	return slices.Min(all)
}

// tailUntold tells whether the row says that it may not have seen the longest times.
func (r row) tailUntold() bool {
	return slices.ContainsFunc(r.reasons, func(why string) bool {
		return strings.Contains(why, "long enough") || strings.Contains(why, "tail")
	})
}

// Outcomes of a row.
const (
	agrees = "agrees"
	named  = "named" // it does not agree, and says what is wrong with it
	missed = "MISSED"
)

// outcome is what became of a row, and why.
type outcome struct{ word, why string }

func (o outcome) String() string {
	if o.why == "" {
		return o.word
	}
	return o.word + ": " + o.why
}

// unmeasured begins the reason of a row that is invalid because there was no time.
const unmeasured = "not measured"

// judge holds a row against loads of the same server. A void row is one with wrong
// replies: it must be invalid for what was seen, whatever its figures.
func (t tolerance) judge(r row, void bool, loads ...figures) outcome {
	first := "no reason"
	if len(r.reasons) > 0 {
		first = r.reasons[0]
	}
	if void {
		if r.verdict == results.Invalid && len(r.reasons) > 0 && !strings.HasPrefix(first, unmeasured) {
			return outcome{named, first}
		}
		return outcome{missed, fmt.Sprintf("%s, and not for wrong replies: %s", r.verdict, first)}
	}
	differ := t.disagreeing(r, loads)
	switch {
	case len(differ) == 0:
		return outcome{agrees, ""}
	case r.verdict != results.Valid && len(r.reasons) > 0:
		return outcome{named, first + " (" + join(differ) + ")"}
	}
	return outcome{missed, join(differ)}
}

func join(all []metric) string {
	var names []string
	for _, m := range all {
		names = append(names, string(m))
	}
	return strings.Join(names, ", ")
}
