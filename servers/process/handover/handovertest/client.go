package handovertest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Answer is the body of the reply to a request with an id, by a process of a generation.
func Answer(id string, generation, pid int) string {
	return fmt.Sprintf("%s %d %d", id, generation, pid)
}

// Header is the field of a request that has its id, in a GET as in a POST, which has it
// in its body too.
const Header = "X-Id"

// client sends requests, one at a time.
type client struct {
	load   *Load
	method string
	rests  bool

	conn     net.Conn // nil: none
	in       *bufio.Reader
	server   int // the process that answered last on conn; 0: none did
	answered time.Time
}

var errWrong = errors.New("the reply is not to this request")

// run sends requests until ctx ends.
func (c *client) run(ctx context.Context) {
	defer c.hangUp()
	for ctx.Err() == nil {
		c.request()
		if c.rests {
			select {
			case <-time.After(rand.N(2*c.load.config.Drain + 1)):
			case <-ctx.Done():
			}
		}
	}
}

func (c *client) hangUp() {
	if c.conn != nil {
		c.conn.Close()
	}
	c.conn, c.server = nil, 0
}

// request sends a request on the connection, a new one if there is none or it has ended,
// and counts what becomes of it.
func (c *client) request() {
	c.notice()
	id := fmt.Sprintf("%s-%d", strings.ToLower(c.method), c.load.ids.Add(1))
	sent := time.Now()
	err := c.connect()
	anyByte := false
	var r reply
	if err == nil {
		anyByte, err = c.exchange(id, &r)
	}
	if err != nil {
		c.lost(id, sent, outcome(err, anyByte), err)
		c.hangUp()
		return
	}
	c.server, c.answered = r.pid, time.Now()
	c.load.count(func(t *Tally) {
		t.Completed++
		t.Generations[r.generation]++
		if c.method == "GET" {
			t.GET++
		} else {
			t.POST++
		}
		if r.last {
			t.Last++
		}
	})
	if r.last {
		c.hangUp()
	}
}

func (c *client) lost(id string, sent time.Time, what Outcome, err error) {
	loss := Loss{ID: id, Method: c.method, Outcome: what, Server: c.server, cause: err}
	idle := c.load.wasIdle(c.server, c.answered, sent)
	c.load.count(func(t *Tally) {
		if idle {
			t.Idle = append(t.Idle, loss)
		} else {
			t.Lost = append(t.Lost, loss)
		}
	})
}

// notice sees that the server has ended the connection before it is used again, as every
// client may and none can be sure to.
func (c *client) notice() {
	if c.conn == nil || !ended(c.conn) {
		return
	}
	idle := c.load.wasIdle(c.server, c.answered, time.Now())
	c.load.count(func(t *Tally) {
		if idle {
			t.IdleClosed++
		} else {
			t.Cut++
		}
	})
	c.hangUp()
}

// ended tells whether the other side has closed a connection on which nothing is to come.
func ended(conn net.Conn) bool {
	socket, ok := conn.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return true
	}
	var gone bool
	err = raw.Control(func(fd uintptr) {
		var b [1]byte
		_, _, err := unix.Recvfrom(int(fd), b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
		gone = !errors.Is(err, unix.EAGAIN)
	})
	return err != nil || gone
}

func (c *client) connect() error {
	if c.conn != nil {
		return nil
	}
	a := c.load.config.Address
	conn, err := net.DialTimeout(a.Network(), a.String(), c.load.config.Timeout)
	if err != nil {
		return err
	}
	c.conn, c.in = conn, bufio.NewReader(conn)
	c.load.count(func(t *Tally) { t.Connections++ })
	return nil
}

// reply is what a reply tells of its server.
type reply struct {
	generation, pid int
	last            bool
}

// exchange sends a request and reads the reply. It tells whether any byte of it came.
func (c *client) exchange(id string, r *reply) (anyByte bool, err error) {
	_ = c.conn.SetDeadline(time.Now().Add(c.load.config.Timeout))
	body := ""
	if c.method == "POST" {
		body = id + strings.Repeat(".", rand.N(2000))
	}
	text := fmt.Sprintf("%s / HTTP/1.1\r\nHost: test\r\n%s: %s\r\nContent-Length: %d\r\n\r\n%s", c.method, Header, id, len(body), body)
	if _, err := io.WriteString(c.conn, text); err != nil {
		return false, err
	}
	if _, err := c.in.Peek(1); err != nil {
		return false, err
	}
	res, err := http.ReadResponse(c.in, &http.Request{Method: c.method})
	if err != nil {
		return true, err
	}
	got, err := io.ReadAll(res.Body)
	if err != nil {
		return true, err
	}
	var of string
	if n, _ := fmt.Sscanf(string(got), "%s %d %d", &of, &r.generation, &r.pid); n != 3 || of != id || res.StatusCode != http.StatusOK {
		return true, fmt.Errorf("%w: status %d, %.100q", errWrong, res.StatusCode, got)
	}
	r.last = res.Close
	return true, nil
}
