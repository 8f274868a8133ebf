//go:build linux

package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/results"
)

var tolerances = tolerance{drift: 0.1, share: 0.25, ms: 0.3}

// madeUp is a row, and what a load saw that agrees with it; change alters both.
func madeUp(change func(r *row, f figures)) (row, figures) {
	r := row{candidate: "plain", verdict: results.Valid, figures: map[metric]estimate{
		throughput: {1000, 900, 1100}, serverCPU: {10, 9, 11}, p50: {1, 1, 1}, p90: {2, 2, 2}, p99: {4, 4, 4}, p999: {8, 8, 8}, longest: {20, 20, 20},
	}}
	f := figures{throughput: 1000, serverCPU: 10, p50: 1, p90: 2, p99: 4, p999: 8, longest: 20}
	if change != nil {
		change(&r, f)
	}
	return r, f
}

func TestJudge(t *testing.T) {
	why := []string{"stalls: it stood still", "something else"}
	for _, test := range []struct {
		name   string
		change func(*row, figures)
		want   string // beginning of the outcome
	}{
		{"the same", nil, "agrees"},
		{"degraded, but the same", func(r *row, _ figures) { r.verdict, r.reasons = results.Degraded, why }, "agrees"},
		{"at the edges of the interval and the drift", func(_ *row, f figures) { f[throughput], f[serverCPU] = 1209, 8.11 }, "agrees"},
		{"more req/s", func(_ *row, f figures) { f[throughput] = 1211 }, "MISSED: req/s"},
		{"fewer req/s", func(_ *row, f figures) { f[throughput] = 809 }, "MISSED: req/s"},
		{"more CPU", func(_ *row, f figures) { f[serverCPU] = 12.2 }, "MISSED: CPU"},
		{"less CPU", func(_ *row, f figures) { f[serverCPU] = 8.09 }, "MISSED: CPU"},
		{"percentiles a little off", func(_ *row, f figures) { f[p50], f[p99] = 1.29, 4.9 }, "agrees"},
		{"percentiles off", func(_ *row, f figures) { f[p50], f[p999] = 1.31, 400 }, "MISSED: p50, p99.9"},
		{"the load's percentile is not known", func(_ *row, f figures) { delete(f, p999) }, "agrees"},
		{"the row's tail is not told", func(r *row, f figures) { delete(r.figures, p999); f[p999] = 400 }, "agrees"},
		{"a longer maximum", func(_ *row, f figures) { f[longest] = 39 }, "agrees"},
		{"a much longer maximum", func(_ *row, f figures) { f[longest] = 41 }, "MISSED: max"},
		{"a shorter maximum", func(_ *row, f figures) { f[longest] = 2 }, "agrees"},
		{"a longer maximum that the row warns of", func(r *row, f figures) {
			f[longest], r.verdict, r.reasons = 400, results.Degraded, []string{"not looked at long enough"}
		}, "agrees"},
		{"errors that the row has none of", func(_ *row, f figures) { f[failures] = 1 }, "MISSED: errors"},
		{"errors that both have", func(r *row, f figures) { r.figures[failures], f[failures] = estimate{2, 2, 2}, 100 }, "agrees"},
		{"no figures", func(r *row, _ figures) { r.figures = nil }, "MISSED: req/s, CPU"},
		{"invalid without figures", func(r *row, _ figures) { r.figures, r.verdict, r.reasons = nil, results.Invalid, why }, "named: stalls: it stood still (req/s, CPU)"},
		{"degraded with a reason", func(r *row, f figures) { f[throughput], r.verdict, r.reasons = 500, results.Degraded, why }, "named: stalls: it stood still (req/s)"},
		{"degraded without a reason", func(r *row, f figures) { f[throughput], r.verdict = 500, results.Degraded }, "MISSED: req/s"},
		{"valid with a reason", func(r *row, f figures) { f[throughput], r.reasons = 500, why }, "MISSED: req/s"},
	} {
		r, f := madeUp(test.change)
		if got := tolerances.judge(r, false, f, f).String(); got != test.want {
			t.Errorf("%s: %q, not %q", test.name, got, test.want)
		}
	}
}

// A row has to agree with both loads, and its maximum with half of the shorter one's.
func TestJudgeTakesBoth(t *testing.T) {
	r, same := madeUp(nil)
	_, other := madeUp(func(_ *row, f figures) { f[p99], f[longest] = 9, 400 })
	for _, loads := range [][]figures{{same, other}, {other, same}} {
		if got := tolerances.judge(r, false, loads...).String(); got != "MISSED: p99" {
			t.Error(got)
		}
	}
	if got := tolerances.differing(same, other); !slices.Equal(got, []metric{p99}) {
		t.Error(got)
	}
}

func TestJudgeVoid(t *testing.T) {
	why := []string{"wrong replies"}
	for _, test := range []struct {
		verdict results.Verdict
		reasons []string
		want    string
	}{
		{results.Invalid, why, named}, {results.Invalid, nil, missed}, {results.Invalid, []string{"not measured: no reply was counted"}, missed}, {results.Degraded, why, missed}, {results.Valid, nil, missed},
	} {
		r, f := madeUp(func(r *row, _ figures) { r.verdict, r.reasons = test.verdict, test.reasons })
		if got := tolerances.judge(r, true, f, f); got.word != test.want {
			t.Errorf("%s %q: %s", test.verdict, test.reasons, got)
		}
	}
}

func TestParseSummary(t *testing.T) {
	const cell = `{"candidate": "plain", "verdict": "degraded", "reasons": ["why"], "throughput_rps": {"NAME": 5, "ci_low": 4, "ci_high": 6}, "latency_ms": {"p50": 1, "p999": 2, "max": 3}, "errors": {"total": 7, "by_kind": {"timeout": 7}}}`
	for _, name := range []string{"median", "value"} {
		rows, err := parseSummary([]byte(`{"cells": [` + strings.ReplaceAll(cell, "NAME", name) + `]}`))
		if err != nil || len(rows) != 1 {
			t.Fatal(rows, err)
		}
		r := rows[0]
		if r.candidate != "plain" || r.verdict != results.Degraded || !slices.Equal(r.reasons, []string{"why"}) || len(r.figures) != 5 || r.figures[failures].value != 7 ||
			r.figures[throughput] != (estimate{5, 4, 6}) || r.figures[p999] != (estimate{2, 2, 2}) || r.figures[longest].value != 3 {
			t.Errorf("%+v", r)
		}
	}
	for _, bad := range []string{"", `{"cells": [` + cell + `]}`} {
		if rows, err := parseSummary([]byte(bad)); err == nil {
			t.Errorf("%q: %v", bad, rows)
		}
	}
}

// What wrk prints with the script, and what benchctl load does.
func TestParseLoads(t *testing.T) {
	const wrk = "Running 1s test @ http://127.0.0.1:8080/hello\n  76000 requests in 1.00s, 9.5MB read\nRequests/sec:  76000.00\nTransfer/sec:  9.5MB\n" +
		`{"requests": 76000, "duration": 1000000, "p50": 450, "p90": 2044, "p99": 4862, "p999": 9000, "max": 21500, "errors": {"connect": 0, "read": 1, "write": 0, "status": 2, "timeout": 0}}` + "\n"
	const own = `{"requests": 76000, "throughput_rps": 76000, "latency_ms": {"p50": 0.45, "p90": 2.044, "p99": 4.862, "p999": 9, "max": 21.5}, "errors": {"length": 3}}`
	for name, test := range map[string]struct {
		read   func([]byte) (seen, error)
		output string
	}{"wrk": {parseWrk, wrk}, "load": {parseLoad, own}} {
		s, err := test.read([]byte(test.output))
		want := figures{throughput: 76000, p50: 0.45, p90: 2.044, p99: 4.862, p999: 9, longest: 21.5, failures: 3}
		if err != nil || s.requests != 76000 || len(s.figures) != len(want) {
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
	for _, bad := range []string{"-long=1500ms", "-long=0s", "-run=0s", "-connections=0", "serve"} {
		if _, err := parse([]string{bad}); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
	if got := len(chosen("stall,plain")); got != 4 {
		t.Errorf("%d tricks match", got)
	}
}
