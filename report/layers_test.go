package report_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/report"
	"github.com/benchctl/benchctl/results/judge"
)

// The row of a server with layers tells what each of them costs over the same server without, and
// only if that was measured.
func TestLayers(t *testing.T) {
	cell := func(name, base string, layers int, cpu, allocs, bytes, half float64) judge.Cell {
		of := func(v float64) *judge.Estimate { return &judge.Estimate{Value: v, Low: v - half, High: v + half} }
		return judge.Cell{
			Scenario: "s", App: "hello", Candidate: name, Base: base, Layers: layers, Verdict: judge.Valid,
			Figures: judge.Figures{judge.MetricServerCPU: of(cpu)},
			Added:   judge.Figures{judge.MetricAllocations: of(allocs), judge.MetricAllocated: of(bytes)},
		}
	}
	cpu := func(a, b string, ratio, half float64) judge.Pair {
		return judge.Pair{Scenario: "s", App: "hello", A: a, B: b, Metric: judge.MetricServerCPU, Ratio: ratio, Low: ratio - half, High: ratio + half}
	}
	void := cell("gin+etag", "gin", 1, 30, 0, 0, 0)
	void.Verdict = judge.Invalid
	r := report.New(&judge.Summary{
		Cells: []judge.Cell{
			cell("nethttp", "", 0, 20, 0, 0, 0), cell("nethttp+headers*5", "nethttp", 5, 21, 1, 32, 1), cell("nethttp+compress", "nethttp", 1, 80, 0, 1000, 0.001),
			cell("nethttp+headers", "nethttp", 1, 20.4, 1, 32, 0), cell("nethttp+etag+recover", "nethttp", 2, 20.5, -0.001, 0, 0.001),
			cell("fasthttp", "", 0, 10, 0, 0, 0), cell("fasthttp+headers*20", "fasthttp", 20, 11, 0, 0, 0), cell("hertz+etag", "hertz", 1, 9, 1, 24, 0), cell("gin", "nethttp", 0, 22, 0, 0, 0), void,
		},
		Pairs: []judge.Pair{cpu("nethttp", "nethttp+headers", 1.02, 0.005), cpu("nethttp", "nethttp+headers*5", 1.05, 0.01), cpu("nethttp+compress", "nethttp", 0.25, 0.01), cpu("fasthttp", "fasthttp+headers*20", 1.1, 0.02), cpu("nethttp", "gin", 1.1, 0.01)},
	})
	table := r.Tables[0]
	want := map[string][3]string{
		"nethttp+headers":      {"400 ±100", "1.00", "32.0"},
		"nethttp+etag+recover": {report.Unknown, "0.00 ±<0.01", "0.0 ±<0.1"},
		"nethttp+headers*5":    {"200 ±40", "0.20 ±0.20", "6.4 ±0.2"},
		"nethttp+compress":     {"60,000 ±3,205", "0.00 ±<0.01", "1,000.0 ±<0.1"},
		"fasthttp+headers*20":  {"50 ±10", "0.00", "0.0"},
	}
	for i, key := range []report.Key{report.LayerTime, report.LayerAllocations, report.LayerAllocated} {
		at := slices.IndexFunc(table.Columns, func(c report.Column) bool { return c.Key == key })
		if at < 0 {
			t.Fatalf("no column %s", key)
		}
		for _, row := range table.Rows {
			told, known := want[row.Cell.Candidate]
			if !known {
				told[i] = report.Unknown
			}
			if got := row.Values[at].String(); got != told[i] {
				t.Errorf("%s, %s: %q, want %q", row.Cell.Candidate, key, got, told[i])
			}
		}
	}
	var costs []string
	for _, c := range r.LayerCosts() {
		costs = append(costs, c.Layer+" on "+c.Server+", "+c.App+": "+c.String())
	}
	slices.Sort(costs)
	if want := []string{
		"compress on nethttp, hello: 60,000 ±3,205 ns, 0.00 ±<0.01 allocations, 1,000.0 ±<0.1 B",
		"headers on fasthttp, hello: 50 ±10 ns, 0.00 allocations, 0.0 B",
		"headers on nethttp, hello: 400 ±100 ns, 1.00 allocations, 32.0 B",
	}; !slices.Equal(costs, want) {
		t.Errorf("costs are %q", costs)
	}
	said := strings.Join(table.Findings, "\n")
	for _, want := range []string{
		"A layer of nethttp+compress adds 60,000 ±3,205 ns to the server CPU per request of nethttp, the most, and one of nethttp+headers*5 200 ±40 ns, the least.",
		"A layer of fasthttp+headers*20 adds 50 ±10 ns to the server CPU per request of fasthttp.",
		"gin spends 1.10x [1.09, 1.11] the server CPU per request of nethttp, the engine it runs on.",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("findings are\n%s\nwithout %q", said, want)
		}
	}
	if strings.Contains(said, "compress spends") || strings.Contains(said, "fasthttp, the engine") {
		t.Errorf("layers count as frameworks:\n%s", said)
	}
}
