// Command benchpower tries what benchctl tells apart on this machine: a server
// against itself, against itself with an injected slowdown of known size, and six
// slowdowns at once, which it should put in order. It prints Markdown. Each
// comparison is a "benchctl run" of its own, as a user would start it.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/benchctl/benchctl/results"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "benchpower:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	benchctl, server, scenario  string
	same, small, tiny, rankings int
	shortRun, longRun, rankRun  time.Duration
}

func run(ctx context.Context, args []string) error {
	var o options
	fs := flag.NewFlagSet("benchpower", flag.ContinueOnError)
	fs.StringVar(&o.benchctl, "benchctl", "bin/benchctl", "program to try")
	fs.StringVar(&o.server, "server", "fasthttp", "Go engine that is compared with itself")
	fs.StringVar(&o.scenario, "scenario", "concurrency-64", "scenario")
	fs.IntVar(&o.same, "same", 60, "comparisons of the server with itself")
	fs.IntVar(&o.small, "small", 20, "comparisons with 3 % more CPU per request")
	fs.IntVar(&o.tiny, "tiny", 10, "comparisons with 1 % more CPU per request")
	fs.IntVar(&o.rankings, "rankings", 1, "rankings of six slowdowns")
	fs.DurationVar(&o.shortRun, "short", 30*time.Second, "of a comparison with itself and with 3 %")
	fs.DurationVar(&o.longRun, "long", 5*time.Minute, "of a comparison with 1 %")
	fs.DurationVar(&o.rankRun, "rank", 2*time.Minute, "of a ranking")
	if err := fs.Parse(args); err != nil {
		return err
	}
	t, err := newTrial(o)
	if err != nil {
		return err
	}
	defer os.RemoveAll(t.dir)
	return t.all(ctx)
}

// trial runs benchctl on copies of one server.
type trial struct {
	options
	dir  string
	base time.Duration // CPU time per request of the server without a slowdown
}

func newTrial(o options) (*trial, error) {
	path, err := filepath.Abs(o.benchctl)
	if err != nil {
		return nil, err
	}
	o.benchctl = path
	dir, err := os.MkdirTemp("", "benchpower-")
	return &trial{options: o, dir: dir}, err
}

// all runs every part. The first comparison with itself also tells what a
// percentage of CPU time is.
func (t *trial) all(ctx context.Context) error {
	s, err := t.measure(ctx, t.shortRun, []time.Duration{0, 0})
	if err != nil {
		return err
	}
	t.base = time.Duration(s.Cells[0].ServerCPU.Median * float64(time.Microsecond))
	fmt.Printf("%s, %s, %s of server CPU per request, %s\n\n", t.server, t.scenario, t.base, time.Now().UTC().Format(time.DateTime))
	fmt.Println("| comparison | length | count | interval excludes 1: CPU | req/s | median ratio: CPU | half-width: CPU | req/s |\n|---|---|---|---|---|---|---|---|")
	for _, part := range []struct {
		name   string
		count  int
		length time.Duration
		share  float64
	}{{"with itself", t.same, t.shortRun, 0}, {"3 % more CPU", t.small, t.shortRun, 0.03}, {"1 % more CPU", t.tiny, t.longRun, 0.01}} {
		if err := t.compare(ctx, part.name, part.count, part.length, part.share); err != nil {
			return err
		}
	}
	for range t.rankings {
		if err := t.rank(ctx); err != nil {
			return err
		}
	}
	return nil
}

// compare measures the server against itself with share more CPU, count times.
func (t *trial) compare(ctx context.Context, name string, count int, length time.Duration, share float64) error {
	found := map[string]int{}
	half := map[string][]float64{}
	var ratios []float64
	for range count {
		s, err := t.measure(ctx, length, []time.Duration{0, time.Duration(share * float64(t.base))})
		if err != nil {
			return err
		}
		for _, p := range s.Pairs {
			if p.Separated() {
				found[p.Metric]++
			}
			half[p.Metric] = append(half[p.Metric], (p.High-p.Low)/2/p.Ratio)
			if p.Metric == results.MetricServerCPU {
				ratios = append(ratios, p.Ratio)
			}
		}
	}
	if count > 0 {
		fmt.Printf("| %s | %v | %d | %d | %d | %.4f | %.2f %% | %.2f %% |\n", name, length, count,
			found[results.MetricServerCPU], found[results.MetricThroughput], median(ratios),
			100*median(half[results.MetricServerCPU]), 100*median(half[results.MetricThroughput]))
	}
	return nil
}

// rank measures six slowdowns at once and prints their ranks by CPU.
func (t *trial) rank(ctx context.Context) error {
	spins := []time.Duration{0, 300, 600, 1200, 2500, 5000}
	s, err := t.measure(ctx, t.rankRun, spins)
	if err != nil {
		return err
	}
	fmt.Println("\n| slowdown | rank | ties with | req/s | CPU µs/req |\n|---|---|---|---|---|")
	for i, c := range s.Cells {
		fmt.Printf("| %v | %d | %s | %.0f | %.3f |\n", spins[i], c.Rank, strings.Join(c.TiedWith, ", "), c.Throughput.Median, c.ServerCPU.Median)
	}
	return nil
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// measure runs benchctl with a copy of the server for each slowdown.
func (t *trial) measure(ctx context.Context, length time.Duration, spins []time.Duration) (*results.Summary, error) {
	var names []string
	for i, spin := range spins {
		name := fmt.Sprintf("copy%d-%dns", i, spin.Nanoseconds())
		names = append(names, name)
		manifest := fmt.Sprintf("name: %s\nclass: engine\ndoc: %s with %v of busy work\ncommand: [%q, serve, --server=%s, \"--addr={{.Host}}:{{.Port}}\", --spin=%v]\n",
			name, t.server, spin, t.benchctl, t.server, spin)
		if err := os.WriteFile(filepath.Join(t.dir, fmt.Sprintf("%d.yaml", i)), []byte(manifest), 0o644); err != nil {
			return nil, err
		}
	}
	cmd := exec.CommandContext(ctx, t.benchctl, "run", "--json", "--scenario="+t.scenario, "--apps=hello", "--server-dir="+t.dir,
		"--servers="+strings.Join(names, ","), "--budget="+length.String(), "--out="+filepath.Join(t.dir, "runs"))
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, errs.String())
	}
	var s results.Summary
	if err := json.Unmarshal(out, &s); err != nil {
		return nil, fmt.Errorf("read summary: %w", err)
	}
	for _, c := range s.Cells {
		if c.ServerCPU == nil || c.Throughput == nil {
			return nil, fmt.Errorf("%s has no figures: %s", c.Candidate, strings.Join(c.Reasons, "; "))
		}
	}
	return &s, os.RemoveAll(filepath.Join(t.dir, "runs"))
}
