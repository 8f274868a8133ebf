// Package load describes a load on one server and its outcome: the Config of a Session, and
// the Result of each of its slices. Package engine opens sessions.
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

// Config configures a Session. Of the Load, a session uses the engine, the connections and how
// they are used. The caller handles its pace, windows and company.
//
// When a pipelined connection ends, or a reply on it is malformed or late, all requests in
// flight on it have failed with the same kind of error. Requests that become possible
// together are sent in one write (RFC 9112 section 9.3.2). Only Raw on Linux offers
// pipelining, in a closed loop and without Close. With Close, Raw sends once the connection is
// open, so Service excludes the time to connect. With Vegeta, Service includes it.
type Config struct {
	Address string   // "127.0.0.1:8080": where all targets' requests are sent
	Targets []Target // taken in turn, by weight; at least one
	scenarios.Load
	Pacer vegeta.Pacer // nil: closed loop, every connection as fast as it can
	// Poll is how long a worker polls for events after it was last busy, before it
	// sleeps; 0: it does not poll. To wake a sleeping worker costs the server CPU time.
	// Only Raw on Linux polls, and only processors without other users are fit for it.
	Poll time.Duration
	// H2C speaks HTTP/2 in cleartext with prior knowledge (RFC 9113 section 3.3):
	// Connections are streams then. Only Vegeta offers it.
	H2C bool
}

// Complete returns c with its defaults, as engines require it.
func (c Config) Complete() Config {
	c.Engine, c.Timeout, c.Pipeline = cmp.Or(c.Engine, Raw), cmp.Or(c.Timeout, scenarios.DefaultTimeout), cmp.Or(c.Pipeline, 1)
	return c
}

// Paced reports whether requests are sent at intended times. Else each connection sends as
// fast as it can, in a closed loop, which is also what vegeta's Rate{} means.
func (c Config) Paced() bool {
	p, ok := c.Pacer.(vegeta.ConstantPacer)
	return c.Pacer != nil && (!ok || p.Freq != 0 && p.Per != 0)
}

// Window is one slice of load.
type Window struct {
	Lead time.Duration // at the start: load is on, nothing is counted
	Span time.Duration // counted
	// Parts is the number of equal parts of Span that Result.Parts counts; 0: none.
	Parts int
	// Pacer replaces Config.Pacer from this slice on; nil keeps it. A session that was
	// opened without a Pacer stays a closed loop.
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
