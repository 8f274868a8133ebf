package drain

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Config says how a server is let go. The zero value does not wait for connections.
type Config struct {
	// Limit is how long connections may take to end by themselves. Those that are left
	// are ended by the server's shutdown: who sends a request on one of them just then
	// loses it. They have been idle all that time, or are still answered.
	Limit time.Duration
	// Ready, if not nil, is called once the server accepts. If it fails, the server is
	// stopped.
	Ready func() error
	// Open, if not nil, is told the number of open connections while they end.
	Open func(n int)
}

// Serve serves on ln until ctx ends, and then shuts down: it finishes requests in flight
// and closes all other connections. Meanwhile it calls ln.Closed for each connection that
// ends and has replies end theirs while ln.Draining.
type Serve func(ctx context.Context, ln *Listener) error

// Run serves on each of the listeners until ctx ends, drains them, and shuts down. It
// returns when no server runs any more. A server that fails stops the others.
func Run(ctx context.Context, c Config, serve Serve, listeners ...*Listener) error {
	stopped, shutDown := context.WithCancel(context.WithoutCancel(ctx))
	defer shutDown()
	ended := make(chan error, len(listeners))
	for _, ln := range listeners {
		go func() { ended <- serve(stopped, ln) }()
	}
	first, err := c.await(ctx, ended, listeners)
	if !first {
		c.drain(ctx, listeners)
	}
	shutDown()
	left := len(listeners)
	if first {
		left--
	}
	for range left {
		err = errors.Join(err, <-ended)
	}
	return err
}

// await waits until ctx ends or there is no going on, and tells whether a server has
// ended.
func (c Config) await(ctx context.Context, ended <-chan error, listeners []*Listener) (first bool, err error) {
	for _, ln := range listeners {
		select {
		case <-ln.Accepting():
		case err := <-ended:
			return true, err
		case <-ctx.Done():
			return false, nil
		}
	}
	if c.Ready != nil {
		if err := c.Ready(); err != nil {
			return false, err
		}
	}
	select {
	case err := <-ended:
		return true, err
	case <-ctx.Done():
		return false, nil
	}
}

// drain stops the listeners and waits for their connections.
func (c Config) drain(ctx context.Context, listeners []*Listener) {
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.Limit)
	defer cancel()
	for _, ln := range listeners {
		_ = ln.Stop() // a failure to close leaves nothing to be done
	}
	tell := func(int) {}
	if c.Open != nil {
		var one sync.Mutex
		tell = func(int) {
			one.Lock()
			defer one.Unlock()
			n := 0
			for _, ln := range listeners {
				n += ln.Open()
			}
			c.Open(n)
		}
	}
	var all sync.WaitGroup
	for _, ln := range listeners {
		all.Go(func() { ln.Wait(limit, tell) })
	}
	all.Wait()
}
