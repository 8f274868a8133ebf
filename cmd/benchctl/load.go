package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/benchctl/benchctl/bench/harness"
	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/report/text"
)

// loadFlags are the flags of "benchctl load".
type loadFlags struct {
	harness.LoadRequest
	json bool
}

func loadCommand(e env) *cobra.Command {
	var f loadFlags
	cmd := &cobra.Command{
		Use:     "load URL",
		Short:   "Drive load at one URL and report the replies",
		Example: "  benchctl load http://127.0.0.1:8080/hello -c 64 -d 10s\n  benchctl load http://127.0.0.1:8080/hello -c 64 --rate 1000 --poisson\n  benchctl load http://127.0.0.1:8080/echo --body-file photo.jpg --chunked --header 'X-Test: 1'",
		Args:    takes("the URL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.URL = args[0]
			return e.load(cmd.Context(), f)
		},
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	fs.IntVarP(&f.Offer.Connections, "connections", "c", 64, "connections")
	fs.DurationVarP(&f.Duration, "duration", "d", 10*time.Second, "how long")
	fs.Float64Var(&f.Offer.Rate, "rate", 0, "requests per second at a constant pace (default: each connection as fast as it can)")
	fs.BoolVar(&f.Poisson, "poisson", false, "with --rate: random arrivals, independent of each other, at the same times in every run")
	fs.IntVar(&f.Offer.Pipeline, "pipeline", 1, "requests in flight on each connection; engine raw only, without --rate")
	fs.IntVar(&f.Offer.Requests, "requests", 0, "replies that a connection carries before it is replaced (default any number); engine raw only")
	fs.BoolVar(&f.Offer.Close, "close", false, "send Connection: close, with a connection for each request")
	fs.StringVar(&f.Method, "method", "", "request method (default GET, with a body POST)")
	fs.StringArrayVar(&f.Headers, "header", nil, "header field to send, 'Name: value'; may be repeated")
	fs.StringVar(&f.Body, "body", "", "body to send")
	fs.StringVar(&f.BodyFile, "body-file", "", "file with the body to send")
	fs.BoolVar(&f.Chunked, "chunked", false, "send the body in chunks")
	fs.Int64Var(&f.ExpectLength, "expect-length", -1, "bytes in the body of a correct reply; -1 accepts any number")
	fs.StringVar(&f.Offer.Engine, "engine", load.Raw, "load engine: raw or vegeta")
	fs.DurationVar(&f.Offer.Timeout, "timeout", 10*time.Second, "for one reply")
	fs.StringVar(&f.Poll, "poll", harness.AutoPoll, "poll for replies for this time before sleeping, such as 100us; 0: sleep at once; auto: poll as a run does if the server has other processors than benchctl; engine raw on Linux only")
	fs.BoolVar(&f.json, "json", false, "print JSON")
	fs.BoolVar(&f.AllowRemote, "allow-remote", false, "allow a target that is not a loopback address; use it only for servers of your own")
	return cmd
}

func (e env) load(ctx context.Context, f loadFlags) error {
	told, err := f.Run(ctx)
	if told == nil {
		return failed(err)
	}
	if f.json {
		if err := e.printJSON(told); err != nil {
			return err
		}
	} else if err := text.Load(e.stdout, *told, e.width); err != nil {
		return unable(err)
	}
	switch {
	case err != nil:
		return interrupted("load", err)
	case told.Errors[load.ErrLoader] > 0:
		return &failure{code: exitEnvironment}
	case told.Failed():
		return &failure{code: exitFound}
	}
	return nil
}
