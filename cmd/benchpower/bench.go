package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/benchctl/benchctl/results/judge"
)

// bench runs benchctl on copies of one server.
type bench struct {
	options
	dir  string
	base float64 // ns of server CPU per request without a slowdown
	step float64 // ns of server CPU that a step of serve --spin costs
}

func newBench(o options) (*bench, error) {
	path, err := filepath.Abs(o.benchctl)
	if err != nil {
		return nil, err
	}
	o.benchctl = path
	dir, err := os.MkdirTemp("", "benchpower-")
	return &bench{options: o, dir: dir}, err
}

// calibrationSteps cost a third as much as a request of the fastest server: enough
// to be told exactly, and little enough that the server works as it did.
const calibrationSteps = 2000

// calibrate finds what a request costs, and what a step of serve --spin costs
// under the same load: the speed of the machine when it is idle is another.
func (b *bench) calibrate(ctx context.Context) error {
	s, err := b.measure(ctx, layout{length: b.shortRun}, []int{0, calibrationSteps})
	if err != nil {
		return err
	}
	b.base = s.Cells[0].Figures.ServerCPU().Value * 1e3
	b.step = b.base * (ratioOf(s) - 1) / calibrationSteps
	fmt.Printf("%s, %d connections, %s: %.0f ns of server CPU per request, %.3f ns per step of busy work, %s\n\n",
		b.server, b.connections, s.Run.Environment.CPU, b.base, b.step, time.Now().UTC().Format(time.DateTime))
	return nil
}

// steps is how many steps of busy work take d ns of CPU time.
func (b *bench) steps(d float64) int { return int(d/b.step + 0.5) }

// aims is how often aim tries.
const aims = 2

// aim is how many steps of busy work make the server spend share more CPU per
// request. Busy work that is short has its own price, other than a part of what a
// long one costs: it is tried in runs of the given length and corrected by them.
func (b *bench) aim(ctx context.Context, share float64, length time.Duration) (int, error) {
	n := b.steps(share * b.base)
	for i := range aims {
		s, err := b.measure(ctx, layout{length: length}, []int{0, n})
		if err != nil {
			return 0, err
		}
		cost := ratioOf(s) - 1
		fmt.Fprintf(os.Stderr, "aim at %.3g %%, %d/%d: %d steps cost %.2f %%\n", 100*share, i+1, aims, n, 100*cost)
		n = int(float64(n)*share/max(cost, share/2) + 0.5)
	}
	return n, nil
}

// ratioOf is the second candidate's server CPU per request over the first one's.
func ratioOf(s *judge.Summary) float64 {
	return pairOf(s, s.Cells[0].Candidate, s.Cells[1].Candidate, judge.MetricServerCPU).Ratio
}

// layout is how a run is laid out; what is 0 is left to benchctl.
type layout struct {
	name     string
	length   time.Duration
	launches int
	slice    time.Duration
	lead     time.Duration
	pass     string // of run's flag
	benchctl string // another build that orders or warms up differently
}

// scenario is the load, as a file of the layout's lead-in.
func (b *bench) scenario(l layout) (string, error) {
	text := fmt.Sprintf("name: power\ndoc: as many requests as %d connections get answered\nengine: raw\nconnections: %d\napps: [hello]\n", b.connections, b.connections)
	if l.lead > 0 {
		text += fmt.Sprintf("lead: %v\n", l.lead)
	}
	path := filepath.Join(b.dir, "power.yaml")
	return path, os.WriteFile(path, []byte(text), 0o644)
}

// manifests writes a copy of the server for each number of steps of busy work.
func (b *bench) manifests(program string, steps []int) (names []string, err error) {
	for i, n := range steps {
		name := fmt.Sprintf("copy%d-%d", i, n)
		names = append(names, name)
		text := fmt.Sprintf("name: %s\nclass: engine\ndoc: %s with %d steps of busy work\ncommand: [%q, serve, --server=%s, \"--addr={{.Host}}:{{.Port}}\", --spin=%d]\n",
			name, b.server, n, program, b.server, n)
		if err := os.WriteFile(filepath.Join(b.dir, "servers", fmt.Sprintf("%d.yaml", i)), []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	return names, nil
}

// measure runs benchctl with a copy of the server for each number of steps.
func (b *bench) measure(ctx context.Context, l layout, steps []int) (*judge.Summary, error) {
	program := b.benchctl
	if l.benchctl != "" {
		program = l.benchctl
	}
	serverDir := filepath.Join(b.dir, "servers")
	if err := os.RemoveAll(serverDir); err != nil {
		return nil, err
	}
	if err := os.Mkdir(serverDir, 0o755); err != nil {
		return nil, err
	}
	names, err := b.manifests(program, steps)
	if err != nil {
		return nil, err
	}
	scenario, err := b.scenario(l)
	if err != nil {
		return nil, err
	}
	runs := filepath.Join(b.dir, "runs")
	args := []string{
		"run", "--json", "--scenario-file=" + scenario, "--server-dir=" + serverDir,
		"--servers=" + strings.Join(names, ","), "--budget=" + l.length.String(), "--out=" + runs,
	}
	if l.launches > 0 {
		args = append(args, fmt.Sprintf("--launches=%d", l.launches))
	}
	if l.slice > 0 {
		args = append(args, "--slice="+l.slice.String())
	}
	if l.pass != "" {
		args = append(args, "--pass="+l.pass)
	}
	s, err := summary(ctx, program, args)
	if err != nil {
		return nil, err
	}
	return s, os.RemoveAll(runs)
}

func summary(ctx context.Context, program string, args []string) (*judge.Summary, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, errs.String())
	}
	var s judge.Summary
	if err := json.Unmarshal(out, &s); err != nil {
		return nil, fmt.Errorf("read summary: %w", err)
	}
	for _, c := range s.Cells {
		if c.Figures.ServerCPU() == nil || c.Figures.Throughput() == nil {
			return nil, fmt.Errorf("%s has no figures: %s", c.Candidate, judge.Sentences(c.Reasons))
		}
	}
	return &s, nil
}

// pairOf is the pair of a and b in a metric; a zero one if there is none.
func pairOf(s *judge.Summary, a, b, metric string) judge.Pair {
	for _, p := range s.Pairs {
		if p.A == a && p.B == b && p.Metric == metric {
			return p
		}
	}
	return judge.Pair{}
}
