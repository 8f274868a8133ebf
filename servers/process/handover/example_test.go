package handover_test

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"github.com/benchctl/benchctl/servers/process/drain"
	"github.com/benchctl/benchctl/servers/process/handover"
	"github.com/benchctl/benchctl/servers/process/listen"
)

// A program that replaces its workers by what its file has become at each SIGHUP.
func Example() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	worker, err := handover.Inherit()
	switch {
	case err != nil:
		return err
	case worker != nil:
		return worker.Serve(ctx, drain.HTTP(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintln(w, "generation", worker.Generation)
		})))
	}
	listeners, err := listen.Open(ctx, listen.Options{}, "tcp:127.0.0.1:8080")
	if err != nil {
		return err
	}
	s, err := handover.Start(handover.Config{Listeners: []net.Listener{listeners[0]}, Workers: 2})
	if err != nil {
		return err
	}
	if err := s.Ready(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)
	for {
		select {
		case <-reload:
			if err := s.Replace(ctx); err != nil {
				log.Print(err) // the old workers serve on
			}
		case <-ctx.Done():
			listeners[0].Close() // first, so that no client waits for a worker that does not come
			return s.Stop(context.WithoutCancel(ctx))
		case <-s.Done():
			return s.Err()
		}
	}
}
