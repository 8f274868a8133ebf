//go:build linux

package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/benchctl/benchctl/results/judge"
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

// percentile is one that is compared, with how far what agrees may be apart: by a
// share or by so many ms, whichever is more.
type percentile struct {
	metric
	at, share, ms float64
}

// percentiles of which the last is at the noise of a machine: what else runs for some
// ms now and then.
func percentiles() []percentile {
	return []percentile{{p50, 50, 0.25, 0.3}, {p90, 90, 0.25, 0.3}, {p99, 99, 0.25, 0.3}, {p999, 99.9, 0.50, 1}}
}

// minBeyond is how many replies have to be beyond a percentile that is told.
const minBeyond = 100

// told tells whether a load with so many replies tells the percentile.
func (p percentile) told(replies float64) bool { return replies*(100-p.at)/100 >= minBeyond }

// cliff is by how much of itself the tail beyond a percentile may be another one. Where
// one request in 1,000 is slow, p99.9 is that of the slow or of the others by chance.
const cliff = 0.3

// apart tells whether a figure is none of a run whose times are h.
func (p percentile) apart(h *hdrhistogram.Histogram, figure float64) bool {
	tail := 100 - p.at
	low, high := p.of(h, 100-tail*(1+cliff)), p.of(h, 100-tail*(1-cliff))
	return figure < min(low*(1-p.share), low-p.ms) || figure > max(high*(1+p.share), high+p.ms)
}

func (percentile) of(h *hdrhistogram.Histogram, at float64) float64 {
	return float64(h.ValueAtQuantile(at)) / 1e6
}

// corrected are times in ns as wrk prints them. It takes it that every connection
// should have sent a request at the expected interval, and makes up the replies that
// those would have got which it did not send while it waited for one:
// stats_correct in its stats.c.
func corrected(h *hdrhistogram.Histogram, expected int64) *hdrhistogram.Histogram {
	c := h.Clone()
	if expected <= 0 {
		return c
	}
	for _, bar := range h.Distribution() {
		for v := bar.To - expected; bar.Count > 0 && v > expected; v -= expected {
			_ = c.RecordValues(v, bar.Count) // which is less than what is in it
		}
	}
	return c
}

// long is a load without interruptions, and what the same loader saw of the server
// plain right before and right after it: the machine's speed is another one minutes
// later.
type long struct {
	seen
	before, after seen
	of            int // loads that it is the median of; 0: there was one
}

// ratio is a figure over plain's. The two of plain differ from their mean by spread,
// as a share.
func (l long) ratio(m metric) (ratio, spread float64, known bool) {
	own, ok := l.figures[m]
	a, b := l.before.figures[m], l.after.figures[m]
	if !ok || a <= 0 || b <= 0 {
		return 0, 0, false
	}
	return own / ((a + b) / 2), max(a-b, b-a) / (a + b), true
}

// loads are those that a row is held against. wrk is none of them where it is only shown.
type loads struct {
	wrk, load long
	wrkShown  bool
}

// metricsOf are what a loader is held against a row in. wrk sleeps while it waits, and
// what it costs the server to wake it is not in the row.
func metricsOf(loader string) []metric {
	if loader == "wrk" {
		return []metric{throughput}
	}
	return []metric{throughput, serverCPU}
}

// tolerance is how far ratios that agree may be apart, as a share, beside a row's own
// interval and what plain differs by.
type tolerance struct{ drift float64 }

// widest is the share of a ratio that its interval counts as at most, either way: one of
// few launches may hold anything.
const widest = 0.25

// apart tells whether a load's ratio is another than a row's.
func (t tolerance) apart(e estimate, l long, m metric) bool {
	ratio, spread, known := l.ratio(m)
	low, high := min(max(e.low, e.value*(1-widest)), e.value), max(min(e.high, e.value*(1+widest)), e.value)
	return !known || ratio < low*(1-t.drift-spread) || ratio > high*(1+t.drift+spread)
}

// apartIn are those of the metrics in which a load is another than a row.
func (t tolerance) apartIn(r row, l long, of []metric) (all []metric) {
	for _, m := range of {
		if t.apart(r.ratios[m], l, m) {
			all = append(all, m)
		}
	}
	return all
}

// disagreeing are the metrics by which a row is other than what any of the loads
// saw.
func (t tolerance) disagreeing(r row, l loads) (all []metric) {
	all = t.apartIn(r, l.load, metricsOf("load"))
	if l.wrkShown {
		l.wrk = l.load
	} else {
		all = append(all, t.apartIn(r, l.wrk, metricsOf("wrk"))...)
	}
	slices.Sort(all)
	slices.Reverse(all) // throughput first
	all = slices.Compact(all)
	for _, p := range percentiles() {
		other := func(h *hdrhistogram.Histogram, f figures) bool {
			v, known := f[p.metric]
			return known && p.apart(h, v)
		}
		if _, told := r.figures[p.metric]; told && (other(r.times, l.load.figures) || !l.wrkShown && other(r.corrected, l.wrk.figures)) {
			all = append(all, p.metric)
		}
	}
	if r.outlasted(min(l.wrk.longest(), l.load.longest())) {
		all = append(all, longest)
	}
	if r.figures[failures].value == 0 && l.wrk.figures[failures]+l.load.figures[failures] > 0 {
		all = append(all, failures)
	}
	return all
}

func (l long) longest() float64 { return l.figures[longest] }

// outlasted tells whether a time in ms is more than twice the longest of the row.
func (r row) outlasted(by float64) bool {
	e, told := r.figures[longest]
	return told && e.value < by/2
}

// Outcomes of a row.
const (
	agrees = "agrees"
	named  = "named"    // it does not agree, and says what is wrong with the server
	untold = "not told" // it does not agree, and says what else was wrong, which excuses nothing
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

// right tells whether the row told what it had to.
func (o outcome) right() bool { return o.word == agrees || o.word == named }

// about is the first reason of a row that tells something of these, "" if it has none.
func (r row) about(these ...judge.About) string {
	for _, why := range r.reasons {
		if r.verdict != judge.Valid && slices.Contains(these, why.Kind().About) {
			return why.Text
		}
	}
	return ""
}

// ofServer is the first reason that tells something of the row's server.
func (r row) ofServer() string { return r.about(judge.OfServer) }

// ofNeighbour is the first reason by which plain's row tells of what it was measured
// beside, or has been misled by it.
func (r row) ofNeighbour() string { return r.about(judge.OfServer, judge.OfOthers) }

// judge holds a row against loads of the same server. A void row is one with wrong
// replies: it must be invalid for what was seen, whatever its figures. One that has no
// ratio to plain has nothing to compare, so that it has to say what is wrong.
func (t tolerance) judge(r row, void bool, l loads) outcome {
	first := "no reason"
	if len(r.reasons) > 0 {
		first = r.reasons[0].Text
	}
	if void {
		if r.verdict == judge.Invalid && first == r.ofServer() {
			return outcome{named, first}
		}
		return outcome{missed, fmt.Sprintf("%s, and not for wrong replies: %s", r.verdict, first)}
	}
	differ := "no pair with plain"
	if r.paired() {
		all := t.disagreeing(r, l)
		if len(all) == 0 {
			return outcome{agrees, ""}
		}
		differ = join(all)
	}
	switch {
	case r.ofServer() != "":
		return outcome{named, r.ofServer() + " (" + differ + ")"}
	case r.verdict != judge.Valid && len(r.reasons) > 0:
		return outcome{untold, first + " (" + differ + ")"}
	}
	return outcome{missed, differ}
}

// paired tells whether the row's ratios to plain are known.
func (r row) paired() bool {
	_, a := r.ratios[throughput]
	_, b := r.ratios[serverCPU]
	return a && b
}

func join(all []metric) string {
	var names []string
	for _, m := range all {
		names = append(names, string(m))
	}
	return strings.Join(names, ", ")
}
