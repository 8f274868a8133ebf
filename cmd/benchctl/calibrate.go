package main

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/benchctl/benchctl/bench/agent"
	"github.com/benchctl/benchctl/bench/harness"
	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/measure"
	"github.com/benchctl/benchctl/bench/plan"
	"github.com/benchctl/benchctl/report"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/judge"
	"github.com/benchctl/benchctl/scenarios"
	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/control"
)

const (
	// calibrateConnections is what both parts of a calibration load with.
	calibrateConnections = 64
	calibrateScenario    = "concurrency-64"
	// busyShare is the part of its processors' time from which on a side is at
	// its limit.
	busyShare = 0.8
)

type calibrateFlags struct {
	duration time.Duration
	json     bool
}

func calibrateCommand(e env) *cobra.Command {
	var f calibrateFlags
	cmd := &cobra.Command{
		Use:   "calibrate",
		Short: "Tell what this machine can measure: the load generator's limit, the noise floor, what disturbs",
		Long: `Tell what this machine can measure: how many requests the load generator
reaches against a sink that does nothing but reply, how far apart a server and
itself seem to be, and what about the machine disturbs.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return e.calibrate(cmd.Context(), f) },
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	fs.DurationVar(&f.duration, "duration", 30*time.Second, "about how long, 1s to 1h; the noise floor needs 10s or more to be told well")
	fs.BoolVar(&f.json, "json", false, "print JSON")
	return cmd
}

// calibration is what "calibrate --json" prints. What is not known is absent.
type calibration struct {
	Benchctl    string              `json:"benchctl"`
	Environment results.Environment `json:"environment"`
	Loader      loaderLimit         `json:"loader"`
	Floor       noiseFloor          `json:"noise_floor"`
	Warnings    []measure.Warning   `json:"warnings"`
}

// loaderLimit is how the load generator does against the sink.
type loaderLimit struct {
	results.LoaderCeiling
	Bottleneck string `json:"bottleneck,omitempty"` // loader, sink or neither
}

// noiseFloor is what a server measured against itself tells.
type noiseFloor struct {
	A        string  `json:"a"`
	B        string  `json:"b"`
	Scenario string  `json:"scenario"`
	App      string  `json:"app"`
	Launches int     `json:"launches"`
	Rounds   int     `json:"rounds"`
	Seconds  float64 `json:"seconds"` // with starts and warm-up
	Metrics  []noise `json:"metrics"`
}

// noise is one metric's part of the floor.
type noise struct {
	Metric    string  `json:"metric"`
	Ratio     float64 `json:"ratio"`
	Low       float64 `json:"ci_low"`
	High      float64 `json:"ci_high"`
	HalfWidth float64 `json:"half_width_percent"`
	// Resolved is the smallest difference, in percent, that a run of two candidates
	// that takes so long resolves in 80 % of cases: the minimal effect of this
	// measurement (stats.Interval.MinimalEffect, as in judge.Pair), whose logarithm
	// goes by 1/sqrt(time).
	Resolved map[string]float64 `json:"resolved_percent"`
}

// spans are the lengths of runs that the floor is scaled to.
var spans = []struct {
	name string
	time.Duration
}{{"30s", 30 * time.Second}, {"2m", 2 * time.Minute}, {"10m", 10 * time.Minute}}

func (e env) calibrate(ctx context.Context, f calibrateFlags) error {
	if f.duration < time.Second || f.duration > time.Hour {
		return usage(fmt.Errorf("calibrate: --duration %v: not within 1s and 1h", f.duration))
	}
	dir, err := control.MakeTemp()
	if err != nil {
		return unable(fmt.Errorf("calibrate: %w", err))
	}
	defer e.discard(dir)
	c := calibrator{env: e, dir: dir}
	c.server, c.loader = control.Split()
	report, err := c.calibrate(ctx, f.duration)
	switch {
	case ctx.Err() != nil:
		return interrupted("calibrate", err)
	case err != nil:
		return unable(fmt.Errorf("calibrate: %w", err))
	case f.json:
		return e.printJSON(report)
	}
	return e.printCalibration(report)
}

// calibrator does the parts of one calibration.
type calibrator struct {
	env
	dir            string
	server, loader control.CPUs
}

// calibrate spends a tenth of the time, 1 s at most, on watching the others, a
// tenth on the loader and the rest on the noise floor.
func (c calibrator) calibrate(ctx context.Context, d time.Duration) (*calibration, error) {
	r := &calibration{Benchctl: version(), Environment: measure.Environment(), Warnings: []measure.Warning{}}
	r.Environment.ServerCPUs, r.Environment.LoaderCPUs = c.server.String(), c.loader.String()
	disturbed, err := harness.Look(ctx, min(d/10, time.Second), c.server, c.loader)
	if err != nil {
		return nil, err
	}
	if r.Loader, err = c.loaderLimit(ctx, d/10); err != nil {
		return nil, err
	}
	if r.Floor, err = c.noiseFloor(ctx, d*8/10); err != nil {
		return nil, err
	}
	r.Warnings = append(r.Warnings, measure.ReadConditions().Warnings(len(floorCandidates), calibrateConnections)...)
	r.Warnings = append(r.Warnings, disturbed...)
	return r, nil
}

// loaderLimit loads the sink, which runs where candidates do.
func (c calibrator) loaderLimit(ctx context.Context, d time.Duration) (loaderLimit, error) {
	ceilings, err := harness.Calibration{
		Sink: c.sink(), Guard: []string{c.executable, guardCommand}, ServerCPUs: c.server, LoaderCPUs: c.loader,
	}.Ceilings(ctx, []scenarios.Load{{Engine: load.Raw, Connections: calibrateConnections}}, d)
	switch {
	case ceilings == nil:
		return loaderLimit{}, err
	case err != nil:
		c.say("benchctl: warning: the sink: %v", err)
	}
	l := loaderLimit{LoaderCeiling: ceilings[0]}
	if l.SinkShare != nil {
		l.Bottleneck = bottleneck(l.LoaderShare, *l.SinkShare)
	}
	return l, nil
}

// bottleneck is the side that is at its limit; if both are, the busier one.
func bottleneck(loader, sink float64) string {
	switch {
	case max(loader, sink) < busyShare:
		return "neither"
	case loader >= sink:
		return "loader"
	}
	return "sink"
}

// floorCandidates is a server and itself.
var floorCandidates = []string{"nethttp", "nethttp#b"}

// noiseFloor measures a server against itself for about d.
func (c calibrator) noiseFloor(ctx context.Context, d time.Duration) (noiseFloor, error) {
	none := noiseFloor{}
	m, candidates, err := c.floorPlan(ctx, d)
	if err != nil {
		return none, err
	}
	store, err := results.Create(filepath.Join(c.dir, m.ID), m)
	if err != nil {
		return none, err
	}
	defer store.Close()
	began := time.Now()
	err = harness.Run(ctx, harness.Config{
		Store: store, Observe: c.warnings, Setup: agent.Setup{
			Candidates: candidates, Benchctl: c.executable, Guard: []string{c.executable, guardCommand}, ServerCPUs: c.server, LoaderCPUs: c.loader,
		},
	})
	if err != nil {
		return none, err
	}
	took := time.Since(began)
	record, err := results.Read(store.Dir())
	if err != nil {
		return none, err
	}
	s, err := judge.Summarize(record)
	if err != nil {
		return none, err
	}
	return newFloor(m, s, took)
}

// warnings tells those of a run.
func (c calibrator) warnings(e harness.Event) {
	if e.Kind == harness.Warning {
		c.say("benchctl: warning: %s", e.Text)
	}
}

// floorPlan plans as many launches and rounds as take about d.
func (c calibrator) floorPlan(ctx context.Context, d time.Duration) (results.Manifest, []servers.Candidate, error) {
	none := results.Manifest{}
	candidates, _, err := chooseCandidates(ctx, nil, floorCandidates, nil)
	if err != nil {
		return none, nil, err
	}
	all, err := scenarios.Builtin()
	if err != nil {
		return none, nil, err
	}
	chosen, err := scenarios.Find(all, []string{calibrateScenario})
	if err != nil {
		return none, nil, err
	}
	launches, rounds := floorSize(d)
	now := time.Now()
	m, err := plan.New(plan.Request{
		Scenarios: chosen, Apps: []string{"hello"}, Candidates: candidates, Launches: launches, Rounds: rounds, NoPass: true, Seed: uint64(now.UnixNano()) >> 10 & math.MaxUint32,
	})
	m.Started, m.ID, m.Benchctl, m.Environment = now.UTC(), runID(now), version(), measure.Environment()
	return m, candidates, err
}

// floorSize is how many launches and rounds take about d: a launch of two
// candidates takes about 0.6 s besides its rounds, a round is two slices. Rounds
// come in twos, and fewer than 6 carry no interval.
func floorSize(d time.Duration) (launches, rounds int) {
	const starts, round = 600 * time.Millisecond, 2 * (plan.MinSlice + 15*time.Millisecond)
	launches = max(1, min(int(d/(3*time.Second)), plan.DefaultLaunches))
	rounds = int((d/time.Duration(launches) - starts) / round)
	return launches, max(8, rounds-rounds%2)
}

// newFloor reads the floor off the summary of an A/A run that took so long.
func newFloor(m results.Manifest, s *judge.Summary, took time.Duration) (noiseFloor, error) {
	f := noiseFloor{
		A: floorCandidates[0], B: floorCandidates[1], Scenario: m.Blocks[0].Scenario, App: m.Blocks[0].App,
		Launches: m.Launches, Rounds: m.Rounds, Seconds: took.Seconds(), Metrics: []noise{},
	}
	for _, cell := range s.Cells {
		if !cell.Verdict.Usable() {
			return f, fmt.Errorf("%s: %v", cell.Candidate, cell.Reasons)
		}
	}
	for _, p := range s.Pairs {
		f.Metrics = append(f.Metrics, newNoise(p, took))
	}
	return f, nil
}

func newNoise(p judge.Pair, took time.Duration) noise {
	n := noise{Metric: p.Metric, Ratio: p.Ratio, Low: p.Low, High: p.High, HalfWidth: 100 * (p.High - p.Low) / 2, Resolved: make(map[string]float64)}
	if p.MDE == nil {
		return n
	}
	for _, span := range spans {
		n.Resolved[span.name] = 100 * math.Expm1(math.Log1p(*p.MDE)*math.Sqrt(took.Seconds()/span.Seconds()))
	}
	return n
}

// printCalibration prints the calibration as tables and sentences.
func (e env) printCalibration(c *calibration) error {
	l, f := c.Loader, c.Floor
	sink := "sink unknown"
	if l.SinkShare != nil {
		sink = fmt.Sprintf("sink %.0f %%; bottleneck: %s", *l.SinkShare*100, l.Bottleneck)
	}
	rows := [][]string{
		{"machine", fmt.Sprintf("%s, %d cores (servers %s, loader %s)", c.Environment.CPU, c.Environment.Cores, orAny(c.Environment.ServerCPUs), orAny(c.Environment.LoaderCPUs))},
		{"loader", fmt.Sprintf("%.0f req/s against a sink (%s, %d connections, %.1f s)", l.Throughput, l.Engine, l.Connections, l.Seconds)},
		{"", fmt.Sprintf("%.1f µs of CPU per request, so at most %.0f req/s", l.CPU, l.RPS)},
		{"", fmt.Sprintf("processors in use: loader %.0f %%, %s", l.LoaderShare*100, sink)},
		{"noise floor", fmt.Sprintf("%s against itself: %s, %s, %d x %d rounds, %.1f s", f.A, f.Scenario, f.App, f.Launches, f.Rounds, f.Seconds)},
	}
	if err := e.printRows(rows); err != nil {
		return err
	}
	if err := e.printFloor(f); err != nil {
		return err
	}
	for _, w := range c.Warnings {
		if _, err := fmt.Fprintf(e.stdout, "warning: %s\n", w); err != nil {
			return unable(err)
		}
	}
	return nil
}

func (e env) printFloor(f noiseFloor) error {
	head := []string{"metric", "ratio", "95 % interval", "half-width"}
	for _, span := range spans {
		head = append(head, "in "+span.name)
	}
	rows := [][]string{head}
	for _, n := range f.Metrics {
		row := []string{metricLabel(n.Metric), fmt.Sprintf("%.3f", n.Ratio), fmt.Sprintf("%.3f to %.3f", n.Low, n.High), inPercent(n.HalfWidth)}
		for _, span := range spans {
			row = append(row, inPercent(n.Resolved[span.name]))
		}
		rows = append(rows, row)
	}
	fmt.Fprintln(e.stdout)
	if err := e.printRows(rows); err != nil {
		return err
	}
	_, err := fmt.Fprint(e.stdout, `
The last columns are the smallest difference between two candidates that a run
of that length tells in 80 % of cases, scaled by 1/sqrt(time) from this one.
`)
	return unable(err)
}

func inPercent(p float64) string { return report.Number(p, 2) + " %" }

// orAny names an empty set of processors.
func orAny(cpus string) string {
	if cpus == "" {
		return "any"
	}
	return cpus
}

// metricLabel is a metric with its unit: "server CPU, µs/req".
func metricLabel(metric string) string {
	m := judge.MetricNamed(metric).For("the objective")
	return m.Head + ", " + m.Unit
}
