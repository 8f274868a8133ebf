package conform

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/benchctl/benchctl/apps/http1"
	"github.com/benchctl/benchctl/apps/suite"
)

// probe is one check being made.
type probe struct {
	Target
	ctx     context.Context
	app     suite.Instance // of a check for each app
	log     transcript
	clients []*client
}

// client is one raw connection: it sends what it is told and reads replies.
type client struct {
	conn net.Conn
	r    *bufio.Reader
	asks bool // for another protocol, so that 101 may be the reply (RFC 9110 section 15.2.2)
}

// dial opens a connection that lives until the check ends.
func (p *probe) dial() (*client, error) {
	var d net.Dialer
	conn, err := d.DialContext(p.ctx, "tcp", p.Address)
	if err != nil {
		return nil, err
	}
	if end, ok := p.ctx.Deadline(); ok {
		_ = conn.SetDeadline(end)
	}
	c := &client{conn: taped{conn, &p.log, len(p.clients) + 1}}
	c.r = bufio.NewReader(c.conn)
	p.clients = append(p.clients, c)
	context.AfterFunc(p.ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	return c, nil
}

// close closes all connections of the check.
func (p *probe) close() {
	for _, c := range p.clients {
		c.conn.Close()
	}
}

// within bounds what is read next.
func (c *client) within(d time.Duration) { _ = c.conn.SetReadDeadline(time.Now().Add(d)) }

// request is one request to send.
type request struct {
	method, target string
	header         [][2]string
	body           []byte
}

func requestOf(x suite.Exchange) request { return request{x.Method, x.Target, x.Header, x.Body} }

// with adds a header field.
func (r request) with(name, value string) request {
	r.header = append(r.header[:len(r.header):len(r.header)], [2]string{name, value})
	return r
}

func (r request) encode(host string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", r.method, r.target, host)
	for _, h := range r.header {
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
	}
	if len(r.body) > 0 {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(r.body))
	}
	b.WriteString("\r\n")
	b.Write(r.body)
	return b.Bytes()
}

// reply is what came back.
type reply struct {
	StatusCode       int
	Header           http.Header
	TransferEncoding []string // "chunked", if the body comes in chunks
	Close            bool     // the connection ends after it
	body             []byte
	switched         bool // it is 101, and another protocol follows

	reader http1.Reply
}

// expected is the reply to come to a request with the given method.
func expected(method string) *reply {
	r := &reply{Header: http.Header{}}
	r.reader.Reset(method == http.MethodHead)
	r.reader.Header = r.Header
	return r
}

// errNoReply is that the connection ended before a reply.
var errNoReply = errors.New("the connection ended without a reply")

// read reads the whole reply to a request with the given method, beyond interim ones
// (RFC 9110 section 15.2), of which there may be any. With an error it returns what came,
// if that is more than the header.
func (c *client) read(method string) (*reply, error) {
	r := expected(method)
	if err := c.await(r, nil); err != nil && !r.reader.Headed() {
		return nil, err
	} else if err != nil {
		return r, fmt.Errorf("read body after %d bytes: %w", len(r.body), err)
	}
	return r, nil
}

// await reads more of a reply, until it is whole or enough, if that is not nil, is true.
func (c *client) await(r *reply, enough func() bool) error {
	for !r.reader.Whole() && !r.switched && (enough == nil || !enough()) {
		if err := c.more(r); err != nil {
			return err
		}
	}
	return nil
}

// more reads what comes next of a reply.
func (c *client) more(r *reply) error {
	_, err := c.r.Peek(1)
	switch {
	case errors.Is(err, io.EOF) && r.reader.End():
		return nil
	case err != nil && isEnd(err) && (r.reader.Headed() || r.reader.Begun() && !isReset(err)):
		return r.reader.Cut() // a reset may overtake any part of a header
	case err != nil && r.reader.Headed():
		return err
	case err != nil:
		return asEnd(err)
	}
	came, _ := c.r.Peek(c.r.Buffered())
	block, n, fault := r.reader.Next(came)
	r.switched = c.asks && fault != nil && fault.Cause == http1.Switch.Cause
	if fault != nil && !r.switched {
		return fault
	}
	r.body = append(r.body, block...)
	_, _ = c.r.Discard(n)
	r.StatusCode, r.Close = int(r.reader.Status), r.reader.Close
	if r.reader.Chunked {
		r.TransferEncoding = []string{"chunked"}
	}
	return nil
}

// isMalformed reports whether err is that a reply breaks the protocol, whatever comes next.
func isMalformed(err error) bool {
	var fault *http1.Fault
	return errors.As(err, &fault) && fault.Kind != http1.Closed
}

// asEnd tells the end of a connection from other errors.
func asEnd(err error) error {
	switch {
	case isEnd(err):
		return errNoReply
	case errors.Is(err, os.ErrDeadlineExceeded):
		return late{err}
	}
	return fmt.Errorf("read reply: %w", err)
}

// late is the error of a reply that did not come in time. That of the connection beneath
// it tells nothing more.
type late struct{ error }

func (late) Error() string { return "no reply in time" }

func (l late) Unwrap() error { return l.error }

func isEnd(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || isReset(err)
}

func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// exchange sends one request, after which none is to follow before the reply, and reads
// the whole reply.
func (c *client) exchange(r request) (*reply, error) {
	res, err := c.roundTrip(r)
	if err != nil {
		return nil, err
	}
	if extra, _ := c.r.Peek(c.r.Buffered()); len(extra) > 0 {
		return nil, fmt.Errorf("%s %s: %w", r.method, r.target, http1.Trailing.In(extra))
	}
	return res, nil
}

// roundTrip sends one request and reads the whole reply that comes next. The request is
// written while the reply is read, as a server may answer before it has read all.
func (c *client) roundTrip(r request) (*reply, error) {
	written := make(chan error, 1)
	go func() {
		_, err := c.conn.Write(r.encode(c.conn.RemoteAddr().String()))
		written <- err
	}()
	res, err := c.read(r.method)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", r.method, r.target, err)
	}
	if err := <-written; err != nil {
		return nil, fmt.Errorf("%s %s: write: %w", r.method, r.target, err)
	}
	return res, nil
}

// send sends text, in which "{host}" stands for the server's address. That the
// server has closed the connection already shows when its reply is read.
func (c *client) send(text string) {
	_, _ = io.WriteString(c.conn, strings.ReplaceAll(text, "{host}", c.conn.RemoteAddr().String()))
}

// ask sends text on a new connection and reads the reply.
func (p *probe) ask(text string) (*client, *reply, error) {
	c, err := p.dial()
	if err != nil {
		return nil, nil, err
	}
	method, _, _ := strings.Cut(text, " ")
	go c.send(text)
	c.within(patience)
	res, err := c.read(method)
	return c, res, err
}

// closeWrite tells the server that nothing more is sent.
func (c *client) closeWrite() {
	if half, ok := c.conn.(taped).Conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}

// ended reports whether the server closes the connection without another byte.
func (c *client) ended() error { return c.endsWithin(patience) }

func (c *client) endsWithin(d time.Duration) error {
	c.within(d)
	extra, err := io.ReadAll(io.LimitReader(c.r, 64))
	switch {
	case len(extra) > 0:
		return http1.Trailing.In(extra)
	case err != nil && !isReset(err):
		return fmt.Errorf("the connection stays open: %w", err)
	}
	return nil
}

// goesOn reports whether the connection, after a reply, carries another request or
// ends, as the reply may have announced.
func (c *client) goesOn(last *reply) error {
	if last.Close {
		return c.ended()
	}
	// What is there already would be lost where the server ends the connection now.
	if extra, _ := c.r.Peek(c.r.Buffered()); len(extra) > 0 {
		return fmt.Errorf("before the next request on the connection: %w", http1.Trailing.In(extra))
	}
	c.within(patience)
	res, err := c.roundTrip(request{method: http.MethodGet, target: "/hello"})
	switch {
	case errors.Is(err, errNoReply):
		return nil // a server may close at any time (RFC 9112 section 9.5)
	case err != nil:
		return fmt.Errorf("the next request on the connection: %w", err)
	case res.StatusCode != http.StatusOK || string(res.body) != "Hello, World!":
		return fmt.Errorf("the next request on the connection: status %d, body %.40q: the reply before it was framed wrongly", res.StatusCode, res.body)
	}
	return nil
}
