package servertest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/benchctl/benchctl/apps"
)

// client is one raw connection. Each of its reads and writes has the patience of its
// harness, so that a slow exchange that goes on is never taken for one that hangs.
type client struct {
	net.Conn
	br *bufio.Reader
	of *harness
}

func (h *harness) dial() (*client, error) {
	conn, err := net.Dial(h.network, h.addr)
	if err != nil {
		return nil, err
	}
	h.conns = append(h.conns, conn)
	c := &client{Conn: conn, of: h}
	c.br = bufio.NewReader(c)
	return c, nil
}

func (c *client) Read(p []byte) (int, error) {
	_ = c.SetReadDeadline(time.Now().Add(c.of.patience))
	return c.Conn.Read(p)
}

// Write writes p in parts, as patience is for each.
func (c *client) Write(p []byte) (written int, err error) {
	const part = 64 << 10
	for len(p) > 0 && err == nil {
		var n int
		_ = c.SetWriteDeadline(time.Now().Add(c.of.patience))
		n, err = c.Conn.Write(p[:min(part, len(p))])
		written, p = written+n, p[n:]
	}
	return written, err
}

// startAndDial starts app and connects to it.
func (h *harness) startAndDial(app apps.Func) (*client, error) {
	if err := h.start(app); err != nil {
		return nil, err
	}
	return h.dial()
}

// atOnce runs ask for each of n connections, all at the same time.
func (h *harness) atOnce(n int, ask func(i int, c *client) error) error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		c, err := h.dial()
		if err != nil {
			return err
		}
		wg.Go(func() { errs[i] = ask(i, c) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// reply is a reply that was read to its end.
type reply struct {
	*http.Response
	body string
}

// send writes raw bytes.
func (c *client) send(raw ...string) error {
	_, err := io.WriteString(c, strings.Join(raw, ""))
	return err
}

// open reads the header of the reply to a request with method.
func (c *client) open(method string) (*http.Response, error) {
	return http.ReadResponse(c.br, &http.Request{Method: method})
}

// read reads the whole reply to a request with method. The reply is not nil if
// there was a header, even if the body was cut.
func (c *client) read(method string) (*reply, error) {
	res, err := c.open(method)
	if err != nil {
		return nil, fmt.Errorf("read reply: %w", err)
	}
	body, err := io.ReadAll(res.Body)
	r := &reply{res, string(body)}
	if err != nil {
		return r, fmt.Errorf("read body after %d bytes: %w", len(body), err)
	}
	return r, nil
}

// do sends raw and reads the reply.
func (c *client) do(method string, raw ...string) (*reply, error) {
	if err := c.send(raw...); err != nil {
		return nil, err
	}
	return c.read(method)
}

// get is a GET of path with header lines.
func get(path string, header ...string) string { return request("GET", path, "", header...) }

// post is a POST of body with a Content-Length.
func post(path, body string, header ...string) string {
	header = append(header, fmt.Sprintf("Content-Length: %d", len(body)))
	return request("POST", path, body, header...)
}

// postChunks is a POST of chunks.
func postChunks(path string, chunks ...string) string {
	var b strings.Builder
	for _, c := range chunks {
		fmt.Fprintf(&b, "%x\r\n%s\r\n", len(c), c)
	}
	b.WriteString("0\r\n\r\n")
	return request("POST", path, b.String(), "Transfer-Encoding: chunked")
}

func request(method, path, body string, header ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: test\r\n", method, path)
	for _, line := range header {
		b.WriteString(line + "\r\n")
	}
	return b.String() + "\r\n" + body
}

// want reports a reply that is not complete or not the one expected.
func want(r *reply, err error, status int, body string) error {
	switch {
	case err != nil:
		return err
	case r.StatusCode != status:
		return fmt.Errorf("status %d, want %d", r.StatusCode, status)
	case r.body != body:
		return fmt.Errorf("body %s, want %s", brief(r.body), brief(body))
	}
	return nil
}

func brief(s string) string {
	if len(s) > 40 {
		return fmt.Sprintf("%.20q... (%d bytes)", s, len(s))
	}
	return fmt.Sprintf("%q", s)
}

// aligned checks that the connection still answers in step.
func (c *client) aligned(path, body string) error {
	r, err := c.do("GET", get(path))
	if err := want(r, err, 200, body); err != nil {
		return fmt.Errorf("next request: %w", err)
	}
	return nil
}

// alignedOrClosed checks that the connection answers in step or was closed.
func (c *client) alignedOrClosed(path, body string) error {
	if err := c.send(get(path)); err != nil {
		return nil
	}
	if _, err := c.br.Peek(1); err != nil {
		return notTimeout(err)
	}
	r, err := c.read("GET")
	return want(r, err, 200, body)
}

// closed checks that the server has closed the connection.
func (c *client) closed() error {
	b, err := c.br.ReadByte()
	if err == nil {
		return fmt.Errorf("got byte %q, want the connection closed", b)
	}
	return notTimeout(err)
}

// notTimeout is nil unless err says that nothing happened in time.
func notTimeout(err error) error {
	var ne net.Error
	if errors.As(err, &ne) && ne.Timeout() {
		return fmt.Errorf("connection not closed: %w", err)
	}
	return nil
}

// incomplete checks that a reply was cut in a way that the client can see.
func incomplete(r *reply, err error) error {
	if err == nil {
		return fmt.Errorf("reply looks complete: status %d, body %s", r.StatusCode, brief(r.body))
	}
	return notTimeout(err)
}
