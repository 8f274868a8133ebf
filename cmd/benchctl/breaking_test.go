package main

import (
	"context"
	"errors"
	"flag"
	"os"
	"os/signal"
	"syscall"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/engine/nethttp"
	"github.com/benchctl/benchctl/servers/process/drain"
)

// breaking is the variable that makes "serve" an engine, or its apps, that break a duty.
const breaking = "BENCHCTL_TEST_BREAKS"

// serveBreaking is "serve --server S --listener-fd N --lint FILE" with net/http, where a duty is broken.
func serveBreaking(mode string, args []string) {
	fs := flag.NewFlagSet("serve", flag.ExitOnError)
	_ = fs.String("server", "", "")
	fd, record := fs.Int("listener-fd", 0, ""), fs.String("lint", "", "")
	fails(fs.Parse(args))
	ln, err := servers.Listener(*fd)
	fails(err)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	app := suite.Mux()
	if mode == "answers-twice" {
		app = answersTwice{app.(startStopper)}
	}
	app, done, err := linted(app, *record)
	fails(err)
	fails(app.(apps.Starter).Start(ctx))
	fails(nethttp.Serve(ctx, drain.New(ln), apps.Func(func(req apps.Request, res apps.Response) error {
		if mode == "closes-twice" {
			res = closesTwice{res}
		}
		return app.Serve(req, res)
	})))
	fails(errors.Join(app.(apps.Stopper).Stop(context.WithoutCancel(ctx)), done()))
	os.Exit(0)
}

type startStopper interface {
	apps.App
	apps.Starter
	apps.Stopper
}

// answersTwice is an app that breaks A2.
type answersTwice struct{ startStopper }

func (a answersTwice) Serve(req apps.Request, res apps.Response) error {
	err := a.startStopper.Serve(req, res)
	_ = res.Reply(200, nil)
	return err
}

// closesTwice is a server that breaks S6.
type closesTwice struct{ apps.Response }

func (r closesTwice) Stream(status int, body apps.Body) error {
	return r.Response.Stream(status, closedTwice{body})
}

type closedTwice struct{ apps.Body }

func (b closedTwice) Close() error { return errors.Join(b.Body.Close(), b.Body.Close()) }
