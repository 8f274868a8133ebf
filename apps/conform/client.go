package conform

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/benchctl/benchctl/apps/suite"
)

// client is one raw connection: it sends what it is told and reads replies.
type client struct {
	conn   net.Conn
	r      *bufio.Reader
	forget func() bool // the context
}

func dial(ctx context.Context, address string) (*client, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	forget := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })
	return &client{conn, bufio.NewReader(conn), forget}, nil
}

func (c *client) close() {
	c.forget()
	c.conn.Close()
}

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

// reply is what came back, its body still to be read.
type reply struct {
	*http.Response
	body []byte
}

// exchange sends one request and reads the whole reply. The request is written
// while the reply is read, as a server may answer before it has read all.
func (c *client) exchange(r request) (*reply, error) {
	written := make(chan error, 1)
	go func() {
		_, err := c.conn.Write(r.encode(c.conn.RemoteAddr().String()))
		written <- err
	}()
	res, err := http.ReadResponse(c.r, &http.Request{Method: r.method})
	if err != nil {
		return nil, fmt.Errorf("%s %s: read reply: %w", r.method, r.target, err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, fmt.Errorf("%s %s: read body after %d bytes: %w", r.method, r.target, len(body), err)
	}
	if err := <-written; err != nil {
		return nil, fmt.Errorf("%s %s: write: %w", r.method, r.target, err)
	}
	return &reply{res, body}, nil
}

// ended tells whether the server closes the connection without another byte.
func (c *client) ended() error {
	extra, err := io.ReadAll(io.LimitReader(c.r, 64))
	switch {
	case len(extra) > 0:
		return fmt.Errorf("%q came after the reply", extra)
	case err != nil && !strings.Contains(err.Error(), "reset"):
		return fmt.Errorf("the connection stays open: %w", err)
	}
	return nil
}
