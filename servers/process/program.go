// Package process gives an ordinary server all that a process needs besides serving: it
// starts or undoes its start, stops when it is asked to, reloads, goes into the background,
// has a pidfile, drops privileges, tells its service manager, and its exit status is true.
//
// A Program is a list of plugins that live by one bus (package bus): each subscribes to the
// events that concern it. The plugins of the packages below this one are ready to use, and
// a program adds its own by the same small interface. Nothing of the benchmark is imported.
package process

import (
	"context"
	"errors"
	"log/slog"
	"os"

	"github.com/benchctl/benchctl/servers/process/bus"
	"github.com/benchctl/benchctl/servers/process/daemon"
)

// Plugin is a part of a program that lives by the events of its bus.
type Plugin = bus.Plugin

// Program is a server as a process. The zero value is one that does nothing until it is told
// to exit.
type Program struct {
	Plugins    []Plugin       // those of the same priority start in this order
	Background bool           // to run as a daemon
	Daemon     daemon.Options // of a program in the background
	Log        *slog.Logger   // nil logs to standard error, as text
}

// Run runs the program until it exits, and returns its exit status: one of the bus package's,
// or that of a daemon that did not start. It exits by an event, or when ctx is done. It is to
// be called once in a process, as the last thing of main.
//
// In the background, it runs in two processes: the one that the user started returns as soon as
// the other is ready or has failed.
func (p Program) Run(ctx context.Context) (status int) {
	log := p.Log
	if log == nil {
		log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	background, err := daemon.Enter()
	if err != nil {
		log.Error("start", "error", err)
		return bus.StatusStartFailed
	}
	if p.Background && background == nil {
		return p.launch(ctx, log)
	}
	b := bus.New(log)
	for _, plugin := range append(p.Plugins[:len(p.Plugins):len(p.Plugins)], background) {
		plugin.Attach(b)
	}
	defer context.AfterFunc(ctx, func() { b.Publish(bus.Exit) })()
	if b.Publish(bus.Start).Wait(context.Background()) != nil { // it is logged
		b.Publish(bus.Exit)
	}
	return b.Wait()
}

// launch is Run in the process that the user started.
func (p Program) launch(ctx context.Context, log *slog.Logger) (status int) {
	_, err := daemon.Launch(ctx, p.Daemon, os.Stderr)
	if err == nil {
		return bus.StatusOK
	}
	log.Error("start", "error", err)
	var exit *daemon.ExitError
	if errors.As(err, &exit) {
		return exit.Code()
	}
	return bus.StatusStartFailed
}
