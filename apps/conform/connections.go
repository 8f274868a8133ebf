package conform

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/benchctl/benchctl/apps/suite"
)

// keepAliveRequests are sent on one connection by the check of that name.
const keepAliveRequests = 5

func checkKeepAlive(p *probe) error { return p.requests(p.app, keepAliveRequests) }

func checkKeepAlive1000(p *probe) error { return p.requests(p.app, 1000) }

// requests asks for app n times on one connection, or until the server says that
// it closes it.
func (p *probe) requests(app suite.Instance, n int) error {
	c, err := p.dial()
	if err != nil {
		return err
	}
	x := app.Exchange()
	for i := range n {
		res, err := c.exchange(requestOf(x))
		if err == nil {
			err = match(res, x)
		}
		if err != nil {
			return fmt.Errorf("request %d of a connection: %w", i+1, err)
		}
		if res.Close {
			return c.ended()
		}
	}
	return nil
}

func checkClose(p *probe) error {
	c, err := p.dial()
	if err != nil {
		return err
	}
	x := p.app.Exchange()
	res, err := c.exchange(requestOf(x).with("Connection", "close"))
	if err != nil {
		return err
	}
	if err := match(res, x); err != nil {
		return err
	}
	return c.ended()
}

// checkHTTP10 asks for a reply of unknown length, which ends with the connection.
func checkHTTP10(p *probe) error {
	_, res, err := p.ask("GET /stream?chunks=3&bytes=100 HTTP/1.0\r\nHost: {host}\r\n\r\n")
	switch {
	case err != nil:
		return err
	case len(res.TransferEncoding) > 0 || res.Header.Get("Transfer-Encoding") != "":
		return errors.New("the reply to HTTP/1.0 has a Transfer-Encoding")
	case res.StatusCode != http.StatusOK || len(res.body) != 300:
		return fmt.Errorf("the reply to HTTP/1.0: status %d with %d bytes, not 200 with 300", res.StatusCode, len(res.body))
	}
	return nil
}

// pipelined requests go out in one write.
const pipelined = 16

// checkPipeline tells the replies apart by their lengths.
func checkPipeline(p *probe) error {
	c, err := p.dial()
	if err != nil {
		return err
	}
	var text strings.Builder
	for n := range pipelined {
		fmt.Fprintf(&text, "GET /size?bytes=%d HTTP/1.1\r\nHost: {host}\r\n\r\n", n+1)
	}
	go c.send(text.String())
	for n := range pipelined {
		c.within(patience)
		res, err := c.read(http.MethodGet)
		if n > 0 && errors.Is(err, errNoReply) {
			return nil // the client has to ask again for what was not answered
		}
		if err != nil {
			return fmt.Errorf("reply %d of %d: %w", n+1, pipelined, err)
		}
		if res.StatusCode != http.StatusOK || len(res.body) != n+1 {
			return fmt.Errorf("reply %d of %d: status %d with %d bytes: not in the order of the requests", n+1, pipelined, res.StatusCode, len(res.body))
		}
		if res.Close {
			return nil
		}
	}
	return nil
}

// checkHalfClose has a client that sends nothing more wait for its reply.
func checkHalfClose(p *probe) error {
	return p.try(notHello, variant{name: "a request and the end of what is sent", text: hidden, cut: true})
}

func checkByteByByte(p *probe) error {
	c, err := p.dial()
	if err != nil {
		return err
	}
	for _, b := range []byte("GET /hello HTTP/1.1\r\nHost: " + p.Address + "\r\nX-Field: value\r\n\r\n") {
		if _, err := c.conn.Write([]byte{b}); err != nil {
			break // what the server says to it tells more
		}
		time.Sleep(time.Millisecond) // or the system would put bytes together
	}
	c.within(patience)
	res, err := c.read(http.MethodGet)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK || string(res.body) != "Hello, World!" {
		return fmt.Errorf("status %d, body %.40q", res.StatusCode, res.body)
	}
	return nil
}

// slowClients are more than the worker threads that servers have by default.
const slowClients = 40

func checkSlowHeader(p *probe) error {
	for range slowClients {
		c, err := p.dial()
		if err != nil {
			return err
		}
		c.send("GET /hello HTTP/1.1\r\nHost: {host}\r\nX-")
	}
	_, res, err := p.ask("GET /hello HTTP/1.1\r\nHost: {host}\r\n\r\n")
	if err != nil {
		return fmt.Errorf("behind %d clients that sent half a header: %w", slowClients, err)
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("behind %d clients that sent half a header: status is %d", slowClients, res.StatusCode)
	}
	return nil
}

const (
	slowReading = time.Second
	maxGrowth   = 32 // MiB
)

// checkSlowReader asks for much, reads a little, and looks what the server keeps
// for it meanwhile.
func checkSlowReader(p *probe) error {
	if p.Memory == nil {
		return skipped("the server's memory isn't known")
	}
	before, err := p.Memory()
	if err != nil {
		return skipped("the server's memory isn't known: " + err.Error())
	}
	c, err := p.dial()
	if err != nil {
		return err
	}
	c.send("GET /size?bytes=100000000 HTTP/1.1\r\nHost: {host}\r\n\r\n")
	worst := before
	for end := time.Now().Add(slowReading); time.Now().Before(end); {
		c.within(patience)
		if _, err := io.CopyN(io.Discard, c.r, 1000); err != nil {
			return asEnd(err)
		}
		time.Sleep(slowReading / 20)
		if now, err := p.Memory(); err == nil {
			worst = max(worst, now)
		}
	}
	if worst-before > maxGrowth {
		return fmt.Errorf("memory grew from %.0f to %.0f MiB", before, worst)
	}
	return nil
}
