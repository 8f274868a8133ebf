package load

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/benchctl/benchctl/apps/http1"
)

// dialer opens connections to one address and can cut all of them. Some may be
// opened in advance.
type dialer struct {
	address string
	timeout time.Duration
	closes  atomic.Uint64 // connections closed, but by cut
	isCut   atomic.Bool   // cut was called since restore

	mu    sync.Mutex
	open  map[*tracked]bool
	spare []*tracked // opened in advance, not used yet
}

func newDialer(c Config) *dialer {
	return &dialer{address: c.Address, timeout: c.Timeout, open: map[*tracked]bool{}}
}

// tracked is a connection its dialer knows while it is open.
type tracked struct {
	net.Conn
	dialer *dialer
	slice  int // of the witness, in which it carried a request last
}

func (t *tracked) Close() error {
	t.dialer.mu.Lock()
	if t.dialer.open[t] {
		delete(t.dialer.open, t)
		t.dialer.closes.Add(1)
	}
	t.dialer.mu.Unlock()
	return t.Conn.Close()
}

// fill opens n connections in advance.
func (d *dialer) fill(ctx context.Context, n int) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(64)
	for range n {
		g.Go(func() error {
			c, err := d.connect(ctx)
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

// dial gives a spare connection if there is one, or opens one. It takes its time
// to fail, so that a dead server does not make the loader spin.
func (d *dialer) dial(ctx context.Context) (*tracked, error) {
	for c := d.takeSpare(); c != nil; c = d.takeSpare() {
		if quiet(c.Conn) {
			return c, nil
		}
		c.Close()
	}
	c, err := d.connect(ctx)
	if err != nil {
		pause(ctx, backoff)
		return nil, err
	}
	return c, nil
}

func (d *dialer) takeSpare() *tracked {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.spare) == 0 {
		return nil
	}
	c := d.spare[len(d.spare)-1]
	d.spare = d.spare[:len(d.spare)-1]
	return c
}

func (d *dialer) connect(ctx context.Context) (*tracked, error) {
	n := net.Dialer{Timeout: d.timeout, KeepAlive: -1}
	c, err := n.DialContext(ctx, "tcp", d.address)
	if err != nil {
		return nil, err
	}
	t := &tracked{Conn: c, dialer: d}
	d.mu.Lock()
	d.open[t] = true
	d.mu.Unlock()
	return t, nil
}

// cut closes all connections, whatever is in flight on them.
func (d *dialer) cut() {
	d.isCut.Store(true)
	d.mu.Lock()
	defer d.mu.Unlock()
	for t := range d.open {
		t.Conn.Close()
	}
	clear(d.open)
	d.spare = nil
}

// restore lets what happens from now on be nothing that cut has done, and tells
// whether it was called before.
func (d *dialer) restore() (wasCut bool) { return d.isCut.Swap(false) }

// pause waits for d, or returns false when ctx ends before.
func pause(ctx context.Context, d time.Duration) bool {
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

// faultOf tells what an error of package net or net/http means for the request.
// What no connection or clock is to blame for is the reply's fault.
func faultOf(err error) *fault {
	var op *net.OpError
	var timeout interface{ Timeout() bool }
	switch {
	case errors.As(err, &op) && op.Op == "dial":
		return connectFault(root(op))
	case errors.As(err, &timeout) && timeout.Timeout(), err.Error() == "net/http: request canceled":
		// Nothing else cancels a request, and its error is not exported.
		return faultTimeout
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return faultReset
	case isEnd(err):
		return http1.Cut
	}
	return &fault{Kind: ErrMalformed, Cause: root(err).Error()}
}

// root is the innermost error, without the addresses that make each one differ.
func root(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
