// Package gnet serves apps with github.com/panjf2000/gnet, event loops for TCP without
// HTTP, and with this package's own HTTP/1.1 codec. It shows what an engine can leave
// out. It passes the gate, and is in class stripped for these limits:
//
//   - Apps run on the event loops: an app that waits delays the other connections of its
//     loop. Each stream has a goroutine, and delays none.
//   - A request's body is kept whole, up to 64 MiB, before the app is called.
//   - gnet itself treats a client that closes its sending side as gone: the client gets
//     what was written and no more of a stream.
//   - There are no timeouts: a silent connection stays open.
//
// gnet can't take over a listening socket. Connections are accepted by package net
// and handed over one by one, so connections that carry one request each cost more
// here than they do in gnet's own way.
package gnet

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"sync"
	"time"

	"github.com/panjf2000/gnet/v2"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/adapter"
	"github.com/benchctl/benchctl/servers/process/drain"
)

// lingering is how long a connection is still read from after its last reply, so
// that what the client is sending does not reset it before it has read that.
const lingering = 500 * time.Millisecond

// stopTime is how long the engine may take to end without requests in flight.
const stopTime = time.Second

// Serve serves app on ln until ctx ends, then stops gracefully: ln is closed,
// requests in flight are finished, then all connections are closed. After
// adapter.Grace what remains is cut, and an error says how much that was.
func Serve(ctx context.Context, ln *drain.Listener, app apps.App) error {
	return (&engine{app: app, ln: ln, serve: (*conn).serve}).run(ctx)
}

func (e *engine) run(ctx context.Context) error {
	base, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	e.base, e.flights = base, adapter.NewFlights()
	loops, err := gnet.NewClient(e, gnet.WithMulticore(true), gnet.WithLogger(quiet{}))
	if err != nil {
		return fmt.Errorf("gnet: %w", err)
	}
	if err := loops.Start(); err != nil {
		return fmt.Errorf("gnet: start: %w", err)
	}
	accepted := make(chan error, 1)
	go func() { accepted <- accept(e.ln, loops) }()
	select {
	case err = <-accepted:
		err = fmt.Errorf("gnet serve %s: %w", e.ln.Addr(), err)
	case <-ctx.Done():
	}
	e.ln.Close()
	grace, cancel := context.WithTimeout(base, adapter.Grace)
	defer cancel()
	cutOff := e.flights.Drain(grace) + e.flush(grace)
	cut()
	if cutOff > 0 {
		err = errors.Join(err, adapter.CutError("gnet", cutOff))
	}
	return errors.Join(err, e.stop(loops))
}

// accept hands connections over until ln is closed.
func accept(ln *drain.Listener, loops *gnet.Client) error {
	for {
		conn, err := ln.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case err != nil:
			return err
		}
		if _, err := loops.Enroll(conn); err != nil {
			conn.Close()
			ln.Closed()
		}
	}
}

// engine handles the events of all connections.
type engine struct {
	gnet.BuiltinEventEngine
	app     apps.App
	serve   func(*conn) (last bool) // answers the request of a connection
	ln      *drain.Listener
	base    context.Context
	flights *adapter.Flights
	open    sync.Map // *conn to nothing

	mu      sync.RWMutex // of stopped
	stopped bool
}

// trigger calls f, which gives the event loops a task, unless they are being
// stopped: a task for one that has ended would be written to a file descriptor that
// may be another's by then.
func (e *engine) trigger(f func() error) error {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if e.stopped {
		return net.ErrClosed
	}
	return f()
}

// flush waits until all that was written has been sent, and returns the number of
// connections where it was not before ctx ended.
func (e *engine) flush(ctx context.Context) (unsent int) {
	e.open.Range(func(x, _ any) bool {
		if !x.(*conn).sent(ctx, 0) && ctx.Err() != nil {
			unsent++
		}
		return true
	})
	return unsent
}

// stop closes all connections and ends the loops. The engine has no bound of its own
// for this, and would wait for an app that does not return.
func (e *engine) stop(loops *gnet.Client) error {
	e.mu.Lock()
	e.stopped = true
	e.mu.Unlock()
	done := make(chan struct{})
	go func() {
		_ = loops.Stop() // what is left to fail is closed anyway
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-time.After(stopTime):
		return fmt.Errorf("gnet stop: engine still runs after %v", stopTime)
	}
}

// OnOpen implements gnet.EventHandler.
func (e *engine) OnOpen(c gnet.Conn) ([]byte, gnet.Action) {
	x := &conn{engine: e, c: c, peer: adapter.Peer(c.RemoteAddr()), gone: make(chan struct{})}
	x.Base = e.base
	c.SetContext(x)
	e.open.Store(x, nil)
	return nil, gnet.None
}

// OnTraffic implements gnet.EventHandler.
func (e *engine) OnTraffic(c gnet.Conn) gnet.Action {
	x, ok := c.Context().(*conn)
	if !ok {
		return gnet.Close
	}
	return x.advance()
}

// OnClose implements gnet.EventHandler.
func (e *engine) OnClose(c gnet.Conn, _ error) gnet.Action {
	if x, ok := c.Context().(*conn); ok {
		e.open.Delete(x)
		x.closed = true
		close(x.gone)
		e.ln.Closed()
	}
	return gnet.None
}

// quiet discards the engine's log, which would report each start.
type quiet struct{}

func (quiet) Debugf(string, ...any)             {}
func (quiet) Infof(string, ...any)              {}
func (quiet) Warnf(string, ...any)              {}
func (quiet) Errorf(format string, args ...any) { log.Printf("gnet: "+format, args...) }
func (quiet) Fatalf(format string, args ...any) { log.Fatalf("gnet: "+format, args...) }
