// Package load drives HTTP/1.1 load at one server and tells what came back.
//
// Two engines do it. Vegeta is the library's Attacker with its targets, pacers
// and results. Raw is a loop of our own that costs a fraction of its CPU time:
// requests are encoded once and replies pass a validating parser. Both take vegeta targets and pacers and give the same Result.
//
// A Session holds its connections between slices, so that candidates measured in
// alternation are warm when their turn comes and idle when it does not.
package load

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/benchctl/benchctl/apps/http1"
	"github.com/benchctl/benchctl/scenarios"
)

// Engine names.
const (
	Raw    = scenarios.Raw
	Vegeta = scenarios.Vegeta
)

// Target is a request and what a right reply to it looks like.
type Target struct {
	vegeta.Target
	// Status is the status a right reply has; 0 takes any 2xx.
	Status int
	// Length is the body's length in bytes, -1 if any will do. It is checked on
	// every reply.
	Length int64
	// Match tells whether block is the body's content at offset off, and is asked about
	// every block of every reply, but for one that is the same bytes as the last right
	// reply. If a block is, so is each part that it begins with. nil takes any content, of
	// any age.
	Match func(off int64, block []byte) bool
	// Whole judges all of a reply's body, up to 16 MiB, where its blocks tell nothing; it
	// is asked instead of Match, but about a body like the last right one, up to 1 MiB,
	// not again. It must not keep or change the body, as Match must not the block.
	Whole func(body []byte) bool
	// AtLeast is how long the app waits with its reply. A whole right reply that comes
	// sooner after its request was sent is hasty: the server did not wait. It leaves no
	// tolerance. 0: the app does not wait.
	AtLeast time.Duration
	// Spread is how long on average a reply takes from the first byte of its body to its
	// end, at least; above 0 it has that time added up in Result.SpreadSeen.
	Spread time.Duration
	// Weight is how often the target is taken, relative to the others; 0: 1.
	Weight int
	// Chunked sends the body, if there is one, with Transfer-Encoding: chunked, in
	// chunks of up to 32 KiB.
	Chunked bool
}

// judged tells whether the content of replies is looked at.
func (t *Target) judged() bool { return t.Match != nil || t.Whole != nil }

// repeatable tells whether the request may be sent again after the server may have acted
// on it (RFC 9110 section 9.2.2): its method is idempotent, or its reply is known from the
// request alone, as that of the contract's apps is.
func (t *Target) repeatable() bool {
	switch t.Method {
	case http.MethodPost, http.MethodPatch, http.MethodConnect:
		return t.judged()
	}
	return true
}

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

// Result is what one slice saw. Times are in ns.
type Result struct {
	// Sent and Answered cover everything from the slice's first byte to the last
	// reply drained after it; CPU time per request is divided by Answered.
	Sent, Answered uint64
	// Counted replies are right, and their requests were intended in the counted
	// window, which was Elapsed long; in a closed loop a request is intended when it is
	// sent. Throughput is Counted / Elapsed. When the reply comes does not matter: each
	// request of the window is followed to its end. In a stationary closed loop as many
	// requests are expected to be sent in a window as replies to arrive in it, its length
	// times the rate, and their times are neither cut at its end nor chosen by how long
	// they are. What is not stationary is the end itself: once nothing is sent any more,
	// a server that works on all requests at once may answer the last ones, as many as
	// are in flight, sooner.
	Counted uint64
	Elapsed time.Duration
	// Parts is Counted by the part of the window that requests were intended in; nil
	// without Window.Parts.
	Parts []uint64
	// Longest is the longest response time of any request of the slice, also of those
	// sent in the lead-in and those that failed.
	Longest time.Duration
	// Busy is the time from sent to end of all requests that belong to the window, right
	// or failed, added up. Busy / Elapsed is the mean number of requests in flight
	// (Little's law).
	Busy time.Duration
	// Squared is the sum of the squares of the same times, in s². Squared / Busy in s is
	// the mean time of the request that is in flight at a random moment, the length-biased
	// one: the time scale of the load.
	Squared float64
	// Missed requests were intended in the slice but never sent, as no connection
	// was free until its end; 0 in a closed loop.
	Missed uint64
	// Polled is how long workers found nothing to do but did not sleep, added up. It is
	// CPU time that the load did not cost.
	Polled time.Duration
	// BytesIn are body bytes of the counted replies. WireIn are all of their bytes, with
	// heads and chunk framing, as they came over the connections; 0 of Vegeta, whose
	// client does not tell.
	BytesIn, WireIn uint64
	// Response is the time from the intended send time to the end of the reply,
	// Service the time from the actual send time. In a closed loop they are one. Both
	// have the counted replies and the requests of the window that timed out, these with
	// Config.Timeout at least.
	// SendLag is the actual less the intended send time; nil in a closed loop. Late is
	// what of it is the load generator's own: without the wait for a free connection,
	// which a server that falls behind causes. Only Raw on Linux tells them apart;
	// elsewhere they are the same.
	Response, Service, SendLag, Late *hdrhistogram.Histogram
	// First is the time from the intended send time to the first byte of the body; nil
	// without Config.FirstByte.
	First *hdrhistogram.Histogram
	// Errors counts failed requests by kind, over everything Sent. Causes counts them by
	// "kind: cause", such as "status: got 502", the first 32 that there are. Examples tells of
	// the first request that failed by a kind.
	Errors, Causes map[string]uint64
	Examples       map[string]string
	// Compared are the whole replies whose content was judged, which are all of the
	// targets with Match or Whole; Wrong of them differed. WrongBody describes the first
	// one: the request, where the content differs, and what is there instead.
	Compared, Wrong uint64
	WrongBody       string
	// Hasty are the whole right replies that came sooner than their Target.AtLeast. They
	// are no errors, and counted as others are.
	Hasty uint64
	// SpreadSeen is the time from the first byte of the body to the end of the reply,
	// added up over Spreads counted replies: those with a body, of targets with Spread.
	SpreadSeen time.Duration
	Spreads    uint64
	// Stale of the compared replies carry a Date that is more than 5 s older than their
	// request, the oldest by StaleAge: they come from a cache.
	Stale    uint64
	StaleAge time.Duration
	// Folded replies have header fields that go over several lines, which a server must
	// not send (RFC 9112 section 5.2).
	Folded uint64
	// Reconnects are connections the server closed between requests and that
	// were opened again; not errors.
	Reconnects uint64
	// Repeated are requests that were sent once more, on a new connection, and are not
	// errors for it: the connection, kept and with nothing in flight for a while, ended
	// before a byte of a reply came. A server may end such a one at any time, and client
	// and server can't know of each other that they begin (RFC 9112 section 9.3.1). The
	// time counts from the first sending.
	Repeated uint64
	// Reopened are connections that the client closed for Config.Requests or
	// Config.Close and that were opened again.
	Reopened uint64
	// Metrics is the same slice in vegeta's own form.
	Metrics vegeta.Metrics
}

// Kinds of errors in Result.Errors.
const (
	ErrConnect   = "connect"       // no connection
	ErrLoader    = "loader"        // no connection, for want of something of the load generator's own, see Lack
	ErrClosed    = http1.Closed    // connection ended before the whole reply came
	ErrReset     = "reset"         // connection reset by the server
	ErrTimeout   = "timeout"       // no whole reply in time
	ErrMalformed = http1.Malformed // not an HTTP/1.1 reply, or false framing
	ErrLong      = http1.TooLong   // a head longer than benchctl reads
	ErrStatus    = "status"        // another status than the target's
	ErrLength    = "length"        // another body length than the target's
	ErrWrongBody = "wrong-body"    // a body with other content
	ErrStale     = "stale"         // a compared reply with an old Date
)

// Errored is the number of failed requests.
func (r *Result) Errored() uint64 {
	var n uint64
	for _, k := range r.Errors {
		n += k
	}
	return n
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

// Open opens a Session with all its connections. It fails when the server does not take
// them.
func Open(ctx context.Context, c Config) (Session, error) {
	c = c.complete()
	if err := c.Check(); err != nil {
		return nil, err
	}
	if err := c.settle(ctx); err != nil {
		return nil, err
	}
	if c.Engine == Vegeta {
		return openVegeta(ctx, c)
	}
	return openRaw(ctx, c)
}

// settle replaces a host's name by the address that answers: a name may have several, of
// which a server listens on one (RFC 8305).
func (c *Config) settle(ctx context.Context) error {
	host, _, err := net.SplitHostPort(c.Address)
	if err != nil || host == "" || net.ParseIP(host) != nil {
		return nil // the engine tells of what is wrong
	}
	d := net.Dialer{Timeout: c.Timeout}
	conn, err := d.DialContext(ctx, "tcp", c.Address)
	if err != nil {
		return fmt.Errorf("load %s: %w", c.Address, err)
	}
	c.Address = conn.RemoteAddr().String()
	return conn.Close()
}

// Check tells why Open would refuse c whatever the server does.
func (c Config) Check() error {
	c = c.complete()
	problem := c.check()
	switch {
	case problem != nil:
	case c.Engine != Raw && c.Engine != Vegeta:
		problem = fmt.Errorf("no engine %q: there are %s and %s", c.Engine, Raw, Vegeta)
	case c.Engine == Vegeta:
		problem = c.checkVegeta()
	case c.H2C:
		problem = fmt.Errorf("engine %s does not offer HTTP/2", Raw)
	}
	if problem == nil {
		_, problem = encode(c)
	}
	if problem == nil {
		_, problem = order(c.Targets)
	}
	if problem != nil {
		return fmt.Errorf("load %s: %w", c.Address, problem)
	}
	return nil
}

// complete is c with its defaults.
func (c Config) complete() Config {
	c.Engine, c.Timeout, c.Pipeline = cmp.Or(c.Engine, Raw), cmp.Or(c.Timeout, scenarios.DefaultTimeout), cmp.Or(c.Pipeline, 1)
	return c
}

// check refuses what no engine takes.
func (c Config) check() error {
	if len(c.Targets) == 0 {
		return errors.New("no targets")
	}
	if err := c.Load.Check(); err != nil {
		return err
	}
	switch {
	case c.Pipeline > 1 && !closedLoop(c.Pacer):
		return errors.New("pipelining does not go with a pace: a request that waits for those before it was not sent when intended")
	case c.Pipeline > 1 && c.Close:
		return errors.New("pipelining does not go with connections that carry one request each")
	}
	return nil
}

// checkVegeta refuses what the engine Vegeta does not offer.
func (c Config) checkVegeta() error {
	switch {
	case c.Requests > 0:
		return fmt.Errorf("engine %s does not offer a number of requests per connection", Vegeta)
	case c.Pipeline > 1:
		return fmt.Errorf("engine %s does not offer pipelining", Vegeta)
	case c.FirstByte:
		return fmt.Errorf("engine %s does not offer the time to the first byte of a body", Vegeta)
	}
	return nil
}
