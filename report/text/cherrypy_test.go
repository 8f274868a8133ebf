package text_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/report/internal/golden"
	"github.com/benchctl/benchctl/report/text"
	"github.com/benchctl/benchctl/results"
)

func cherryCell(candidate, app string, connections int, rps, p50 float64) results.Cell {
	p99, bytes := 3*p50, rps*13
	return results.Cell{
		Candidate: candidate, App: app, Connections: connections, Requests: uint64(rps),
		Throughput: &results.Estimate{Value: rps, Low: rps, High: rps},
		Latency:    &results.Latency{P50: &p50, P99: &p99}, BodyRate: &bytes,
		Errors: results.Errors{Total: uint64(connections / 100)},
	}
}

// CherryPy's two reports, for each candidate, sorted by number; what is in neither is
// left out.
func TestCherryPy(t *testing.T) {
	s := &results.Summary{Cells: []results.Cell{
		cherryCell("cherrypy", "hello", 100, 3500, 28),
		cherryCell("cherrypy", "hello", 25, 3600, 6.9),
		cherryCell("cherrypy", "size?bytes=10000", 10, 2900, 3.4),
		cherryCell("cherrypy", "size?bytes=10", 10, 3400, 2.9),
		cherryCell("cherrypy", "json", 25, 3000, 8),
		cherryCell("a\x1b[31m", "hello", 25, 0.5, 1900),
		cherryCell("a\x1b[31m", "hello", 400, 0.25, 1900),
		{Candidate: "cherrypy", App: "hello", Connections: 50, Verdict: results.Invalid},
	}}
	var b bytes.Buffer
	if err := text.CherryPy(&b, s); err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, "cherrypy.txt", b.Bytes())
	b.Reset()
	if err := text.CherryPy(&b, &results.Summary{}); err != nil || !strings.Contains(b.String(), "run scenarios such as threads-* and sizes") {
		t.Errorf("%v, %q", err, b.String())
	}
}
