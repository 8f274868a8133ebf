package raw

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/benchctl/benchctl/bench/load/wire"
)

// flight is a request of a pipelined connection that is sent, or about to be.
type flight struct {
	request *wire.Request
	sent    time.Duration // in a closed loop that is when it was intended, too
}

// flight is the i-th of c's requests in flight, counted from the first.
func (w *worker) flight(c *conn, i int16) *flight {
	depth := w.setup.Pipeline
	at := int(c.first) + int(i)
	if at >= depth {
		at -= depth
	}
	return &w.flights[int(c.index)*depth+at]
}

// lead makes c ready for the reply to the first of the requests in flight.
func (w *worker) lead(c *conn) {
	f := w.flight(c, 0)
	c.Begin(f.request, f.sent, f.sent)
}

// advance goes to the next of c's requests in flight.
func (w *worker) advance(c *conn) {
	if c.first++; int(c.first) == w.setup.Pipeline {
		c.first = 0
	}
	w.lead(c)
}

// room is how many more requests c can take.
func (w *worker) room(c *conn) int16 {
	room := w.setup.Pipeline - int(c.flying)
	if last := w.setup.last; last > 0 {
		room = min(room, int(last-c.replies)-int(c.flying))
	}
	return int16(room)
}

// fill sends as many requests as c can take, in one write. What does not fit into the
// socket's buffer follows when the socket can take more. Replies are read meanwhile: a
// server may answer before it has read everything, and stop reading until its replies
// are taken.
func (w *worker) fill(c *conn, now time.Duration) {
	room := w.room(c)
	if room <= 0 {
		return
	}
	waiting := c.pending()
	for i := range room {
		*w.flight(c, c.flying+i) = flight{w.turn.Take(), now}
	}
	vacant := c.flying == 0
	c.flying += room
	c.unwritten += room
	if waiting {
		w.launched(c, room, vacant)
		return
	}
	if errno := w.write(c); errno != 0 && errno != unix.EAGAIN {
		c.flying -= room
		c.unwritten -= room
		if vacant {
			w.unsendable(c, errno, now)
		}
		// Otherwise reading tells it again, with the replies that came before.
		return
	}
	w.launched(c, room, vacant)
}

// launched counts n requests that are in flight from now on; vacant means that there
// were none before.
func (w *worker) launched(c *conn, n int16, vacant bool) {
	w.tally.Sent += uint64(n)
	if vacant {
		w.lead(c)
		c.state = busy
		w.busy++
	}
}

// pending reports whether c has something to send that did not fit.
func (c *conn) pending() bool { return len(c.unsent) > 0 || c.unwritten > 0 }

// write sends what c has to send, as far as it fits.
func (w *worker) write(c *conn) unix.Errno {
	w.gathered = w.gathered[:0]
	w.gather(c.unsent)
	for i := c.flying - c.unwritten; i < c.flying; i++ {
		w.gather(w.flight(c, i).request.Bytes)
	}
	n, errno := sendAll(int(c.fd), &w.message, w.gathered)
	if errno == 0 {
		w.written(c, n)
	}
	return errno
}

func (w *worker) gather(b []byte) {
	if len(b) > 0 {
		w.gathered = append(w.gathered, unix.Iovec{Base: &b[0]})
		w.gathered[len(w.gathered)-1].SetLen(len(b))
	}
}

// written takes n bytes from what c has to send.
func (w *worker) written(c *conn, n int) {
	k := min(n, len(c.unsent))
	c.unsent = c.unsent[k:]
	for n -= k; n > 0; n -= k {
		next := w.flight(c, c.flying-c.unwritten).request.Bytes
		c.unwritten--
		k = min(n, len(next))
		c.unsent = next[k:]
	}
}
