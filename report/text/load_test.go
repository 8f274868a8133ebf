package text_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/report/text"
	"github.com/benchctl/benchctl/results/judge"
	"github.com/benchctl/benchctl/scenarios"
)

func TestLoad(t *testing.T) {
	ms := func(v float64) *float64 { return &v }
	plain := judge.LoadSummary{
		Load: scenarios.Load{Engine: scenarios.Raw, Connections: 4}, Seconds: 2, Requests: 9000, Throughput: 4500, BytesIn: 4 << 20,
		Latency: &judge.Latency{P50: ms(0.8), P90: ms(1.25), Max: ms(12)}, LoaderCPU: 6.25, Verdict: judge.Valid,
	}
	failed := plain
	failed.Load.Pipeline, failed.Poll, failed.Latency, failed.SendLag = 8, 100, nil, &judge.Latency{P50: ms(1), P90: ms(2), P99: ms(3), P999: ms(4), Max: ms(5)}
	failed.Reopened, failed.Reconnects, failed.Repeated, failed.Missed = 1, 2, 3, 4
	failed.Errors, failed.Causes, failed.Examples = map[string]uint64{"status": 5}, map[string]uint64{"status: got 502": 5}, map[string]string{"status": "GET /\x1b[0m: got 502"}
	failed.Verdict, failed.Reasons = judge.Invalid, []judge.Reason{{Text: "requests failed"}, {Text: "late"}}
	vegeta := plain
	vegeta.Load.Engine = scenarios.Vegeta
	for _, c := range []struct {
		s    judge.LoadSummary
		want string
	}{
		{plain, `engine      raw, 4 connections, 2.0 s; sleeps while it waits, so that the server has to wake it
throughput  4500 req/s (9000 requests, 2.00 MiB/s of bodies)
latency     p50 0.8 ms, p90 1.25 ms, max 12 ms (p99, p99.9 left out: fewer than 100 requests are beyond)
loader CPU  6.2 µs/request
errors      none
verdict     valid
`},
		{failed, `engine      raw, 4 connections, 2.0 s, 8 requests in flight on each; polls for 100 µs before it sleeps
throughput  4500 req/s (9000 requests, 2.00 MiB/s of bodies)
latency     –
send lag    p50 1 ms, p90 2 ms, p99 3 ms, p99.9 4 ms, max 5 ms
loader CPU  6.2 µs/request
reopened    1
reconnects  2
sent again  3 requests, whose connections the server closed after a rest
errors      5 status (got 502); the first status: GET /\x1b[0m: got 502
not sent    4 requests that no connection was free for
verdict     invalid
            requests failed
            late
`},
		{vegeta, `engine      vegeta, 4 connections, 2.0 s
throughput  4500 req/s (9000 requests, 2.00 MiB/s of bodies)
latency     p50 0.8 ms, p90 1.25 ms, max 12 ms (p99, p99.9 left out: fewer than 100 requests are beyond)
loader CPU  6.2 µs/request
errors      none
verdict     valid
`},
	} {
		var out strings.Builder
		if err := text.Load(&out, c.s, 0); err != nil {
			t.Fatal(err)
		}
		if got := out.String(); got != c.want {
			t.Errorf("it prints\n%s\nwant\n%s", got, c.want)
		}
	}
}

func TestLoadWriteError(t *testing.T) {
	if err := text.Load(full{}, judge.LoadSummary{Seconds: 1}, 0); !errors.Is(err, errFull) {
		t.Errorf("error %v, want %v", err, errFull)
	}
}
