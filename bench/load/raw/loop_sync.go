package raw

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"

	"github.com/benchctl/benchctl/apps/http1"
	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/load/dial"
	"github.com/benchctl/benchctl/bench/load/pace"
	"github.com/benchctl/benchctl/bench/load/tally"
	"github.com/benchctl/benchctl/bench/load/wire"
)

const syncReadSize = 16 << 10 // bytes read at a time

// syncLoop has a goroutine for each connection, over package net. It costs more than
// the epoll loop, and serves systems without epoll.
type syncLoop struct {
	setup  *setup
	dialer *dial.Dialer
	conns  []*syncConn
	shards []*shard // the i-th connection counts in the i-th of them, modulo
	plan   struct {
		sync.Mutex
		pace.Schedule
	}
}

// shard is what some of the connections share.
type shard struct {
	sync.Mutex
	tally *tally.Tally
	turn  wire.Turn
}

func newSyncLoop(s *setup) (loop, error) {
	if s.Pipeline > 1 {
		// A goroutine that writes does not read meanwhile. It would deadlock with a
		// server that does the same.
		return nil, errors.New("pipelining is not offered on this system")
	}
	l := &syncLoop{setup: s, dialer: dial.New(s.Address, s.Timeout)}
	for range min(runtime.GOMAXPROCS(0), s.Connections) {
		l.shards = append(l.shards, &shard{tally: tally.New(s.open, s.FirstByte), turn: wire.NewTurn(s.requests, s.order)})
	}
	for i := range s.Connections {
		l.conns = append(l.conns, &syncConn{loop: l, shard: l.shards[i%len(l.shards)]})
	}
	return l, nil
}

func (l *syncLoop) close() error {
	l.dialer.Cut()
	return nil
}

func (l *syncLoop) ready(ctx context.Context, _ time.Duration) error {
	wasCut := l.dialer.Restore()
	for _, s := range l.shards {
		s.tally.Reset()
		s.turn.Restart()
	}
	failures := make([]error, len(l.conns))
	var opening sync.WaitGroup
	slots := make(chan struct{}, 64)
	for i, c := range l.conns {
		slots <- struct{}{}
		opening.Go(func() {
			failures[i] = c.ready(ctx, wasCut)
			<-slots
		})
	}
	opening.Wait()
	for _, err := range failures {
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *syncLoop) run(ctx context.Context, s tally.Span) []*tally.Tally {
	tallies := make([]*tally.Tally, len(l.shards))
	for i, shard := range l.shards {
		shard.tally.Start(s)
		tallies[i] = shard.tally
	}
	if s.Open {
		l.plan.Schedule = pace.NewSchedule(l.setup.Pacer, s.To-s.Began, 0, 1)
	}
	// Connections that wait for replies ignore ctx, so those with requests in flight
	// are cut when the grace is over.
	stop := l.dialer.CutAfter(ctx, load.Grace)
	var all sync.WaitGroup
	for _, c := range l.conns {
		all.Go(func() { c.run(ctx, s) })
	}
	all.Wait()
	stop()
	if s.Open {
		tallies[0].Missed += l.plan.Missed(min(l.setup.now(), s.To) - s.Began)
	}
	return tallies
}

// claim waits for the next request's intended time, or returns false when the
// slice is over.
func (l *syncLoop) claim(ctx context.Context, s tally.Span) (intended time.Duration, ok bool) {
	if !s.Open {
		now := l.setup.now()
		return now, now < s.To && ctx.Err() == nil
	}
	l.plan.Lock()
	at, more := l.plan.Peek()
	more = more && l.setup.now() < s.To && ctx.Err() == nil
	if more {
		l.plan.Advance()
	}
	l.plan.Unlock()
	at += s.Began
	return at, more && dial.Pause(ctx, at-l.setup.now())
}

// syncConn is a connection and the goroutine that drives it.
type syncConn struct {
	wire.Exchange
	loop   *syncLoop
	shard  *shard
	conn   *dial.Conn // nil: not open
	proved bool       // has carried a whole reply
	closed bool       // the server closed the last one between requests
	spent  bool       // the last one has carried all it was to
	rested bool       // no request was in flight for a while before the one that is
	buffer []byte

	replies int32 // whole ones the connection has carried
}

// ready is loop.ready for c. wasCut means that this process closed the connections.
func (c *syncConn) ready(ctx context.Context, wasCut bool) error {
	if c.conn != nil && !dial.Quiet(c.conn.Conn) {
		c.drop(!wasCut)
	}
	if c.conn != nil {
		return nil
	}
	return c.open(ctx)
}

func (c *syncConn) open(ctx context.Context) error {
	conn, err := c.loop.dialer.Dial(ctx)
	c.shard.Lock()
	defer c.shard.Unlock()
	switch {
	case err != nil && ctx.Err() == nil:
		c.shard.tally.Fault(wire.FaultOf(err), nil)
	case err == nil && c.closed:
		c.shard.tally.Reconnects++
	case err == nil && c.spent:
		c.shard.tally.Reopened++
	}
	if err == nil {
		c.conn, c.Opened, c.proved, c.replies = conn, c.loop.setup.now(), false, 0
	}
	c.closed, c.spent = false, false
	return err
}

// drop closes the connection. closed means that the server did so, or announced it,
// between requests.
func (c *syncConn) drop(closed bool) {
	if c.conn != nil {
		c.conn.Close()
	}
	c.conn, c.closed = nil, closed
}

func (c *syncConn) run(ctx context.Context, s tally.Span) {
	if c.buffer == nil {
		c.buffer = make([]byte, syncReadSize)
	}
	for c.rested = true; ; c.rested = s.Open {
		intended, ok := c.loop.claim(ctx, s)
		if !ok {
			return
		}
		for !c.send(ctx, intended) {
			if c.loop.setup.now() >= s.To || ctx.Err() != nil {
				c.miss(s)
				return
			}
		}
		whole, f := c.receive()
		if c.repeatable(f) && c.repeat(ctx) {
			whole, f = c.receive()
		}
		c.finish(ctx, whole, f)
	}
}

// send sends the next request, on a new connection if there is none, or returns
// false when nothing was sent.
func (c *syncConn) send(ctx context.Context, intended time.Duration) bool {
	if c.conn == nil && c.open(ctx) != nil {
		return false
	}
	if c.shard.tally.Open && !dial.Quiet(c.conn.Conn) {
		// It was idle for long enough to be closed.
		c.drop(true)
		return false
	}
	setup := c.loop.setup
	c.shard.Lock()
	r := c.shard.turn.Take()
	c.shard.Unlock()
	now := setup.now()
	if !setup.open {
		intended = now
	}
	c.Begin(r, intended, now)
	_ = c.conn.SetDeadline(time.Now().Add(setup.Timeout))
	n, err := c.conn.Write(r.Bytes)
	if err != nil && n == 0 && c.proved {
		c.drop(true)
		return false
	}
	// Any other error comes up again when reading.
	c.shard.Lock()
	c.shard.tally.Sent++
	c.shard.Unlock()
	return true
}

// receive reads the reply.
func (c *syncConn) receive() (whole bool, f *http1.Fault) {
	for {
		n, err := c.conn.Read(c.buffer)
		c.shard.Lock() // of which the request is
		rest, f := c.Take(c.buffer[:n])
		c.shard.Unlock()
		if len(rest) > 0 && f == nil {
			f = http1.Trailing.In(rest)
		}
		if whole := c.Reply.Whole(); f != nil || whole {
			return whole, f
		}
		if err == nil {
			continue
		}
		f = wire.FaultOf(err)
		return f == http1.Cut && c.Reply.End(), f
	}
}

// repeatable reports whether the request that found f may be sent again: see
// load.Result.Repeated.
func (c *syncConn) repeatable(f *http1.Fault) bool {
	return (f == http1.Cut || f == wire.Reset) && c.proved && c.rested && !c.Reply.Begun() &&
		c.Request.Safe && !c.loop.dialer.IsCut()
}

// repeat sends the request once more, on a new connection, or returns false when there is
// none.
func (c *syncConn) repeat(ctx context.Context) bool {
	c.drop(true)
	if c.open(ctx) != nil {
		return false
	}
	_ = c.conn.SetDeadline(time.Now().Add(c.loop.setup.Timeout))
	_, _ = c.conn.Write(c.Request.Bytes) // an error comes up again when reading
	c.shard.Lock()
	c.shard.tally.Repeated++
	c.shard.Unlock()
	return true
}

// finish counts the reply, or the reason for its absence, and prepares the connection
// for the next request.
func (c *syncConn) finish(ctx context.Context, whole bool, f *http1.Fault) {
	now := c.loop.setup.now()
	// The end of the connection completes a reply without a length. Nothing else may follow
	// a reply.
	whole = whole && (f == nil || f == http1.Cut)
	c.shard.Lock()
	switch {
	case whole:
		c.shard.tally.Reply(&c.Exchange, now)
	case !c.loop.dialer.IsCut():
		c.shard.tally.Lost(&c.Exchange, f, now)
	}
	c.shard.Unlock()
	c.replies++
	switch {
	case !whole:
		c.drop(false)
		if !c.proved {
			dial.Pause(ctx, dial.Backoff)
		}
	case c.replies == c.loop.setup.last:
		c.drop(false)
		c.spent = true
	case c.Reply.Close:
		c.drop(true)
	default:
		c.proved = true
	}
}

// miss counts a request that was claimed and cannot be sent any more.
func (c *syncConn) miss(s tally.Span) {
	if s.Open {
		c.shard.Lock()
		c.shard.tally.Missed++
		c.shard.Unlock()
	}
}
