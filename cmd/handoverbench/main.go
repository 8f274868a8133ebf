// Command handoverbench counts the requests that are lost while the Go engines are
// replaced under load by package servers/process/handover, and prints a table.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// Exit codes.
const (
	exitOK    = 0
	exitLost  = 1 // a request was lost, or something failed
	exitUsage = 2
)

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 && args[0] == workerCommand {
		return work(ctx, args[1:], stderr)
	}
	var t trial
	fs := flag.NewFlagSet("handoverbench", flag.ContinueOnError)
	fs.SetOutput(stderr)
	engines := fs.String("engines", "nethttp,fasthttp,hertz,nbio,gnet", "engines, see benchctl list servers")
	fs.StringVar(&t.listen, "listen", "tcp:127.0.0.1:0", "socket to listen on: tcp:HOST:PORT or unix:PATH")
	times := fs.Int("times", 1, "how often each engine is tried")
	fs.IntVar(&t.restarts, "restarts", 50, "replacements of the worker under load")
	fs.IntVar(&t.requests, "requests", 200_000, "requests that must be answered meanwhile")
	fs.IntVar(&t.connections, "connections", 64, "connections under load, half GET, half POST")
	fs.IntVar(&t.resting, "resting", 0, "connections beside it that rest between requests")
	fs.IntVar(&t.workers, "workers", 1, "workers at a time")
	fs.IntVar(&t.crashEvery, "crash-every", 0, "every how manyth version ends before it is ready; 0: none")
	fs.DurationVar(&t.drain, "drain", 10*time.Second, "how long a worker may drain")
	switch err := fs.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitUsage
	case fs.NArg() > 0:
		fmt.Fprintf(stderr, "handoverbench: unknown argument %q\n", fs.Arg(0))
		return exitUsage
	}
	code := exitOK
	fmt.Fprint(stdout, tableHead)
	for _, engine := range strings.Split(*engines, ",") {
		t.engine = engine
		for range *times {
			r, err := t.run(ctx, stderr)
			fmt.Fprint(stdout, r.row())
			if err = errors.Join(err, r.tally.Err()); err != nil {
				fmt.Fprintf(stderr, "handoverbench: %s: %v\n", engine, err)
				code = exitLost
			}
		}
	}
	return code
}
