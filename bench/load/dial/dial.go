// Package dial opens connections of package net to one server, for callers without an event
// loop. It can open some in advance and cut all of them at once.
package dial

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// Backoff is the pause before a connection that failed is tried again, so that a dead
// server does not make the loader spin.
const Backoff = 10 * time.Millisecond

// Dialer opens connections to one address and can cut all of them. Some may be
// opened in advance.
type Dialer struct {
	address string
	timeout time.Duration
	closes  atomic.Uint64 // connections closed, but by Cut
	isCut   atomic.Bool   // Cut was called since Restore

	mu    sync.Mutex
	open  map[*Conn]bool
	spare []*Conn // opened in advance, not used yet
}

// New returns a Dialer that gives up on a connection after the timeout.
func New(address string, timeout time.Duration) *Dialer {
	return &Dialer{address: address, timeout: timeout, open: map[*Conn]bool{}}
}

// Conn is a connection that its Dialer tracks while it is open.
type Conn struct {
	net.Conn
	dialer *Dialer
	Slice  int // in which it carried a request last, as its user counts them
}

// Close closes the connection, and counts it in Dialer.Closed.
func (t *Conn) Close() error {
	t.dialer.mu.Lock()
	if t.dialer.open[t] {
		delete(t.dialer.open, t)
		t.dialer.closes.Add(1)
	}
	t.dialer.mu.Unlock()
	return t.Conn.Close()
}

// Fill opens n connections in advance.
func (d *Dialer) Fill(ctx context.Context, n int) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(64)
	for range n {
		g.Go(func() error {
			c, err := d.Connect(ctx)
			if err != nil {
				return err
			}
			d.mu.Lock()
			d.spare = append(d.spare, c)
			d.mu.Unlock()
			return nil
		})
	}
	return g.Wait()
}

// Dial returns a spare connection if there is one, or opens one. It fails only after
// a pause, so that a dead server does not make the loader spin.
func (d *Dialer) Dial(ctx context.Context) (*Conn, error) {
	for c := d.takeSpare(); c != nil; c = d.takeSpare() {
		if Quiet(c.Conn) {
			return c, nil
		}
		c.Close()
	}
	c, err := d.Connect(ctx)
	if err != nil {
		Pause(ctx, Backoff)
		return nil, err
	}
	return c, nil
}

func (d *Dialer) takeSpare() *Conn {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.spare) == 0 {
		return nil
	}
	c := d.spare[len(d.spare)-1]
	d.spare = d.spare[:len(d.spare)-1]
	return c
}

// Connect opens a connection, or fails at once.
func (d *Dialer) Connect(ctx context.Context) (*Conn, error) {
	n := net.Dialer{Timeout: d.timeout, KeepAlive: -1}
	c, err := n.DialContext(ctx, "tcp", d.address)
	if err != nil {
		return nil, err
	}
	t := &Conn{Conn: c, dialer: d}
	d.mu.Lock()
	d.open[t] = true
	d.mu.Unlock()
	return t, nil
}

// Cut closes all connections, whatever is in flight on them.
func (d *Dialer) Cut() {
	d.isCut.Store(true)
	d.mu.Lock()
	defer d.mu.Unlock()
	for t := range d.open {
		t.Conn.Close()
	}
	clear(d.open)
	d.spare = nil
}

// Restore ends the state that IsCut reports, and returns whether Cut was called
// before.
func (d *Dialer) Restore() (wasCut bool) { return d.isCut.Swap(false) }

// IsCut reports whether Cut may have caused an error that occurs now.
func (d *Dialer) IsCut() bool { return d.isCut.Load() }

// Closed returns how many connections were closed, other than by Cut, since the last call.
func (d *Dialer) Closed() uint64 { return d.closes.Swap(0) }

// CutAfter calls Cut when grace has passed since ctx ended, unless stop is called first.
// Once stop has returned Cut is not running.
func (d *Dialer) CutAfter(ctx context.Context, grace time.Duration) (stop func()) {
	over, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-over:
			return
		case <-ctx.Done():
		}
		t := time.NewTimer(grace)
		defer t.Stop()
		select {
		case <-over:
		case <-t.C:
			d.Cut()
		}
	}()
	return func() { close(over); <-done }
}

// Pause waits for d, or returns false when ctx ends before.
func Pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
