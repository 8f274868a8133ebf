// Package raw is the engine Raw, an event loop that uses a fraction of the CPU time of an HTTP
// client. Requests are encoded once, and replies pass a validating parser.
//
// On Linux, a thread for each processor waits by epoll for the events of its share of the
// connections. On other systems, each connection has a goroutine over package net. Both loops,
// their connections and their system calls are one package, because they access each other's
// fields for each request.
package raw

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/load/tally"
	"github.com/benchctl/benchctl/bench/load/wire"
)

const (
	// openPatience and slicePatience limit how long open connections wait while others are
	// being opened.
	openPatience  = time.Second
	slicePatience = 50 * time.Millisecond
)

// setup is the state that every loop of a session requires.
type setup struct {
	load.Config
	requests []wire.Request
	order    []int            // their indices as they are taken, over and over
	last     int32            // the reply after which a connection is replaced; 0: none
	base     time.Time        // zero of the session's clock
	wall     func() time.Time // the wall clock
	open     bool             // requests are sent at intended times
}

// lastReply is setup.last.
func lastReply(c load.Config) int32 {
	if c.Close {
		return 1
	}
	return int32(min(c.Requests, math.MaxInt32))
}

// now is the session's clock. It reads the monotonic clock only.
func (s *setup) now() time.Duration { return time.Since(s.base) }

// loop drives the connections of a raw session. All loops send the same bytes and count
// in the same way.
type loop interface {
	// ready resets the tallies, finds the connections that the server closed, and
	// opens all that are not open. It returns the error of the last one that it could
	// not open. Once one is open, it waits no longer than patience: a server that
	// serves one connection at a time accepts the others only under load on that one.
	ready(ctx context.Context, patience time.Duration) error
	// run drives load until s.To or the end of ctx and drains the replies.
	run(ctx context.Context, s tally.Span) []*tally.Tally
	close() error
}

// session is that of the engine Raw.
type session struct {
	setup *setup
	loop  loop
}

// Open opens a session with all its connections, on the loop that costs least on this system.
// It fails if the server does not accept them. c must be complete and checked.
func Open(ctx context.Context, c load.Config) (load.Session, error) { return open(ctx, c, newLoop) }

// OpenSync is Open with the loop over package net, which works on every system. Open uses it
// where there is no other.
func OpenSync(ctx context.Context, c load.Config) (load.Session, error) {
	return open(ctx, c, newSyncLoop)
}

// Check refuses what the engine does not offer.
func Check(c load.Config) error {
	if c.H2C {
		return fmt.Errorf("engine %s does not offer HTTP/2", load.Raw)
	}
	return nil
}

func open(ctx context.Context, c load.Config, newLoop func(*setup) (loop, error)) (load.Session, error) {
	requests, err := wire.Encode(c)
	if err != nil {
		return nil, err
	}
	turns, err := wire.Order(c.Targets)
	if err != nil {
		return nil, err
	}
	s := &setup{Config: c, requests: requests, order: turns, last: lastReply(c), base: time.Now(), wall: time.Now, open: c.Paced()}
	for i := range s.requests {
		if r := &s.requests[i]; c.FirstByte || r.Want.Spread > 0 {
			r.Now = s.now
		}
	}
	l, err := newLoop(s)
	if err != nil {
		return nil, err
	}
	if err := l.ready(ctx, openPatience); err != nil {
		l.close()
		return nil, fmt.Errorf("open %d connections: %w", c.Connections, err)
	}
	return &session{s, l}, nil
}

func (r *session) Slice(ctx context.Context, w load.Window) (*load.Result, error) {
	// A connection that cannot be opened is counted, and tried again in the slice.
	_ = r.loop.ready(ctx, slicePatience)
	if w.Pacer != nil {
		r.setup.Pacer = w.Pacer
	}
	s := tally.NewSpan(r.setup.now(), r.setup.wall(), w, r.setup.Config, r.setup.open)
	ended := tally.Watch(ctx, r.setup.now)
	tallies := r.loop.run(ctx, s)
	return tally.Result(s, ended(s.To), tallies), ctx.Err()
}

func (r *session) Close() error { return r.loop.close() }
