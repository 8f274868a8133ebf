package text

import (
	"fmt"
	"io"
	"strings"

	"github.com/benchctl/benchctl/report"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/judge"
	"github.com/benchctl/benchctl/scenarios"
)

// Load writes the result of a single load, one fact on each line, folded to the width in
// columns; 0 does not fold.
func Load(w io.Writer, s judge.LoadSummary, width int) error {
	rows := [][]string{
		{"engine", loadEngine(s)},
		{"throughput", fmt.Sprintf("%.0f req/s (%d requests, %.2f MiB/s of bodies)", s.Throughput, s.Requests, float64(s.BytesIn)/s.Seconds/(1<<20))},
		{"latency", milliseconds(s.Latency)},
	}
	if s.SendLag != nil {
		rows = append(rows, []string{"send lag", milliseconds(s.SendLag)})
	}
	rows = append(rows, []string{"loader CPU", fmt.Sprintf("%.1f µs/request", s.LoaderCPU)})
	for _, one := range []struct {
		n           uint64
		label, text string
	}{
		{s.Reopened, "reopened", ""},
		{s.Reconnects, "reconnects", ""},
		{s.Repeated, "sent again", " requests, whose connections the server closed after a rest"},
	} {
		if one.n > 0 {
			rows = append(rows, []string{one.label, fmt.Sprint(one.n) + one.text})
		}
	}
	errs := "none"
	if len(s.Errors) > 0 {
		var all results.Errors
		all.Add(s.Errors, s.Causes, s.Examples)
		errs = all.String()
	}
	rows = append(rows, []string{"errors", errs})
	if s.Missed > 0 {
		rows = append(rows, []string{"not sent", fmt.Sprintf("%d requests that no connection was free for", s.Missed)})
	}
	rows = append(rows, []string{"verdict", string(s.Verdict)})
	for _, why := range judge.Texts(s.Reasons) {
		rows = append(rows, []string{"", why})
	}
	return Rows(w, rows, width)
}

// loadEngine names the engine and how it waits for replies.
func loadEngine(s judge.LoadSummary) string {
	engine := fmt.Sprintf("%s, %d connections, %.1f s", s.Load.Engine, s.Load.Connections, s.Seconds)
	if s.Load.Pipeline > 1 {
		engine += fmt.Sprintf(", %d requests in flight on each", s.Load.Pipeline)
	}
	switch {
	case s.Poll > 0:
		engine += fmt.Sprintf("; polls for %g µs before it sleeps", s.Poll)
	case s.Load.Engine == scenarios.Raw:
		engine += "; sleeps while it waits, so that the server has to wake it"
	}
	return engine
}

// milliseconds lists the known percentiles, and names the unknown ones.
func milliseconds(l *judge.Latency) string {
	if l == nil {
		return report.Unknown
	}
	var told, untold []string
	for _, p := range []struct {
		name  string
		value *float64
	}{{"p50", l.P50}, {"p90", l.P90}, {"p99", l.P99}, {"p99.9", l.P999}} {
		if p.value == nil {
			untold = append(untold, p.name)
			continue
		}
		told = append(told, fmt.Sprintf("%s %.3g ms", p.name, *p.value))
	}
	if l.Max != nil {
		told = append(told, fmt.Sprintf("max %.3g ms", *l.Max))
	}
	text := strings.Join(told, ", ")
	if len(untold) > 0 {
		text += fmt.Sprintf(" (%s left out: fewer than 100 requests are beyond)", strings.Join(untold, ", "))
	}
	return text
}
