package witness

import (
	"context"
	"errors"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/benchctl/benchctl/bench/load/dial"
)

// client is one connection that sends requests, and its replacements.
type client struct {
	*Session
	n        int
	template *template
	dialer   *dial.Dialer
	pace     *pacer
	patient  bool   // the timeout is that of each piece of a reply
	used     func() // says that it was used

	conn     *dial.Conn    // nil: none is open
	fresh    bool          // conn has carried no request
	free     time.Duration // since when conn has been idle
	buffer   [16 << 10]byte
	requests []Request
	replaced []Ended
}

// run sends requests until nothing more is to be sent.
func (c *client) run(ctx context.Context) {
	defer c.used()
	defer c.drop()
	for !c.over() {
		sent, err := c.rest(c.pace.next(c.Now()))
		if c.over() {
			return
		}
		c.ask(ctx, sent, err)
	}
}

// rest waits until a request is due. A connection that is not open, or ends meanwhile, is
// opened again at once, but only once, so as not to load a server that refuses or ends all
// connections. If a connection is being opened when the request becomes due, the request
// shares its fate: sent is then the time when the request was due, and err the failure.
func (c *client) rest(due time.Duration) (sent time.Duration, err error) {
	for tried := false; !c.over(); {
		switch {
		case c.conn != nil:
			if c.quiet(due) {
				return c.Now(), nil
			}
		case tried:
			dial.Pause(c.running, due-c.Now())
			return c.Now(), nil
		default:
			tried = true
			if err := c.open(c.running); c.Now() >= due {
				return due, err
			}
		}
	}
	return c.Now(), nil
}

// open opens a connection.
func (c *client) open(ctx context.Context) (err error) {
	c.conn, err = connect(ctx, c.dialer)
	c.fresh, c.free = true, c.Now()
	return err
}

// drop closes the connection, if one is open.
func (c *client) drop() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// longAgo is a deadline that has passed.
var longAgo = time.Unix(1, 0)

// quiet waits on the open connection until due, or until nothing more is to be sent. It
// returns false if the server ended the connection, which is noted then and dropped.
func (c *client) quiet(due time.Duration) bool {
	conn := c.conn
	_ = conn.SetReadDeadline(c.begun.Add(due))
	stop := context.AfterFunc(c.running, func() { _ = conn.SetReadDeadline(longAgo) })
	n, err := conn.Read(c.buffer[:])
	stop()
	if c.over() {
		return true
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		if n, err = dial.TryRead(conn.Conn, c.buffer[:]); n == 0 && err == nil {
			return true
		}
	}
	now := c.Now()
	c.replaced = append(c.replaced, Ended{Connection: c.n, At: now, Idle: now - c.free, First: c.fresh, Bytes: int64(n), Reset: errors.Is(err, syscall.ECONNRESET)})
	c.drop()
	return false
}

// ask sends a request once and records its outcome. err is why it has no connection, or nil.
func (c *client) ask(ctx context.Context, sent time.Duration, err error) {
	r := Request{ID: c.ids.Add(1), Connection: c.n, Method: c.template.want.Method, Sent: sent}
	limit := c.begun.Add(sent + c.config.Timeout)
	if c.conn == nil && err == nil {
		opening, cancel := context.WithDeadline(ctx, limit)
		err = c.open(opening)
		cancel()
	}
	if err != nil {
		r.unconnected(err)
	} else {
		r.First, r.Idle = c.fresh, max(0, c.Now()-c.free)
		c.exchange(&r, limit)
	}
	r.Ended = c.Now()
	c.fresh, c.free = false, r.Ended
	c.requests = append(c.requests, r)
	c.used()
	if err != nil && c.pace.interval == 0 {
		dial.Pause(c.running, dial.Backoff) // a closed loop would spin
	}
}

// exchange sends the request and reads the reply.
func (c *client) exchange(r *Request, limit time.Time) {
	_ = c.conn.SetDeadline(limit)
	text := c.template.request(r.ID)
	n, unwritten := c.conn.Write(text)
	r.Written = n == len(text)
	a := c.template.expect(r.ID)
	// A server may answer before it has read the whole request. Its reply can still be read.
	err := c.read(a)
	if unwritten != nil && errors.Is(err, io.EOF) {
		err = unwritten // the system tells of a reset once only
	}
	r.Status, r.Close = int(a.reader.Status), a.reader.Close
	if err != nil {
		r.failed(err, a.reader.Begun())
		c.drop()
		return
	}
	r.Outcome = Completed
	if r.Cause = a.wrong(); r.Cause != "" {
		r.Outcome = Wrong
	}
	r.PID, r.Born = a.told.PID, a.told.Born
	if r.PID > 0 {
		c.gave.Store(r.PID, nil)
	}
	if a.reader.Close || unwritten != nil {
		c.drop()
	}
}

// read reads the whole reply.
func (c *client) read(a *reply) error {
	for !a.reader.Whole() {
		if c.patient {
			_ = c.conn.SetDeadline(time.Now().Add(c.config.Timeout))
		}
		n, err := c.conn.Read(c.buffer[:])
		if fault := a.take(c.buffer[:n]); fault != nil {
			return fault
		}
		if c.patient && a.reader.Headed() {
			c.used()
		}
		if errors.Is(err, io.EOF) && a.reader.End() {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// silent is a connection that sends nothing, and its replacements.
type silent struct {
	*Session
	n     int
	used  func() // says that it was used
	ended []Ended
}

func (q *silent) run() {
	defer q.used()
	for !q.over() {
		if conn, err := connect(q.running, q.aside); err == nil {
			q.used()
			q.hold(conn)
			conn.Close()
		}
		q.used()
		dial.Pause(q.running, dial.Backoff)
	}
}

// hold waits for the end of the connection.
func (q *silent) hold(conn *dial.Conn) {
	opened := q.Now()
	n, err := io.Copy(io.Discard, conn)
	if given(err) {
		return
	}
	now := q.Now()
	q.ended = append(q.ended, Ended{Connection: q.n, At: now, Idle: now - opened, First: true, Bytes: n, Reset: errors.Is(err, syscall.ECONNRESET)})
}
