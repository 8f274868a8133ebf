package process_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/benchctl/benchctl/servers/process"
	"github.com/benchctl/benchctl/servers/process/bus"
)

// served is a server on a bus, one request of which is under way.
type served struct {
	bus      *bus.Bus
	release  chan struct{} // lets the request end
	answered chan string   // what came of it
}

func serve(t *testing.T, drain time.Duration) served {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := served{bus.New(nil), make(chan struct{}), make(chan string, 1)}
	came := make(chan struct{})
	h := &process.HTTP{Server: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(came)
		<-s.release
		fmt.Fprint(w, "done")
	})}, Listen: func() (net.Listener, error) { return ln, nil }, Drain: drain}
	h.Attach(s.bus)
	if err := s.bus.Publish(bus.Start).Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	go func() {
		reply, err := http.Get("http://" + ln.Addr().String())
		if err != nil {
			s.answered <- "cut off"
			return
		}
		defer reply.Body.Close()
		text, _ := io.ReadAll(reply.Body)
		s.answered <- string(text)
	}()
	<-came
	t.Cleanup(func() {
		s.bus.Publish(bus.ExitNow)
		s.bus.Wait()
	})
	return s
}

// A request under way is answered; the program exits then and not before.
func TestDrain(t *testing.T) {
	s := serve(t, time.Hour)
	s.bus.On(bus.Stop, bus.Listener{Name: "test", Run: func(context.Context) error { close(s.release); return nil }})
	s.bus.Publish(bus.Exit)
	if status := s.bus.Wait(); status != bus.StatusOK {
		t.Errorf("status %d", status)
	}
	if got := <-s.answered; got != "done" {
		t.Errorf("the request was %s", got)
	}
}

// What takes too long is cut off, and the status tells of it.
func TestDrainTooLong(t *testing.T) {
	s := serve(t, time.Millisecond)
	defer close(s.release)
	err := s.bus.Publish(bus.Exit).Wait(t.Context())
	if err == nil || err.Error() != "http: requests were under way after 1ms, and were cut off" {
		t.Error(err)
	}
	if status := s.bus.Wait(); status != bus.StatusFailed {
		t.Errorf("status %d", status)
	}
	if got := <-s.answered; got != "cut off" {
		t.Errorf("the request was %s", got)
	}
}

// Who wants the end now gets it, without a failure.
func TestDrainNow(t *testing.T) {
	s := serve(t, time.Hour)
	defer close(s.release)
	s.bus.Publish(bus.Exit)
	s.bus.Publish(bus.ExitNow)
	if status := s.bus.Wait(); status != bus.StatusOK {
		t.Errorf("status %d", status)
	}
	if got := <-s.answered; got != "cut off" {
		t.Errorf("the request was %s", got)
	}
}

// A server that breaks down ends the program.
func TestServerFails(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	b := bus.New(slog.New(slog.NewTextHandler(&log, nil)))
	(&process.HTTP{Server: &http.Server{}, Listen: func() (net.Listener, error) { return ln, nil }}).Attach(b)
	if err := b.Publish(bus.Start).Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	ln.Close()
	if status := b.Wait(); status != bus.StatusFailed || !strings.Contains(log.String(), "use of closed network connection") {
		t.Errorf("status %d, logged %s", status, log.String())
	}
}

// A start that fails later closes the socket.
func TestListenerIsClosed(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := bus.New(nil)
	(&process.HTTP{Server: &http.Server{}, Listen: func() (net.Listener, error) { return ln, nil }}).Attach(b)
	b.On(bus.Start, bus.Listener{Name: "other", Priority: bus.PriorityPrivileges, Run: func(context.Context) error { return errors.New("no") }})
	if err := b.Publish(bus.Start).Wait(t.Context()); err == nil || err.Error() != "other: no" {
		t.Error(err)
	}
	if _, err := ln.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener: %v", err)
	}
	b.Publish(bus.Exit)
	b.Wait()
}

// An http.Server serves once.
func TestNoSecondStart(t *testing.T) {
	s := serve(t, time.Hour)
	close(s.release)
	for _, e := range []bus.Event{bus.Stop, bus.Start} {
		if err := s.bus.Publish(e).Wait(t.Context()); (err != nil) != (e == bus.Start) {
			t.Errorf("%s: %v", e, err)
		}
	}
}

// A program exits when its context is done.
func TestContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var log bytes.Buffer
	program := process.Program{Log: slog.New(slog.NewTextHandler(&log, nil)), Plugins: []process.Plugin{plugin(func(b *bus.Bus) {
		b.On(bus.Start, bus.Listener{Name: "test", Run: func(context.Context) error { cancel(); return nil }})
	})}}
	if status := program.Run(ctx); status != bus.StatusOK && status != bus.StatusStartFailed {
		t.Errorf("status %d", status)
	}
}

// A start that fails is the status, and is logged once.
func TestStartFails(t *testing.T) {
	var log bytes.Buffer
	program := process.Program{Log: slog.New(slog.NewTextHandler(&log, nil)), Plugins: []process.Plugin{plugin(func(b *bus.Bus) {
		b.On(bus.Start, bus.Listener{Name: "test", Run: func(context.Context) error { return errors.New("no luck") }})
	})}}
	if status := program.Run(t.Context()); status != bus.StatusStartFailed || strings.Count(log.String(), "no luck") != 1 {
		t.Errorf("status %d, logged %s", status, log.String())
	}
}

// plugin is a function that subscribes.
type plugin func(*bus.Bus)

func (p plugin) Attach(b *bus.Bus) { p(b) }
