package text_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/report/internal/golden"
	"github.com/benchctl/benchctl/report/text"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/judge"
)

// cherryCell is a cell whose replies have 142 bytes on the wire.
func cherryCell(candidate, app string, connections int, rps, p50 float64) judge.Cell {
	p99, wire := 3*p50, rps*142
	return judge.Cell{
		Scenario: "threads", Candidate: candidate, App: app, Connections: connections, Requests: uint64(rps),
		Figures: judge.Figures{judge.MetricThroughput: {Value: rps, Low: rps, High: rps}},
		Latency: &judge.Latency{P50: &p50, P99: &p99}, WireRate: &wire,
		Errors: results.Errors{Total: uint64(connections / 100)}, Verdict: judge.Valid,
	}
}

func cherryText(t *testing.T, cells ...judge.Cell) string {
	t.Helper()
	var b bytes.Buffer
	if err := text.CherryPy(&b, &judge.Summary{Cells: cells}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// CherryPy's two reports, for each candidate, sorted by number; what is in neither is
// left out, and what has no figures is told.
func TestCherryPy(t *testing.T) {
	atRate, sought, unknown := cherryCell("cherrypy", "hello", 30, 1000, 1), cherryCell("cherrypy", "hello", 30, 1000, 1), cherryCell("a\x1b[31m", "hello", 400, 0.25, 1900)
	atRate.Offered = &atRate.Figures.Throughput().Value
	sought.SLO = &judge.SLO{Objective: "p99<10ms"}
	unknown.WireRate = nil
	golden.Compare(t, "cherrypy.txt", []byte(cherryText(t,
		cherryCell("cherrypy", "hello", 100, 4000, 28),
		cherryCell("cherrypy", "hello", 25, 3600, 6.9),
		cherryCell("cherrypy", "size?bytes=10000", 50, 2900, 3.4),
		cherryCell("cherrypy", "size?bytes=10", 50, 3400, 2.9),
		cherryCell("cherrypy", "size?bytes=10", 10, 3000, 2.9),
		cherryCell("cherrypy", "json", 25, 3000, 8),
		cherryCell("a\x1b[31m", "hello", 25, 0.5, 1900), unknown, atRate, sought,
		judge.Cell{Scenario: "threads", Candidate: "cherrypy", App: "hello", Connections: 50, Verdict: judge.Invalid},
	)))
	if out := cherryText(t); !strings.Contains(out, "run scenarios such as threads-*, sizes and sizes-large") {
		t.Errorf("%q", out)
	}
}

// cherryFields are the first six fields of each line of a report.
func cherryFields(out string) (lines [][]string) {
	for line := range strings.Lines(out) {
		if fields := strings.Split(line, "|"); len(fields) > 6 {
			for i := range fields {
				fields[i] = strings.TrimSpace(fields[i])
			}
			lines = append(lines, fields[:6])
		}
	}
	return lines
}

// The columns are those that CherryPy reads from what ab prints. Three published outputs
// of ab, each with its requests, bytes "Total transferred" and seconds, make the rows, the
// first as if of 50 threads; the averages are worked out by hand.
func TestCherryPyColumnsAreThoseOfAb(t *testing.T) {
	ab := func(threads int, requests, transferred uint64, seconds float64) judge.Cell {
		rps, wire := float64(requests)/seconds, float64(transferred)/seconds
		return judge.Cell{
			Candidate: "nethttp", App: "hello", Connections: threads, Requests: requests,
			Figures: judge.Figures{judge.MetricThroughput: {Value: rps}}, WireRate: &wire, Verdict: judge.Valid,
		}
	}
	got := cherryFields(cherryText(t,
		ab(100, 50000, 10750000, 3.280569), ab(50, 50000, 9500000, 97.729), ab(1000, 1000000, 134000000, 29.443822)))
	want := [][]string{
		{"threads", "Completed", "Failed", "req/sec", "msec/req", "KB/sec"},
		{"50", "50000", "0", "511.62", "1.955", "94.93"},
		{"100", "50000", "0", "15241.26", "0.066", "3200.07"},
		{"1000", "1000000", "0", "33962.98", "0.029", "4444.37"},
		{"Average", "366666.7", "0.0", "16571.95", "0.683", "2579.79"},
	}
	if !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}
