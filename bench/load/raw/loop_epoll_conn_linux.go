package raw

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/benchctl/benchctl/apps/http1"
	"github.com/benchctl/benchctl/bench/load/dial"
	"github.com/benchctl/benchctl/bench/load/wire"
)

// state is what a connection is doing.
type state uint8

const (
	down       state = iota // not open; to be opened at conn.since
	connecting              // being opened since conn.since
	idle                    // open, no request in flight since conn.since
	busy                    // requests in flight
)

// conn is a connection. There may be very many, so it is small: what is read
// goes through the worker's buffer.
type conn struct {
	wire.Exchange        // of the requests in flight the first
	unsent        []byte // of a request that did not fit the socket's buffer
	since         time.Duration
	fd            int32
	index         int32
	generation    int32 // of the descriptor, to know stale events by
	replies       int32 // whole ones it has carried
	first         int16 // with pipelining: where the first request in flight is in its ring
	flying        int16 // requests in flight
	unwritten     int16 // of which the last so many have not begun to be sent
	state         state
	proved        bool         // has carried a whole reply
	closed        bool         // the server closed the last one between requests
	spent         bool         // the last one has carried all it was to
	queued        bool         // in worker.free
	rested        bool         // no request was in flight for a while before those that are
	ended         *http1.Fault // how the last one ended, whose requests are to be sent again; nil: none are
}

// connect opens c.
func (w *worker) connect(c *conn, now time.Duration) {
	fd, err := unix.Socket(w.family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		w.connectFailed(c, err, now)
		return
	}
	c.fd, c.state, c.since = int32(fd), connecting, now
	w.connecting++
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	err = unix.Connect(fd, w.address)
	if err == nil || err == unix.EINPROGRESS {
		if err := w.poller.add(fd, c.index, c.generation); err != nil {
			w.connectFailed(c, err, now)
			return
		}
	}
	switch err {
	case nil:
		w.connected(c, now)
	case unix.EINPROGRESS:
	default:
		w.connectFailed(c, err, now)
	}
}

// connected puts c to use.
func (w *worker) connected(c *conn, now time.Duration) {
	w.connecting--
	c.state, c.since, c.proved, c.replies = idle, w.came, false, 0
	c.Opened = w.came
	if c.ended != nil {
		w.repeat(c)
		return
	}
	switch {
	case c.closed:
		w.tally.Reconnects++
	case c.spent:
		w.tally.Reopened++
	}
	if w.sending {
		w.next(c, now)
	}
}

// connectFailed counts the failure and leaves c down for a while.
func (w *worker) connectFailed(c *conn, err error, now time.Duration) {
	if c.state == connecting {
		w.connecting--
	}
	w.failed = fmt.Errorf("connect: %w", err)
	w.tally.Fault(wire.ConnectFault(err), nil)
	if c.ended != nil {
		w.lose(c, c.ended, now)
	}
	w.drop(c)
	w.retry(c, now+dial.Backoff)
}

// drop closes c's descriptor and forgets what was in flight.
func (w *worker) drop(c *conn) {
	w.hangUp(c)
	c.closed, c.spent, c.ended, c.unsent = false, false, nil, nil
	c.first, c.flying, c.unwritten = 0, 0, 0
}

// hangUp closes c's descriptor.
func (w *worker) hangUp(c *conn) {
	if c.state != down {
		unix.Close(int(c.fd))
		c.generation++
	}
	c.state = down
}

// retry schedules the next attempt to open c.
func (w *worker) retry(c *conn, at time.Duration) {
	c.since = at
	w.check = min(w.check, at)
}

// reopen replaces a connection that the server closed, or said it would, while
// no request was in flight. After the slice it is left to the next one.
func (w *worker) reopen(c *conn, now time.Duration) {
	w.drop(c)
	c.closed = true
	if w.sending {
		w.connect(c, now)
	}
}

// renew replaces a connection that has carried all its requests, as reopen does.
func (w *worker) renew(c *conn, now time.Duration) {
	w.drop(c)
	c.spent = true
	if w.sending {
		w.connect(c, now)
	}
}

// next sends the next requests on a connection that can take some, or queues the
// connection for one.
func (w *worker) next(c *conn, now time.Duration) {
	switch {
	case !w.sending:
	case !w.setup.open:
		if now >= w.tally.To {
			return
		}
		if w.setup.Pipeline > 1 {
			w.fill(c, now)
		} else {
			w.send(c, now, now)
		}
	case !c.queued:
		c.queued, c.rested = true, true
		w.free.push(c.index)
	}
}

// send sends a request on an idle connection, or returns false when it turns out
// to be closed, so that nothing was sent.
func (w *worker) send(c *conn, intended, now time.Duration) bool {
	r := w.turn.Take()
	n, errno := send(int(c.fd), r.Bytes)
	if errno != 0 && errno != unix.EAGAIN {
		w.unsendable(c, errno, now)
		return false
	}
	c.Begin(r, intended, now)
	c.Ready = max(intended, c.since)
	if n < len(r.Bytes) {
		c.unsent = r.Bytes[n:]
	}
	c.state, c.flying = busy, 1
	w.busy++
	w.tally.Sent++
	return true
}

// unsendable handles the failure to send on c, which had no request in flight.
func (w *worker) unsendable(c *conn, errno unix.Errno, now time.Duration) {
	if c.proved {
		w.reopen(c, now)
	} else {
		w.connectFailed(c, errno, now)
	}
}

// flush sends more of the requests that did not fit at once.
func (w *worker) flush(c *conn) {
	if c.unwritten > 0 {
		_ = w.write(c)
		return
	}
	n, errno := send(int(c.fd), c.unsent)
	if errno == 0 {
		c.unsent = c.unsent[n:]
	}
	// Any error but EAGAIN comes up again when reading, with the reply that
	// the server may have sent before.
}

// handle takes an event.
func (w *worker) handle(e *unix.EpollEvent) {
	switch e.Fd {
	case alarmID:
		return
	case wakeID:
		w.poller.woken()
		select {
		case <-w.done:
			w.stopped = true
		default:
		}
		return
	}
	c := &w.conns[e.Fd]
	if c.generation != e.Pad {
		return
	}
	ended := e.Events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0
	switch in := e.Events&unix.EPOLLIN != 0; c.state {
	case connecting:
		w.arrived(c, ended)
	case idle:
		w.disturbed(c, in, ended)
	case busy:
		if c.pending() {
			w.flush(c)
		}
		if in || ended {
			w.input(c, ended)
		}
	}
}

// arrived ends the opening of c.
func (w *worker) arrived(c *conn, ended bool) {
	now := w.setup.now()
	if !ended {
		w.connected(c, now)
		return
	}
	errno, _ := unix.GetsockoptInt(int(c.fd), unix.SOL_SOCKET, unix.SO_ERROR)
	if errno == 0 {
		errno = int(unix.ECONNRESET)
	}
	w.connectFailed(c, unix.Errno(errno), now)
}

// disturbed handles an event on an idle connection: the server closed it, or sent
// bytes without a request.
func (w *worker) disturbed(c *conn, in, ended bool) {
	switch {
	case ended:
		w.reopen(c, w.setup.now())
	case in:
		w.tally.Fault(http1.Trailing, nil)
		w.drop(c)
		w.retry(c, w.setup.now())
	}
}

// input reads the available bytes for the requests in flight. A read that does not fill
// the buffer has read everything. With ended, it reads to the end, so that it is known
// before the next request whether the connection can take one.
func (w *worker) input(c *conn, ended bool) {
	for {
		n, errno := recv(int(c.fd), w.buffer)
		switch {
		case n > 0:
			if f := w.take(c, w.buffer[:n]); f != nil {
				w.fail(c, f, w.setup.now())
				return
			}
			if n == len(w.buffer) || ended {
				continue
			}
		case errno == unix.EINTR:
			continue
		case errno == 0:
			w.over(c, http1.Cut)
			return
		case errno != unix.EAGAIN:
			w.over(c, wire.Reset)
			return
		}
		if c.Reply.Whole() {
			w.complete(c, nil)
		}
		return
	}
}

// take parses the bytes that arrived on c. The reply that b ends with is left to
// complete, which knows what follows it.
func (w *worker) take(c *conn, b []byte) (f *http1.Fault) {
	if c.flying == c.unwritten {
		return http1.Trailing.In(b) // nothing has been asked for
	}
	for {
		if b, f = c.Take(b); f != nil || len(b) == 0 {
			return f
		}
		// Another reply follows. A request that has not begun to be sent has none.
		if c.Reply.Close || c.flying-c.unwritten < 2 {
			return http1.Trailing.In(b)
		}
		w.answered(c, w.setup.now())
		w.advance(c)
	}
}

// answered counts the whole reply to the first request in flight.
func (w *worker) answered(c *conn, now time.Duration) {
	w.tally.Reply(&c.Exchange, now)
	c.proved, c.rested = true, false
	c.replies++
	c.flying--
}

// over handles the end of c's connection.
func (w *worker) over(c *conn, f *http1.Fault) {
	switch {
	case f == http1.Cut && c.Reply.End() || c.Reply.Whole():
		w.complete(c, f)
	case w.repeatable(c):
		w.hangUp(c)
		c.ended = f
		w.connect(c, w.setup.now())
	default:
		w.fail(c, f, w.setup.now())
	}
}

// repeatable reports whether what is in flight on c, which has ended, may be sent again: see
// load.Result.Repeated. A new connection, as each one is after that, has not rested.
func (w *worker) repeatable(c *conn) bool {
	if !c.proved || !c.rested || c.Reply.Begun() || !c.Request.Safe {
		return false
	}
	for i := range c.flying {
		if w.setup.Pipeline > 1 && !w.flight(c, i).request.Safe {
			return false
		}
	}
	return true
}

// repeat sends the requests in flight on the ended connection again, on the new one.
func (w *worker) repeat(c *conn) {
	w.tally.Reconnects++
	w.tally.Repeated += uint64(c.flying)
	c.ended, c.state = nil, busy
	if w.setup.Pipeline > 1 {
		c.unsent, c.unwritten = nil, c.flying
	} else {
		c.unsent = c.Request.Bytes
	}
	w.flush(c)
}

// complete handles a whole reply that nothing follows yet. end is how the connection
// ended after it, or nil. The time of the reply is also the send time of the next
// request, so that one reading of the clock serves both.
func (w *worker) complete(c *conn, end *http1.Fault) {
	now := w.setup.now()
	w.answered(c, now)
	if end == nil && c.Reply.Close {
		end = http1.Cut
	}
	switch {
	case c.flying > 0 && end != nil:
		w.advance(c)
		w.fail(c, end, now)
	case c.flying > 0:
		w.advance(c)
		w.next(c, now)
	default:
		w.vacant(c, end, now)
	}
}

// vacant reuses or replaces c, on which nothing is in flight any more.
func (w *worker) vacant(c *conn, end *http1.Fault, now time.Duration) {
	w.busy--
	c.state, c.since = idle, w.came
	switch {
	case c.replies == w.setup.last:
		w.renew(c, now)
	case end != nil || len(c.unsent) > 0:
		w.reopen(c, now)
	default:
		w.next(c, now)
	}
}

// fail gives up the requests in flight and replaces the connection: at once, if
// it ever worked, or after a pause.
func (w *worker) fail(c *conn, f *http1.Fault, now time.Duration) {
	w.lose(c, f, now)
	w.drop(c)
	switch {
	case !c.proved:
		w.retry(c, now+dial.Backoff)
	case w.sending:
		w.connect(c, now)
	}
}

// lose counts the requests in flight as lost.
func (w *worker) lose(c *conn, f *http1.Fault, now time.Duration) {
	w.busy--
	w.tally.Lost(&c.Exchange, f, now)
	for c.flying--; c.flying > 0; c.flying-- {
		w.advance(c)
		w.tally.Lost(&c.Exchange, f, now)
	}
}
