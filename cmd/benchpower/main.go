// Command benchpower tries what benchctl tells apart on this machine: a server
// against itself, against itself with an injected slowdown of known size, and six
// slowdowns at once, which it should put in order. With -tune it tries how runs
// are best laid out instead. It prints Markdown, and each comparison as it comes
// on standard error. Each is a "benchctl run" of its own, as a user would start it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"
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
	benchctl, server                  string
	connections                       int
	same, small, tiny, rankings, tune int
	shortRun, longRun, rankRun        time.Duration
	tuneRun                           time.Duration
}

func parse(args []string) (options, error) {
	var o options
	fs := flag.NewFlagSet("benchpower", flag.ContinueOnError)
	fs.StringVar(&o.benchctl, "benchctl", "bin/benchctl", "program to try")
	fs.StringVar(&o.server, "server", "fasthttp", "Go engine that is compared with itself")
	fs.IntVar(&o.connections, "connections", 64, "connections")
	fs.IntVar(&o.same, "same", 60, "comparisons of the server with itself")
	fs.IntVar(&o.small, "small", 20, "comparisons with 3 % more CPU per request")
	fs.IntVar(&o.tiny, "tiny", 10, "comparisons with 1 % more CPU per request")
	fs.IntVar(&o.rankings, "rankings", 1, "rankings of six slowdowns")
	fs.IntVar(&o.tune, "tune", 0, "try layouts of runs instead, with this many runs of each")
	fs.DurationVar(&o.shortRun, "short", 30*time.Second, "of a comparison with itself and with 3 %")
	fs.DurationVar(&o.longRun, "long", 5*time.Minute, "of a comparison with 1 %")
	fs.DurationVar(&o.rankRun, "rank", 2*time.Minute, "of a ranking")
	fs.DurationVar(&o.tuneRun, "tune-run", 20*time.Second, "of a run of -tune")
	return o, fs.Parse(args)
}

func run(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	b, err := newBench(o)
	if err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	if err := b.calibrate(ctx); err != nil {
		return err
	}
	if o.tune > 0 {
		return b.tuning(ctx)
	}
	return b.power(ctx)
}
