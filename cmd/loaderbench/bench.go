//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/load/engine"
	"github.com/benchctl/benchctl/internal/stats"
	"github.com/benchctl/benchctl/scenarios"
	"github.com/benchctl/benchctl/servers/control"
)

// bench is one comparison of loaders.
type bench struct {
	options
	serverCPUs, loaderCPUs control.CPUs
	url, address           string
	raw                    loader
	others                 []loader
	missing                []string
}

// startServer starts the server on a socket that listens already, so there is
// nothing to wait for.
func (b *bench) startServer(ctx context.Context) (stop func(), err error) {
	var lc net.ListenConfig
	lc.SetMultipathTCP(false) // plain TCP, as candidates have
	ln, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer ln.Close()
	file, err := ln.(*net.TCPListener).File()
	if err != nil {
		return nil, err
	}
	defer file.Close()
	args := []string{"serve", "--server", b.server, "--app", "hello", "--listener-fd", "3"}
	if b.server == "sink" {
		args = []string{"sink", "--listener-fd", "3"}
	}
	cmd := exec.Command(b.benchctl, args...)
	cmd.ExtraFiles = []*os.File{file}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt is for this process
	if err := start(cmd, b.serverCPUs); err != nil {
		return nil, fmt.Errorf("start server: %w", err)
	}
	b.address = ln.Addr().String()
	b.url = "http://" + b.address + "/hello"
	return func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	}, nil
}

// start starts cmd on cpus: a child runs where the thread did that made it.
func start(cmd *exec.Cmd, cpus control.CPUs) error {
	if len(cpus) == 0 {
		return cmd.Start()
	}
	failed := make(chan error)
	go func() {
		runtime.LockOSThread() // and the thread ends with the goroutine
		var set unix.CPUSet
		for _, n := range cpus {
			set.Set(n)
		}
		err := unix.SchedSetaffinity(0, &set)
		if err == nil {
			err = cmd.Start()
		}
		failed <- err
	}()
	return <-failed
}

// sample is one slice of one loader.
type sample struct {
	cpu        float64 // µs per request
	throughput float64 // requests/s
	memory     float64 // MiB, at most
}

// run runs one slice of l.
func (b *bench) run(ctx context.Context, l loader, connections int) (sample, error) {
	seconds := int(b.slice / time.Second)
	cmd := exec.CommandContext(ctx, l.program, l.args(b.url, connections, seconds)...)
	var out, errs capture
	cmd.Stdout, cmd.Stderr = &out, &errs
	if l.stdin != "" {
		cmd.Stdin = strings.NewReader(l.stdin + b.url + "\n")
	}
	err := start(cmd, b.loaderCPUs)
	if err == nil {
		err = cmd.Wait()
	}
	if err != nil {
		return sample{}, fmt.Errorf("%s, %d connections: %w\n%s%s", l.name, connections, err, out, errs)
	}
	n, err := l.requests(out)
	if err != nil {
		return sample{}, fmt.Errorf("%s, %d connections: %w", l.name, connections, err)
	}
	s, requests := cmd.ProcessState, float64(n)
	use := s.SysUsage().(*syscall.Rusage)
	return sample{
		cpu:        float64((s.UserTime() + s.SystemTime()).Nanoseconds()) / 1e3 / requests,
		throughput: requests / b.slice.Seconds(),
		// In KiB. It counts this process too, as it was at the start of the other.
		memory: float64(use.Maxrss) / 1024,
	}, nil
}

// capture keeps what is written.
type capture []byte

func (c *capture) Write(p []byte) (int, error) {
	*c = append(*c, p...)
	return len(p), nil
}

// series is what the slices of one loader, and those of raw beside it, came to.
type series struct {
	cpu, throughput, ratios []float64 // ratios of raw's CPU time to the loader's
}

// level compares all loaders at a number of connections. Slices of raw and of the
// other loader are neighbours; which of them is first changes from pair to pair.
func (b *bench) level(ctx context.Context, connections int) error {
	all := make([]series, len(b.others))
	var raw series
	rng := rand.New(rand.NewPCG(b.seed, uint64(connections)))
	for pair := range b.pairs {
		for _, i := range rng.Perm(len(b.others)) {
			own, other, err := b.pair(ctx, b.others[i], connections, pair%2 == 0)
			if err != nil {
				return err
			}
			raw.add(own, own)
			all[i].add(other, own)
		}
	}
	b.printLevel(connections, raw, all)
	return nil
}

// pair runs a slice of raw and one of other.
func (b *bench) pair(ctx context.Context, other loader, connections int, rawFirst bool) (r, o sample, err error) {
	if rawFirst {
		if r, err = b.run(ctx, b.raw, connections); err != nil {
			return r, o, err
		}
	}
	if o, err = b.run(ctx, other, connections); err != nil || rawFirst {
		return r, o, err
	}
	r, err = b.run(ctx, b.raw, connections)
	return r, o, err
}

func (s *series) add(own, raw sample) {
	s.cpu = append(s.cpu, own.cpu)
	s.throughput = append(s.throughput, own.throughput)
	s.ratios = append(s.ratios, raw.cpu/own.cpu)
}

func (b *bench) printLevel(connections int, raw series, all []series) {
	fmt.Printf("\n| %d connections | CPU µs/request | req/s | raw's CPU: ratio | 95 %% interval | least to most | pairs |\n|---|---|---|---|---|---|---|\n", connections)
	fmt.Printf("| %s | %.2f | %.0f | 1 | – | – | – |\n", b.raw.name, stats.Median(raw.cpu), stats.Median(raw.throughput))
	for i, s := range all {
		interval := "–" // too few pairs
		e, ok := stats.Bootstrap([][]float64{s.ratios}, b.seed)
		if ok {
			interval = fmt.Sprintf("%.3f to %.3f", e.Low, e.High)
		}
		median := stats.Median(s.ratios) // which sorts them
		fmt.Printf("| %s | %.2f | %.0f | %.3f | %s | %.3f to %.3f | %d |\n", b.others[i].name, stats.Median(s.cpu), stats.Median(s.throughput),
			median, interval, s.ratios[0], s.ratios[len(s.ratios)-1], len(s.ratios))
	}
}

// resources prints what else raw takes.
func (b *bench) resources(ctx context.Context) error {
	fmt.Println("\n| benchctl raw | |\n|---|---|")
	perRequest, err := b.allocations(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("| allocations per request, %d connections, of everything in the process | %.5f |\n", b.levels[0], perRequest)
	startup, err := b.startup(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("| CPU time of start-up, which is in the figures above | %.1f ms |\n", startup)
	return nil
}

// memory prints what raw takes with very many connections. It comes first: what a child
// takes at most counts what this process had when it started it.
func (b *bench) memory(ctx context.Context) error {
	var limit unix.Rlimit
	const others = 100 // descriptors that are no connections
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil || limit.Max < uint64(b.many+others) {
		fmt.Printf("- memory of benchctl raw with %d connections: not measured, no more than %d descriptors (ulimit -Hn)\n", b.many, limit.Max)
		return err
	}
	s, err := b.run(ctx, b.raw, b.many)
	if err == nil {
		fmt.Printf("- memory of benchctl raw with %d connections: %.1f MiB resident at most\n", b.many, s.memory)
	}
	return err
}

// startup is the median CPU time, in ms, of a benchctl that has nothing to do.
func (b *bench) startup(ctx context.Context) (float64, error) {
	var times []float64
	for range b.pairs {
		cmd := exec.CommandContext(ctx, b.benchctl, "version")
		err := start(cmd, b.loaderCPUs)
		if err == nil {
			err = cmd.Wait()
		}
		if err != nil {
			return 0, fmt.Errorf("start benchctl: %w", err)
		}
		times = append(times, (cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime()).Seconds()*1e3)
	}
	return stats.Median(times), nil
}

// allocations are those of one slice of raw inside this process.
func (b *bench) allocations(ctx context.Context) (perRequest float64, err error) {
	target := load.Target{Status: 200, Length: int64(len(body))}
	target.Method, target.URL = "GET", b.url
	session, err := engine.Open(ctx, load.Config{Address: b.address, Targets: []load.Target{target}, Load: scenarios.Load{Connections: b.levels[0]}})
	if err != nil {
		return 0, err
	}
	defer session.Close()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r, err := session.Slice(ctx, load.Window{Span: b.slice})
	runtime.ReadMemStats(&after)
	if err == nil && (r.Errored() > 0 || r.Answered == 0) {
		err = errors.New("load the server: no replies, or wrong ones")
	}
	if err != nil {
		return 0, err
	}
	return float64(after.Mallocs-before.Mallocs) / float64(r.Answered), nil
}
