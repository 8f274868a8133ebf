// Package company provides the clients beside a load, which are not counted: idle connections,
// and clients that read or send slowly.
package company

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/benchctl/benchctl/apps/http1"
	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/load/dial"
	"github.com/benchctl/benchctl/bench/load/wire"
	"github.com/benchctl/benchctl/scenarios"
)

// Intervals at which the slow clients read or send.
const (
	readBeat   = 50 * time.Millisecond
	headerBeat = 100 * time.Millisecond
)

// slowReply is the request of slow readers, to an app of the suite.
const slowReply = "/size?bytes=10000000"

// Company is the company of a load, there until Close: what its clients ask of a
// server, it has to do as well. The slow ones do
// something between Begin and End only, so that they do not disturb the slices of
// other candidates.
type Company struct {
	address string
	idle    []net.Conn
	active  atomic.Bool
	end     context.CancelFunc
	slow    sync.WaitGroup
}

// Open opens the connections of company. Target is what idle connections carry
// once; it fails when the server does not answer it.
func Open(ctx context.Context, address string, c scenarios.Company, target load.Target) (*Company, error) {
	a := &Company{address: address, idle: make([]net.Conn, c.Idle)}
	if err := a.rest(ctx, target); err != nil {
		a.Close()
		return nil, fmt.Errorf("open %d idle connections: %w", c.Idle, err)
	}
	running, end := context.WithCancel(context.WithoutCancel(ctx))
	a.end = end
	for range c.SlowReaders {
		a.slow.Go(func() { a.again(running, a.readSlowly) })
	}
	for range c.SlowHeaders {
		a.slow.Go(func() { a.again(running, a.sendSlowly) })
	}
	return a, nil
}

// rest opens the idle connections and makes each carry one request.
func (a *Company) rest(ctx context.Context, target load.Target) error {
	requests, err := wire.Encode(load.Config{Address: a.address, Targets: []load.Target{target}})
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(64)
	for i := range a.idle {
		group.Go(func() (err error) {
			a.idle[i], err = restingConn(ctx, a.address, requests[0])
			return err
		})
	}
	return group.Wait()
}

func restingConn(ctx context.Context, address string, r wire.Request) (net.Conn, error) {
	d := net.Dialer{Timeout: 10 * time.Second, KeepAlive: -1}
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if err := carry(conn, &r); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, conn.SetDeadline(time.Time{})
}

// carry makes conn carry one request and the whole reply.
func carry(conn net.Conn, r *wire.Request) error {
	if _, err := conn.Write(r.Bytes); err != nil {
		return err
	}
	var x wire.Exchange
	x.Begin(r, 0, 0)
	for buffer := make([]byte, 4<<10); !x.Reply.Whole(); {
		n, err := conn.Read(buffer)
		rest, f := x.Take(buffer[:n])
		switch {
		case f != nil:
			return f
		case len(rest) > 0:
			return http1.Trailing.In(rest)
		case errors.Is(err, io.EOF) && !x.Reply.End():
			return x.Reply.Cut()
		case err != nil && !errors.Is(err, io.EOF):
			return err
		}
	}
	return nil
}

// Idle returns how many of the idle connections the server has kept open.
func (a *Company) Idle() int {
	n := 0
	for _, conn := range a.idle {
		if conn != nil && dial.Quiet(conn) {
			n++
		}
	}
	return n
}

// Begin lets the slow clients work, until End.
func (a *Company) Begin() { a.active.Store(true) }

// End pauses the slow clients.
func (a *Company) End() { a.active.Store(false) }

// Close closes all connections.
func (a *Company) Close() {
	if a.end != nil {
		a.end()
	}
	for _, conn := range a.idle {
		if conn != nil {
			conn.Close()
		}
	}
	a.slow.Wait()
}

// again restarts a slow client whenever its connection ends.
func (a *Company) again(ctx context.Context, client func(context.Context, net.Conn) error) {
	d := net.Dialer{Timeout: 10 * time.Second, KeepAlive: -1}
	for a.beat(ctx, dial.Backoff) {
		conn, err := d.DialContext(ctx, "tcp", a.address)
		if err != nil {
			continue
		}
		stop := context.AfterFunc(ctx, func() { conn.Close() })
		_ = client(ctx, conn)
		stop()
		conn.Close()
	}
}

// beat waits for d, and until the company is active. It returns false when ctx
// has ended.
func (a *Company) beat(ctx context.Context, d time.Duration) bool {
	for {
		if !dial.Pause(ctx, d) {
			return false
		}
		if a.active.Load() {
			return true
		}
	}
}

// readSlowly requests a large reply and reads a little of it at each beat. Its
// socket buffer is small, so that the server must keep the rest.
func (a *Company) readSlowly(ctx context.Context, conn net.Conn) error {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetReadBuffer(4 << 10)
	}
	if _, err := io.WriteString(conn, "GET "+slowReply+" HTTP/1.1\r\nHost: "+a.address+"\r\n\r\n"); err != nil {
		return err
	}
	for a.beat(ctx, readBeat) {
		if _, err := io.CopyN(io.Discard, conn, 1<<10); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// sendSlowly sends a request whose header has no end, a byte at each beat.
func (a *Company) sendSlowly(ctx context.Context, conn net.Conn) error {
	text := "GET /hello HTTP/1.1\r\nHost: " + a.address + "\r\n"
	field := "X-Slow: " + strings.Repeat("a", 50) + "\r\n"
	for {
		for _, b := range []byte(text) {
			if !a.beat(ctx, headerBeat) {
				return ctx.Err()
			}
			if _, err := conn.Write([]byte{b}); err != nil {
				return err
			}
		}
		text = field
	}
}
