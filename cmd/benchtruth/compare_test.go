//go:build linux

package main

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/benchctl/benchctl/results/judge"
)

var tolerances = tolerance{drift: 0.1}

// histogram has counts of times in µs.
func histogram(counts map[int64]int64) *hdrhistogram.Histogram {
	h := hdrhistogram.New(1, int64(time.Minute), 3)
	for us, n := range counts {
		_ = h.RecordValues(us*1000, n)
	}
	return h
}

// madeUp is a row, and what loads saw that agree with it; change alters all.
func madeUp(change func(r *row, l *loads)) (row, loads) {
	r := row{
		candidate: "slow", verdict: judge.Valid, connections: 64,
		figures: map[metric]estimate{
			throughput: {1000, 900, 1100}, serverCPU: {10, 9, 11}, p50: {1, 1, 1}, p90: {2, 2, 2}, p99: {4, 4, 4}, p999: {8, 8, 8}, longest: {20, 20, 20},
		},
		ratios: map[metric]estimate{throughput: {0.5, 0.49, 0.51}, serverCPU: {2, 1.9, 2.1}},
		times:  histogram(map[int64]int64{1000: 66_000, 2000: 28_000, 4000: 5500, 8000: 499, 20_000: 1}),
	}
	r.corrected = r.times
	one := func() long {
		plain := func() seen { return seen{figures: figures{throughput: 4000, serverCPU: 4}} }
		own := seen{figures: figures{throughput: 2000, serverCPU: 8, p50: 1, p90: 2, p99: 4, p999: 8, longest: 20}}
		return long{seen: own, before: plain(), after: plain()}
	}
	l := loads{wrk: one(), load: one()}
	if change != nil {
		change(&r, &l)
	}
	return r, l
}

func TestJudge(t *testing.T) {
	stalls, busy := "unsteady under load", "busy host: other processes used 9 %"
	degraded := func(r *row, why ...judge.Reason) { r.verdict, r.reasons = judge.Degraded, why }
	stalling, besides, failing := judge.Reason{ID: "unsteady", Text: stalls}, judge.Reason{ID: "busy-host", Text: busy}, judge.Reason{ID: "errors", Text: "errors: 9 %"}
	uncounted := judge.Reason{ID: "nothing-counted", Text: "nothing"}
	for _, test := range []struct {
		name   string
		change func(*row, *loads)
		want   string
	}{
		{"the same", nil, "agrees"},
		{"degraded, but the same", func(r *row, _ *loads) { degraded(r, stalling) }, "agrees"},
		{"at the edges of the interval and the drift", func(_ *row, l *loads) {
			l.wrk.figures[throughput], l.load.figures[throughput], l.load.figures[serverCPU] = 2243, 1765, 6.85
		}, "agrees"},
		{"an interval that holds anything", func(r *row, l *loads) {
			r.ratios[throughput] = estimate{0.5, 0, 5}
			l.wrk.figures[throughput], l.load.figures[throughput] = 2500, 1600
		}, "agrees"},
		{"beyond what an interval counts as", func(r *row, l *loads) {
			r.ratios[throughput] = estimate{0.5, 0, 5}
			l.wrk.figures[throughput] = 2800
		}, "MISSED: req/s"},
		{"more req/s, by wrk", func(_ *row, l *loads) { l.wrk.figures[throughput] = 2245 }, "MISSED: req/s"},
		{"fewer req/s, by load", func(_ *row, l *loads) { l.load.figures[throughput] = 1763 }, "MISSED: req/s"},
		{"more CPU, by load", func(_ *row, l *loads) { l.load.figures[serverCPU] = 9.25 }, "MISSED: CPU"},
		{"less CPU, by load", func(_ *row, l *loads) { l.load.figures[serverCPU] = 6.83 }, "MISSED: CPU"},
		{"more CPU, by wrk", func(_ *row, l *loads) { l.wrk.figures[serverCPU] = 80 }, "agrees"},
		{"another speed of the machine", func(_ *row, l *loads) {
			for _, f := range []figures{l.wrk.figures, l.wrk.before.figures, l.wrk.after.figures} {
				f[throughput] /= 2
			}
		}, "agrees"},
		{"another speed of the load alone", func(_ *row, l *loads) { l.wrk.figures[throughput] /= 2 }, "MISSED: req/s"},
		{"plain is not known", func(_ *row, l *loads) { delete(l.load.after.figures, serverCPU) }, "MISSED: CPU"},
		{"a percentile at the edges", func(_ *row, l *loads) {
			l.load.figures[p50], l.wrk.figures[p50], l.load.figures[p99], l.wrk.figures[p99] = 0.71, 1.29, 3.01, 4.99
			l.load.figures[p999], l.wrk.figures[p999] = 4.01, 11.9
		}, "agrees"},
		{"percentiles off, by load", func(_ *row, l *loads) {
			l.load.figures[p50], l.load.figures[p90], l.load.figures[p999] = 1.31, 1.49, 12.1
		}, "MISSED: p50, p90, p99.9"},
		{"percentiles off, by wrk", func(_ *row, l *loads) { l.wrk.figures[p99], l.wrk.figures[p999] = 5.1, 3.9 }, "MISSED: p99, p99.9"},
		{"wrk agrees with what is corrected alone", func(r *row, l *loads) {
			l.wrk.figures[p99], r.corrected = 279, histogram(map[int64]int64{1000: 66_000, 2000: 28_000, 4000: 3000, 279_000: 3000})
			l.wrk.figures[p999] = 279
		}, "agrees"},
		{"load agrees with what is corrected alone", func(r *row, l *loads) {
			l.load.figures[p99], l.wrk.figures[p99], l.wrk.figures[p999] = 279, 279, 279
			r.corrected = histogram(map[int64]int64{1000: 94_000, 279_000: 6000})
			l.wrk.figures[p90] = 1
		}, "MISSED: p99"},
		{"the load's percentile is not known", func(_ *row, l *loads) { delete(l.load.figures, p999); delete(l.wrk.figures, p999) }, "agrees"},
		{"the row's tail is not told", func(r *row, l *loads) { delete(r.figures, p999); l.load.figures[p999] = 400 }, "agrees"},
		{"longer maxima", func(_ *row, l *loads) { l.wrk.figures[longest], l.load.figures[longest] = 39, 39 }, "agrees"},
		{"one much longer maximum", func(_ *row, l *loads) { l.wrk.figures[longest] = 400 }, "agrees"},
		{"much longer maxima", func(_ *row, l *loads) { l.wrk.figures[longest], l.load.figures[longest] = 41, 41 }, "MISSED: max"},
		{"shorter maxima", func(_ *row, l *loads) { l.wrk.figures[longest], l.load.figures[longest] = 2, 2 }, "agrees"},
		{"errors that the row has none of", func(_ *row, l *loads) { l.load.figures[failures] = 1 }, "MISSED: errors"},
		{"errors that both have", func(r *row, l *loads) { r.figures[failures], l.wrk.figures[failures] = estimate{2, 2, 2}, 100 }, "agrees"},
		{"no pair", func(r *row, _ *loads) { r.ratios = nil }, "MISSED: no pair with plain"},
		{"half a pair", func(r *row, _ *loads) { delete(r.ratios, serverCPU) }, "MISSED: no pair with plain"},
		{"no pair, and a busy machine", func(r *row, _ *loads) { r.ratios = nil; degraded(r, besides) }, "not told: " + busy + " (no pair with plain)"},
		{"invalid without figures", func(r *row, _ *loads) {
			*r = row{verdict: judge.Invalid, reasons: []judge.Reason{failing}}
		}, "named: errors: 9 % (no pair with plain)"},
		{"invalid for lack of time", func(r *row, _ *loads) {
			*r = row{verdict: judge.Invalid, reasons: []judge.Reason{uncounted}}
		}, "not told: nothing (no pair with plain)"},
		{"degraded with a reason", func(r *row, l *loads) { degraded(r, stalling, failing); l.load.figures[throughput] = 500 }, "named: " + stalls + " (req/s)"},
		{"a reason of the server after others", func(r *row, l *loads) { degraded(r, besides, stalling); l.load.figures[throughput] = 500 }, "named: " + stalls + " (req/s)"},
		{"only reasons that are not of the server", func(r *row, l *loads) {
			degraded(r, besides, judge.Reason{ID: "heat"})
			l.load.figures[throughput] = 500
		}, "not told: " + busy + " (req/s)"},
		{"disturbed by plain", func(r *row, l *loads) {
			degraded(r, judge.Reason{ID: "disturbed", Text: "plain disturbed"})
			l.load.figures[throughput] = 500
		}, "not told: plain disturbed (req/s)"},
		{"degraded without a reason", func(r *row, l *loads) { degraded(r); l.load.figures[throughput] = 500 }, "MISSED: req/s"},
		{"valid with a reason", func(r *row, l *loads) { r.reasons = []judge.Reason{stalling}; l.load.figures[throughput] = 500 }, "MISSED: req/s"},
	} {
		r, l := madeUp(test.change)
		got := tolerances.judge(r, false, l)
		if got.String() != test.want || got.right() != (strings.HasPrefix(test.want, agrees) || strings.HasPrefix(test.want, named)) {
			t.Errorf("%s: %q, not %q", test.name, got, test.want)
		}
	}
}

func TestJudgeVoid(t *testing.T) {
	why := []judge.Reason{{ID: "wrong-body", Text: "wrong replies"}}
	for _, test := range []struct {
		verdict judge.Verdict
		reasons []judge.Reason
		want    string
	}{
		{judge.Invalid, why, named}, {judge.Invalid, nil, missed}, {judge.Invalid, []judge.Reason{{ID: "nothing-counted", Text: "nothing"}, {ID: "wrong-body", Text: "wrong"}}, missed},
		{judge.Invalid, []judge.Reason{{ID: "busy-host", Text: "busy"}}, missed}, {judge.Degraded, why, missed}, {judge.Valid, nil, missed},
	} {
		r, l := madeUp(func(r *row, _ *loads) { r.verdict, r.reasons = test.verdict, test.reasons })
		if got := tolerances.judge(r, true, l); got.word != test.want {
			t.Errorf("%s %v: %s", test.verdict, test.reasons, got)
		}
	}
}

// What plain's row tells of the trick beside it is shown.
func TestOfNeighbour(t *testing.T) {
	for _, test := range []struct {
		verdict judge.Verdict
		reasons []judge.Reason
		want    string
	}{
		{judge.Valid, nil, ""}, {judge.Degraded, []judge.Reason{{ID: "busy-host"}}, ""},
		{judge.Degraded, []judge.Reason{{ID: "busy-host"}, {ID: "disturbed", Text: "disturbed: 3 slices"}, {ID: "errors"}}, "disturbed: 3 slices"},
	} {
		if got := (row{verdict: test.verdict, reasons: test.reasons}).ofNeighbour(); got != test.want {
			t.Errorf("%v: %q", test.reasons, got)
		}
	}
}

// A load's ratio may be off by what plain around it differs by, as well.
func TestRatio(t *testing.T) {
	l := long{seen: seen{figures: figures{throughput: 2000}}, before: seen{figures: figures{throughput: 3000}}, after: seen{figures: figures{throughput: 5000}}}
	if ratio, spread, known := l.ratio(throughput); ratio != 0.5 || spread != 0.25 || !known {
		t.Error(ratio, spread, known)
	}
	if _, _, known := l.ratio(serverCPU); known {
		t.Error("what nobody told is known")
	}
	// With a drift of 0.1, 0.5 is within 0.65 times the one bound and 1.35 times the other.
	for e, want := range map[estimate]bool{{0.8, 0.76, 0.9}: false, {0.8, 0.77, 0.9}: true, {0.3, 0.2, 0.371}: false, {0.3, 0.2, 0.37}: true} {
		if got := tolerances.apart(e, l, throughput); got != want {
			t.Errorf("%v: apart %v", e, got)
		}
	}
}

// Where one request in 1,000 is slow, p99.9 is any of what is there.
func TestCliff(t *testing.T) {
	p := percentiles()[3]
	for _, test := range []struct {
		slow   int64 // of 100,000
		figure float64
		apart  bool
	}{
		{100, 1, false}, {100, 400, false}, {100, 590, false}, {100, 610, true},
		{80, 400, false}, {120, 1, false}, {60, 400, true}, {60, 1, false}, {140, 1, true}, {140, 400, false}, {140, 190, true},
	} {
		h := histogram(map[int64]int64{1000: 100_000 - test.slow, 400_000: test.slow})
		if got := p.apart(h, test.figure); got != test.apart {
			t.Errorf("%d of 100,000 are slow, p99.9 is %v: apart %v", test.slow, test.figure, got)
		}
	}
}

// By hand: a reply in 45 where one in 10 was due stands for those in 35, 25 and 15,
// not for one in 5; one in 21 for one in 11, and one in 20 for none.
func TestCorrected(t *testing.T) {
	h := hdrhistogram.New(1, 1000, 3)
	for v, n := range map[int64]int64{5: 7, 10: 1, 19: 1, 20: 1, 21: 1, 45: 2} {
		_ = h.RecordValues(v, n)
	}
	counts := func(h *hdrhistogram.Histogram) map[int64]int64 {
		all := map[int64]int64{}
		for _, bar := range h.Distribution() {
			if bar.Count > 0 {
				all[bar.To] = bar.Count
			}
		}
		return all
	}
	before := counts(h)
	want := map[int64]int64{5: 7, 10: 1, 11: 1, 15: 2, 19: 1, 20: 1, 21: 1, 25: 2, 35: 2, 45: 2}
	if got := counts(corrected(h, 10)); !maps.Equal(got, want) {
		t.Errorf("%v, not %v", got, want)
	}
	if got := counts(h); !maps.Equal(got, before) {
		t.Errorf("what was given has changed: %v", got)
	}
	if got := counts(corrected(h, 0)); !maps.Equal(got, before) {
		t.Errorf("without an interval: %v", got)
	}
	r := row{connections: 64, figures: map[metric]estimate{throughput: {32_000, 0, 0}}}
	if got := r.interval(); got != 2_000_000 {
		t.Errorf("64 connections with 32,000 req/s: %d ns", got)
	}
}

func TestParseSummary(t *testing.T) {
	const cell = `{"candidate": "plain", "verdict": "degraded", "reasons": [{"id": "stolen-time", "text": "why"}], "connections": 64, "throughput_rps": {"NAME": 5, "ci_low": 4, "ci_high": 6}, "latency_ms": {"p50": 1, "p999": 2, "max": 3}, "errors": {"total": 7, "by_kind": {"timeout": 7}}}`
	for _, name := range []string{"median", "value"} {
		s, err := parseSummary([]byte(`{"run": {"id": "one"}, "cells": [` + strings.ReplaceAll(cell, "NAME", name) + `]}`))
		if err != nil || len(s.rows) != 1 || s.id != "one" {
			t.Fatal(s, err)
		}
		r := s.rows[0]
		if r.candidate != "plain" || r.verdict != judge.Degraded || judge.Sentences(r.reasons) != "why" || r.connections != 64 || len(r.figures) != 5 || r.figures[failures].value != 7 ||
			r.figures[throughput] != (estimate{5, 4, 6}) || r.figures[p999] != (estimate{2, 2, 2}) || r.figures[longest].value != 3 {
			t.Errorf("%+v", r)
		}
	}
	for _, bad := range []string{"", `{"cells": [` + cell + `]}`} {
		if s, err := parseSummary([]byte(bad)); err == nil {
			t.Errorf("%q: %v", bad, s)
		}
	}
}

// A pair is that of a candidate over another, whichever comes first in it.
func TestOver(t *testing.T) {
	s, err := parseSummary([]byte(`{"pairs": [
		{"a": "plain", "b": "slow", "metric": "throughput_rps", "ratio": 0.5, "ci_low": 0.4, "ci_high": 0.8},
		{"a": "plain", "b": "slow", "metric": "something_else", "ratio": 3, "ci_low": 3, "ci_high": 3},
		{"a": "slow", "b": "plain", "metric": "server_cpu_us_per_request", "ratio": 0.5, "ci_low": 0.4, "ci_high": 0.8}]}`))
	want := map[metric]estimate{throughput: {0.5, 0.4, 0.8}, serverCPU: {2, 1.25, 2.5}}
	if got := s.over("slow", "plain"); err != nil || !maps.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	if got := s.over("slow", "other"); len(got) > 0 {
		t.Errorf("of nobody: %v", got)
	}
}

// What wrk prints with the script, and what benchctl load does.
func TestParseLoads(t *testing.T) {
	const wrk = "Running 1s test @ http://127.0.0.1:8080/hello\n  760000 requests in 10.00s, 9.5MB read\nRequests/sec:  76000.00\nTransfer/sec:  9.5MB\n" +
		`{"requests": 760000, "duration": 10000000, "p50": 450, "p90": 2044, "p99": 4862, "p999": 9000, "max": 21500, "errors": {"connect": 0, "read": 1, "write": 0, "status": 2, "timeout": 0}}` + "\n"
	const own = `{"requests": 760000, "throughput_rps": 76000, "latency_ms": {"p50": 0.45, "p90": 2.044, "p99": 4.862, "p999": 9, "max": 21.5}, "errors": {"length": 3}}`
	for name, test := range map[string]struct {
		read   func([]byte) (seen, error)
		output string
	}{"wrk": {parseWrk, wrk}, "load": {parseLoad, own}} {
		s, err := test.read([]byte(test.output))
		want := figures{throughput: 76000, p50: 0.45, p90: 2.044, p99: 4.862, p999: 9, longest: 21.5, failures: 3}
		if err != nil || s.requests != 760_000 || len(s.figures) != len(want) {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
		for m, v := range want {
			if s.figures[m] != v {
				t.Errorf("%s: %s is %v, not %v", name, m, s.figures[m], v)
			}
		}
		for _, bad := range []string{"", "unable to connect to 127.0.0.1:1", "\n{}\n", `{}`, "\n{\"requests\": 0, \"duration\": 1}"} {
			if s, err := test.read([]byte(bad)); err == nil {
				t.Errorf("%s: %q: %v", name, bad, s)
			}
		}
	}
}

// wrk tells percentiles of any number of replies.
func TestParseWrkLeavesOut(t *testing.T) {
	s, err := parseWrk([]byte("\n" + `{"requests": 99000, "duration": 1000000, "p50": 450, "p90": 2044, "p99": 4862, "p999": 9000, "max": 21500, "errors": {}}`))
	if _, told := s.figures[p999]; err != nil || told || s.figures[p99] != 4.862 {
		t.Errorf("%v, %v", s, err)
	}
}

// The script prints what the parser reads.
func TestScript(t *testing.T) {
	for _, part := range []string{`"requests": %d`, `"duration": %d`, `"p50": %.0f`, `"p90": %.0f`, `"p99": %.0f`, `"p999": %.0f`, `"max": %.0f`, `"errors": {`, `}}\n`, "summary.duration", "latency.max"} {
		if !strings.Contains(script, part) {
			t.Errorf("the script has no %s", part)
		}
	}
	if got := wrkScript(""); got != script {
		t.Errorf("without a body: %s", got)
	}
	if got := wrkScript("/tmp/body"); !strings.HasSuffix(got, script) || !strings.Contains(got, `io.open("/tmp/body", "rb")`) {
		t.Errorf("with a body: %s", got)
	}
}

func TestParseFlags(t *testing.T) {
	if o, err := parse([]string{"-long", "2s", "-only", "stall"}); err != nil || o.long.Seconds() != 2 || o.only != "stall" || o.connections != 64 {
		t.Errorf("%+v, %v", o, err)
	}
	for _, bad := range []string{"-long=1500ms", "-long=0s", "-run=0s", "-connections=0", "-beside=500ms", "-drift=-1", "serve"} {
		if _, err := parse([]string{bad}); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
	for at, want := range map[time.Duration]string{0: "--poll 0s", 100 * us: "--poll 100µs"} {
		if got := strings.Join(loadArgs("benchctl", "http://x/", "", 64, time.Second, at), " "); !strings.Contains(got, want) {
			t.Errorf("%s has no %s", got, want)
		}
	}
	if got := len(chosen("stall,plain")); got != 4 {
		t.Errorf("%d tricks match", got)
	}
}

// The median of loads is the whole load whose ratio is, and is told as one of so many.
func TestMedianLoad(t *testing.T) {
	var all []long
	for _, rps := range []float64{2000, 800, 1900} {
		plain := seen{figures: figures{throughput: 1000}}
		all = append(all, long{seen: seen{figures: figures{throughput: rps}}, before: plain, after: plain})
	}
	if l := median(all, throughput); l.figures[throughput] != 1900 || l.show(throughput) != "1.900, median of 3" {
		t.Errorf("%v, %s", l.figures, l.show(throughput))
	}
}
