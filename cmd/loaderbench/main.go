//go:build linux

// Command loaderbench compares what load generators cost: the CPU time that
// benchctl's engine raw spends per request with that of its engine vegeta and of
// wrk, hey and h2load, where those are installed. All of them load the same server
// in turn, so that the machine's drift falls on all alike. It prints Markdown.
//
// The figures are of whole processes, start-up included. Raw does all it does in a
// measurement: every reply parsed, status and length checked, every latency recorded.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/benchctl/benchctl/bench/measure"
	"github.com/benchctl/benchctl/servers/control"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "loaderbench:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	benchctl, vegeta string
	server           string
	pairs            int
	slice            time.Duration
	levels           []int
	many             int
	seed             uint64
}

func parse(args []string) (options, error) {
	var o options
	var levels string
	fs := flag.NewFlagSet("loaderbench", flag.ContinueOnError)
	fs.StringVar(&o.benchctl, "benchctl", "bin/benchctl", "program to try")
	fs.StringVar(&o.vegeta, "vegeta", "vegeta", "program vegeta")
	fs.StringVar(&o.server, "server", "fasthttp", "what is loaded: a Go engine, or sink, which does nothing but reply")
	fs.IntVar(&o.pairs, "pairs", 12, "slices of raw and of each other loader, side by side, at each level")
	fs.DurationVar(&o.slice, "slice", time.Second, "how long a loader runs; whole seconds")
	fs.StringVar(&levels, "levels", "64,256", "numbers of connections")
	fs.IntVar(&o.many, "many", 10_000, "connections that raw's memory is measured at")
	fs.Uint64Var(&o.seed, "seed", 1, "of the order of slices and of the bootstrap")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	for _, level := range strings.Split(levels, ",") {
		n, err := strconv.Atoi(level)
		if err != nil || n < 1 {
			return o, fmt.Errorf("-levels %s: %q is not a number of connections", levels, level)
		}
		o.levels = append(o.levels, n)
	}
	if o.pairs < 1 || o.many < 1 || o.slice < time.Second || o.slice%time.Second != 0 {
		// wrk takes nothing shorter.
		return o, errors.New("-pairs and -many must be positive, -slice whole seconds")
	}
	return o, nil
}

func run(ctx context.Context, args []string) error {
	o, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	b := &bench{options: o}
	b.serverCPUs, b.loaderCPUs = control.Split()
	// One processor each, however many there are: the loaders use one thread each.
	b.serverCPUs, b.loaderCPUs = b.serverCPUs[:min(1, len(b.serverCPUs))], b.loaderCPUs[:min(1, len(b.loaderCPUs))]
	stop, err := b.startServer(ctx)
	if err != nil {
		return err
	}
	defer stop()
	b.findLoaders()
	b.printHead(ctx)
	if err := b.memory(ctx); err != nil {
		return err
	}
	for _, level := range o.levels {
		if err := b.level(ctx, level); err != nil {
			return err
		}
	}
	return b.resources(ctx)
}

// findLoaders keeps the loaders that are installed and says which are not.
func (b *bench) findLoaders() {
	b.raw = benchctlLoader(b.benchctl, "raw")
	b.others = []loader{benchctlLoader(b.benchctl, "vegeta"), vegetaAttack(b.vegeta), wrk, hey, h2load}
	b.others = slices.DeleteFunc(b.others, func(l loader) bool {
		_, err := exec.LookPath(l.program)
		if err != nil {
			b.missing = append(b.missing, l.name)
		}
		return err != nil
	})
}

// printHead says what is measured, when and where.
func (b *bench) printHead(ctx context.Context) {
	e := measure.Environment()
	fmt.Printf("CPU time of load generators, %s, %s\n\n", time.Now().UTC().Format(time.DateTime), b.revision(ctx))
	fmt.Printf("- machine: %s, %d cores, %s, %s, %s\n", e.CPU, e.Cores, e.OS, e.Kernel, e.Go)
	fmt.Printf("- server: %s on processor %s; loaders on processor %s, in turn for %v each\n", b.server, orAny(b.serverCPUs), orAny(b.loaderCPUs), b.slice)
	fmt.Println("- CPU µs/request: user and system time of the whole process, start-up included, over the requests it reports")
	if len(b.missing) > 0 {
		fmt.Printf("- not installed, so left out: %s\n", strings.Join(b.missing, ", "))
	}
}

func orAny(cpus control.CPUs) string {
	if len(cpus) == 0 {
		return "any"
	}
	return cpus.String()
}

// revision is the commit that is checked out, or else what benchctl calls itself.
func (b *bench) revision(ctx context.Context) string {
	for _, argv := range [][]string{{"git", "describe", "--always", "--dirty"}, {b.benchctl, "version"}} {
		if out, err := exec.CommandContext(ctx, argv[0], argv[1:]...).Output(); err == nil {
			return strings.TrimSpace(string(out))
		}
	}
	return "unknown revision"
}
