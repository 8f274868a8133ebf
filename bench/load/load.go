// Package load says what load is driven at one server, and what came back: what a Session
// is given, and the Result of each of its slices. Package engine opens sessions.
//
// A Session holds its connections between slices, so that candidates measured in
// alternation are warm when their turn comes and idle when it does not.
package load

import (
	"cmp"
	"context"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/benchctl/benchctl/scenarios"
)

// Engine names.
const (
	Raw    = scenarios.Raw
	Vegeta = scenarios.Vegeta
)

// Grace is how long a session whose context has ended still waits for replies.
const Grace = time.Second

// Config is what a Session needs. Of the Load it takes the engine, the connections and how
// they are used: its pace, windows and company are up to the caller.
//
// When a pipelined connection ends, or a reply on it is malformed or late, all requests in
// flight on it have failed, with the same kind of error; requests that become possible
// together go out in one write (RFC 9112 section 9.3.2). Only Raw on Linux offers that, in
// a closed loop and without Close. With Close, Raw sends once the connection is open, so
// Service is without the time to connect; with Vegeta it is part of it.
type Config struct {
	Address string   // "127.0.0.1:8080": where all targets' requests are sent
	Targets []Target // taken in turn, by weight; at least one
	scenarios.Load
	Pacer vegeta.Pacer // nil: closed loop, every connection as fast as it can
	// Poll is how long after it was last busy a worker asks for events over and over
	// before it sleeps; 0: not at all. What sends a reply to a sleeping thread has to
	// wake it, and that is the server, at its own cost. Only Raw on Linux offers it, and
	// it is for processors that nobody else is to use.
	Poll time.Duration
	// H2C speaks HTTP/2 in cleartext with prior knowledge (RFC 9113 section 3.3):
	// Connections are streams then. Only Vegeta offers it.
	H2C bool
}

// Complete is c with its defaults, as engines take it.
func (c Config) Complete() Config {
	c.Engine, c.Timeout, c.Pipeline = cmp.Or(c.Engine, Raw), cmp.Or(c.Timeout, scenarios.DefaultTimeout), cmp.Or(c.Pipeline, 1)
	return c
}

// Paced tells whether requests are sent at intended times. Else each connection sends as
// fast as it can, in a closed loop, which is also what vegeta's Rate{} means.
func (c Config) Paced() bool {
	p, ok := c.Pacer.(vegeta.ConstantPacer)
	return c.Pacer != nil && (!ok || p.Freq != 0 && p.Per != 0)
}

// Window is one slice of load.
type Window struct {
	Lead time.Duration // at the start: load is on, nothing is counted
	Span time.Duration // counted
	// Parts is how many equal parts of Span Result.Parts tells apart; 0: none.
	Parts int
	// Pacer takes the place of Config.Pacer from this slice on; nil: none does. A
	// session that was opened without a Pacer stays a closed loop.
	Pacer vegeta.Pacer
}

// Session is an opened load on one server. It is not safe for concurrent use.
type Session interface {
	// Slice drives load for w.Lead + w.Span, waits for the replies in flight, and
	// leaves the connections open and idle. When ctx ends it stops sending, drains
	// and returns what it has with ctx's error.
	Slice(ctx context.Context, w Window) (*Result, error)
	// Close closes the connections.
	Close() error
}
