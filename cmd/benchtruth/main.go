//go:build linux

// Command benchtruth tries whether what "benchctl run" says of a server is true:
// servers with one known trick each are measured by a run, beside the server plain,
// which has none, and then loaded for long without any interruption by wrk and by
// "benchctl load", which load plain right before and after. A row must agree with
// both, by its ratios to plain and its times, or say what is wrong with the server.
// With -honest it does the same with servers as they are, with -layouts it tries how
// runs are best laid out instead. It prints Markdown, and
// each pass as it ends on standard error. The exit status is 1 if a row neither
// agrees nor says why.
//
// "benchtruth serve TRICK ADDR [APP]" is such a server.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "benchtruth:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	benchctl, only        string
	connections           int
	long, beside, budget  time.Duration
	list, honest, layouts bool
	tolerance             tolerance
}

func parse(args []string) (options, error) {
	var o options
	fs := flag.NewFlagSet("benchtruth", flag.ContinueOnError)
	fs.StringVar(&o.benchctl, "benchctl", "bin/benchctl", "program to try")
	fs.StringVar(&o.only, "only", "", "only what has one of these in its name, divided by commas")
	fs.IntVar(&o.connections, "connections", 64, "connections")
	fs.DurationVar(&o.long, "long", time.Minute, "of a load without interruptions; whole seconds")
	fs.DurationVar(&o.beside, "beside", 5*time.Second, "of a load of plain, before and after each of those; whole seconds")
	fs.DurationVar(&o.budget, "run", time.Minute, "of a run")
	fs.Float64Var(&o.tolerance.drift, "drift", 0.05, "share by which ratios to plain may differ, beside a row's interval and what plain differs by around a load")
	fs.BoolVar(&o.list, "list", false, "list the tricks instead")
	fs.BoolVar(&o.layouts, "layouts", false, "try how runs are laid out instead")
	fs.BoolVar(&o.honest, "honest", false, "try servers without tricks instead")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	if fs.NArg() > 0 {
		return o, fmt.Errorf("%q is not a flag", fs.Arg(0))
	}
	whole := func(d time.Duration) bool { return d >= time.Second && d%time.Second == 0 } // wrk takes nothing else
	if o.connections < 1 || o.budget <= 0 || o.tolerance.drift < 0 || !whole(o.long) || !whole(o.beside) {
		return o, errors.New("-connections and -run must be positive, -drift not negative, -long and -beside whole seconds")
	}
	return o, nil
}

func run(ctx context.Context, args []string) error {
	if len(args) > 0 && args[0] == "serve" {
		return serve(ctx, args[1:])
	}
	o, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	if o.list {
		list()
		return nil
	}
	b, err := newBench(o)
	if err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	if o.layouts {
		return b.tryLayouts(ctx)
	}
	return b.truth(ctx)
}

func list() {
	fmt.Println("| trick | what it does | what differs |\n|---|---|---|")
	for _, t := range chosen("") {
		fmt.Printf("| `%s` | %s | %s |\n", t.name, t.doc, t.differs)
	}
}
