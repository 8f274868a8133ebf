package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/process/drain"
	"github.com/benchctl/benchctl/servers/process/handover"
	"github.com/benchctl/benchctl/servers/process/handover/handovertest"
)

// workerCommand is the first argument of a worker; the engine and every how manyth
// version is broken follow.
const workerCommand = "worker"

// work is the body of a worker. It returns the exit code.
func work(ctx context.Context, args []string, stderr io.Writer) int {
	if err := serve(ctx, args, stderr); err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	return 0
}

var errBroken = errors.New("this version is broken")

func serve(ctx context.Context, args []string, stderr io.Writer) error {
	if len(args) != 2 {
		return fmt.Errorf("worker: want an engine and a number, not %q", args)
	}
	engine, err := find(args[0])
	if err != nil {
		return err
	}
	crashEvery, err := strconv.Atoi(args[1])
	if err != nil {
		return fmt.Errorf("worker: %w", err)
	}
	w, err := handover.Inherit()
	switch {
	case err != nil:
		return err
	case w == nil:
		return errors.New("worker: no supervisor has started this process")
	case broken(w.Generation, crashEvery):
		return errBroken
	}
	return w.Serve(ctx, func(ctx context.Context, ln *drain.Listener) error {
		return engine(ctx, ln, app(w.Generation))
	})
}

// broken tells whether a version is.
func broken(generation, every int) bool { return every > 0 && generation%every == 0 }

func find(name string) (servers.Serve, error) {
	all, err := servers.All()
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(all, func(s servers.Server) bool { return s.Name == name && s.Engine != nil })
	if at < 0 {
		return nil, fmt.Errorf("no engine %q", name)
	}
	return all[at].Engine, nil
}

// app reads the whole request and answers with its id, and who answers.
func app(generation int) apps.App {
	return apps.Func(func(req apps.Request, res apps.Response) error {
		if _, err := io.Copy(io.Discard, req.Body()); err != nil {
			return err
		}
		res.SetHeader("Content-Type", apps.ContentTypeText)
		return res.Reply(200, []byte(handovertest.Answer(req.Header(handovertest.Header), generation, os.Getpid())))
	})
}
