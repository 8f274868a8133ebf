package text_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/report/text"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/judge"
)

// calibration is one of a machine whose processors are divided, or not.
func calibration(divided bool) judge.Calibration {
	c := judge.Calibration{
		Environment: results.Environment{CPU: "cpu", Cores: 2},
		Loader:      judge.LoaderLimit{LoaderCeiling: results.LoaderCeiling{Engine: "raw", Connections: 64, Seconds: 3, Throughput: 150000, CPU: 6.5, RPS: 153846, LoaderShare: 0.97}},
		Floor: judge.NoiseFloor{A: "nethttp", B: "nethttp#b", Scenario: "concurrency-64", App: "hello", Launches: 6, Rounds: 10, Seconds: 24, Metrics: []judge.Noise{
			{Metric: judge.MetricThroughput, Ratio: 1.001, Low: 0.99, High: 1.012, HalfWidth: 1.1, Resolved: map[string]float64{"30s": 1.5, "2m": 0.75, "10m": 0.335}},
			{Metric: judge.MetricServerCPU, Ratio: 1, Low: 1, High: 1},
		}},
	}
	if divided {
		share := 0.5
		c.Environment.ServerCPUs, c.Environment.LoaderCPUs = "0", "1"
		c.Loader.SinkShare = &share
		c.Loader = judge.NewLoaderLimit(c.Loader.LoaderCeiling)
	}
	return c
}

func TestCalibration(t *testing.T) {
	const want = `machine      cpu, 2 cores (servers 0, loader 1)
loader       150000 req/s against a sink (raw, 64 connections, 3.0 s)
             6.5 µs of CPU per request, so at most 153846 req/s
             processors in use: loader 97 %, sink 50 %; bottleneck: loader
noise floor  nethttp against itself: concurrency-64, hello, 6 x 10 rounds, 24.0 s

metric              ratio  95 % interval   half-width  in 30s  in 2m   in 10m
throughput, req/s   1.001  0.990 to 1.012  1.1 %       1.5 %   0.75 %  0.34 %
server CPU, µs/req  1.000  1.000 to 1.000  0 %         –       –       –

The last columns are the smallest difference between two candidates that a run
of that length tells in 80 % of cases, scaled by 1/sqrt(time) from this one.
`
	undivided := strings.NewReplacer("servers 0, loader 1", "servers any, loader any", "sink 50 %; bottleneck: loader", "sink unknown").Replace(want)
	for divided, want := range map[bool]string{true: want, false: undivided} {
		var out strings.Builder
		if err := text.Calibration(&out, calibration(divided), 0); err != nil {
			t.Fatal(err)
		}
		if got := out.String(); got != want {
			t.Errorf("divided %v:\n%s", divided, got)
		}
	}
	if err := text.Calibration(full{}, calibration(true), 0); !errors.Is(err, errFull) {
		t.Errorf("error %v, want %v", err, errFull)
	}
}
