package load

import (
	"context"
	"fmt"
	"math"
	"time"
)

const (
	// backoff is the pause before a connection that failed is tried again, so
	// that a dead server does not make the loader spin.
	backoff = 10 * time.Millisecond
	// openPatience and slicePatience are how long the opening of connections may keep
	// those waiting that are open already.
	openPatience  = time.Second
	slicePatience = 50 * time.Millisecond
	// grace is how long replies are waited for once the context has ended.
	grace = time.Second
)

// setup is what every loop of a session needs.
type setup struct {
	Config
	requests []request
	order    []int            // their indices as they are taken, over and over
	last     int32            // the reply after which a connection is replaced; 0: none
	base     time.Time        // zero of the session's clock
	wall     func() time.Time // the wall clock
	open     bool             // requests are sent at intended times
}

// lastReply is setup.last.
func lastReply(c Config) int32 {
	if c.Close {
		return 1
	}
	return int32(min(c.Requests, math.MaxInt32))
}

// now is the session's clock. It reads the monotonic clock only.
func (s *setup) now() time.Duration { return time.Since(s.base) }

// loop drives the connections of a raw session. How is up to it; what goes over
// a connection and how it is counted is the same for all.
type loop interface {
	// ready resets the tallies, finds the connections that the server closed
	// meanwhile, and opens all that are not open. It returns why the last of those
	// that it could not open failed. It waits no longer than patience once one is
	// open: a server that serves one connection at a time takes the others only when
	// there is load on that one.
	ready(ctx context.Context, patience time.Duration) error
	// run drives load until s.to or the end of ctx and drains the replies.
	run(ctx context.Context, s span) []*tally
	close() error
}

// raw is the session of the engine Raw.
type raw struct {
	setup *setup
	loop  loop
}

func openRaw(ctx context.Context, c Config) (Session, error) { return openLoop(ctx, c, newLoop) }

func openLoop(ctx context.Context, c Config, newLoop func(*setup) (loop, error)) (Session, error) {
	requests, err := encode(c)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", c.Address, err)
	}
	turns, err := order(c.Targets)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", c.Address, err)
	}
	s := &setup{Config: c, requests: requests, order: turns, last: lastReply(c), base: time.Now(), wall: time.Now, open: !closedLoop(c.Pacer)}
	for i := range s.requests {
		if r := &s.requests[i]; c.FirstByte || r.want.Spread > 0 {
			r.now = s.now
		}
	}
	l, err := newLoop(s)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", c.Address, err)
	}
	if err := l.ready(ctx, openPatience); err != nil {
		l.close()
		return nil, fmt.Errorf("load %s: open %d connections: %w", c.Address, c.Connections, err)
	}
	return &raw{s, l}, nil
}

func (r *raw) Slice(ctx context.Context, w Window) (*Result, error) {
	// A connection that cannot be opened is counted, and tried again in the slice.
	_ = r.loop.ready(ctx, slicePatience)
	if w.Pacer != nil {
		r.setup.Pacer = w.Pacer
	}
	s := newSpan(r.setup.now(), r.setup.wall(), w, r.setup.Config, r.setup.open)
	ended := watch(ctx, r.setup.now)
	tallies := r.loop.run(ctx, s)
	return result(s, ended(s.to), tallies), ctx.Err()
}

func (r *raw) Close() error { return r.loop.close() }
