package load

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"

	"github.com/benchctl/benchctl/apps/http1"
)

const syncReadSize = 16 << 10 // bytes read at a time

// syncLoop is a goroutine for each connection over package net. It costs more
// than the epoll loop, and runs where that does not.
type syncLoop struct {
	setup  *setup
	dialer *dialer
	conns  []*syncConn
	shards []*shard // the i-th connection counts in the i-th of them, modulo
	plan   struct {
		sync.Mutex
		schedule
	}
}

// shard is what some of the connections share.
type shard struct {
	sync.Mutex
	tally *tally
	turn  turn
}

func newSyncLoop(s *setup) (loop, error) {
	if s.Pipeline > 1 {
		// A goroutine that writes does not read meanwhile: it and a server that
		// does the same would wait for each other.
		return nil, errors.New("pipelining is not offered on this system")
	}
	l := &syncLoop{setup: s, dialer: newDialer(s.Config)}
	for range min(runtime.GOMAXPROCS(0), s.Connections) {
		l.shards = append(l.shards, &shard{tally: newTally(s.open, s.FirstByte), turn: s.newTurn()})
	}
	for i := range s.Connections {
		l.conns = append(l.conns, &syncConn{loop: l, shard: l.shards[i%len(l.shards)]})
	}
	return l, nil
}

func (l *syncLoop) close() error {
	l.dialer.cut()
	return nil
}

func (l *syncLoop) ready(ctx context.Context, _ time.Duration) error {
	wasCut := l.dialer.restore()
	for _, s := range l.shards {
		s.tally.reset()
		s.turn.next = 0
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

func (l *syncLoop) run(ctx context.Context, s span) []*tally {
	tallies := make([]*tally, len(l.shards))
	for i, shard := range l.shards {
		shard.tally.start(s)
		tallies[i] = shard.tally
	}
	if s.open {
		l.plan.schedule = newSchedule(l.setup.Pacer, s.to-s.began, 0, 1)
	}
	// Connections wait for replies with no regard to ctx, so what is in flight
	// when the grace is over is cut.
	stop := afterEnd(ctx, grace, l.dialer.cut)
	var all sync.WaitGroup
	for _, c := range l.conns {
		all.Go(func() { c.run(ctx, s) })
	}
	all.Wait()
	stop()
	if s.open {
		tallies[0].missed += l.plan.missed(min(l.setup.now(), s.to) - s.began)
	}
	return tallies
}

// claim waits for the next request's intended time, or returns false when the
// slice is over.
func (l *syncLoop) claim(ctx context.Context, s span) (intended time.Duration, ok bool) {
	if !s.open {
		now := l.setup.now()
		return now, now < s.to && ctx.Err() == nil
	}
	l.plan.Lock()
	at, more := l.plan.peek()
	more = more && l.setup.now() < s.to && ctx.Err() == nil
	if more {
		l.plan.advance()
	}
	l.plan.Unlock()
	at += s.began
	return at, more && pause(ctx, at-l.setup.now())
}

// syncConn is a connection and the goroutine that drives it.
type syncConn struct {
	exchange
	loop   *syncLoop
	shard  *shard
	conn   *tracked // nil: not open
	proved bool     // has carried a whole reply
	closed bool     // the server closed the last one between requests
	spent  bool     // the last one has carried all it was to
	rested bool     // no request was in flight for a while before the one that is
	buffer []byte

	replies int32 // whole ones the connection has carried
}

// ready is loop.ready for c. wasCut tells that the connections were closed here.
func (c *syncConn) ready(ctx context.Context, wasCut bool) error {
	if c.conn != nil && !quiet(c.conn.Conn) {
		c.drop(!wasCut)
	}
	if c.conn != nil {
		return nil
	}
	return c.open(ctx)
}

func (c *syncConn) open(ctx context.Context) error {
	conn, err := c.loop.dialer.dial(ctx)
	c.shard.Lock()
	defer c.shard.Unlock()
	switch {
	case err != nil && ctx.Err() == nil:
		c.shard.tally.fault(faultOf(err), nil)
	case err == nil && c.closed:
		c.shard.tally.reconnects++
	case err == nil && c.spent:
		c.shard.tally.reopened++
	}
	if err == nil {
		c.conn, c.proved, c.replies = conn, false, 0
	}
	c.closed, c.spent = false, false
	return err
}

// drop closes the connection. closed tells that the server did, or said it
// would, between requests.
func (c *syncConn) drop(closed bool) {
	if c.conn != nil {
		c.conn.Close()
	}
	c.conn, c.closed = nil, closed
}

func (c *syncConn) run(ctx context.Context, s span) {
	if c.buffer == nil {
		c.buffer = make([]byte, syncReadSize)
	}
	for c.rested = true; ; c.rested = s.open {
		intended, ok := c.loop.claim(ctx, s)
		if !ok {
			return
		}
		for !c.send(ctx, intended) {
			if c.loop.setup.now() >= s.to || ctx.Err() != nil {
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
	if c.shard.tally.open && !quiet(c.conn.Conn) {
		// It was idle for long enough to be closed.
		c.drop(true)
		return false
	}
	setup := c.loop.setup
	c.shard.Lock()
	r := c.shard.turn.take()
	c.shard.Unlock()
	now := setup.now()
	if !setup.open {
		intended = now
	}
	c.begin(r, intended, now)
	_ = c.conn.SetDeadline(time.Now().Add(setup.Timeout))
	n, err := c.conn.Write(r.wire)
	if err != nil && n == 0 && c.proved {
		c.drop(true)
		return false
	}
	// Any other error comes up again when reading.
	c.shard.Lock()
	c.shard.tally.sent++
	c.shard.Unlock()
	return true
}

// receive reads the reply.
func (c *syncConn) receive() (whole bool, f *fault) {
	for {
		n, err := c.conn.Read(c.buffer)
		c.shard.Lock() // of which the request is
		rest, f := c.take(c.buffer[:n])
		c.shard.Unlock()
		if len(rest) > 0 && f == nil {
			f = http1.Trailing.In(rest)
		}
		if whole := c.reply.Whole(); f != nil || whole {
			return whole, f
		}
		if err == nil {
			continue
		}
		f = faultOf(err)
		return f == http1.Cut && c.reply.End(), f
	}
}

// repeatable tells whether the request that found f may be sent again: see
// Result.Repeated.
func (c *syncConn) repeatable(f *fault) bool {
	return (f == http1.Cut || f == faultReset) && c.proved && c.rested && !c.reply.Begun() &&
		c.request.safe && !c.loop.dialer.isCut.Load()
}

// repeat sends the request once more, on a new connection, or returns false when there is
// none.
func (c *syncConn) repeat(ctx context.Context) bool {
	c.drop(true)
	if c.open(ctx) != nil {
		return false
	}
	_ = c.conn.SetDeadline(time.Now().Add(c.loop.setup.Timeout))
	_, _ = c.conn.Write(c.request.wire) // an error comes up again when reading
	c.shard.Lock()
	c.shard.tally.repeated++
	c.shard.Unlock()
	return true
}

// finish counts the reply, or why there is none, and leaves the connection fit
// for the next request.
func (c *syncConn) finish(ctx context.Context, whole bool, f *fault) {
	now := c.loop.setup.now()
	// An end completes a reply that goes until then; nothing else may follow one.
	whole = whole && (f == nil || f == http1.Cut)
	c.shard.Lock()
	switch {
	case whole:
		c.shard.tally.reply(&c.exchange, now)
	case !c.loop.dialer.isCut.Load():
		c.shard.tally.lost(&c.exchange, f, now)
	}
	c.shard.Unlock()
	c.replies++
	switch {
	case !whole:
		c.drop(false)
		if !c.proved {
			pause(ctx, backoff)
		}
	case c.replies == c.loop.setup.last:
		c.drop(false)
		c.spent = true
	case c.reply.Close:
		c.drop(true)
	default:
		c.proved = true
	}
}

// miss counts a request that was claimed and cannot be sent any more.
func (c *syncConn) miss(s span) {
	if s.open {
		c.shard.Lock()
		c.shard.tally.missed++
		c.shard.Unlock()
	}
}
