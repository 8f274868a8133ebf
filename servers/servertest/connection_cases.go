package servertest

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/benchctl/benchctl/apps"
)

var connectionCases = []testCase{
	{name: "S12 a connection serves 100 requests", run: keepAlive},
	{name: "S12 pipelined requests are answered in order", run: pipeline},
	{name: "S12 Connection: close is honoured", run: func(h *harness) error {
		return closesAfter(h, 5)
	}},
	{name: "S12 Connection: close waits for a large reply", run: func(h *harness) error {
		return closesAfter(h, big)
	}},
}

var stopCases = []testCase{
	{name: "S13 a reply in flight is finished", run: func(h *harness) error {
		return finishes(h, func(res apps.Response, block func() ([]byte, error)) error {
			body, err := block()
			if err != nil {
				return err
			}
			return res.Reply(200, body)
		})
	}},
	{name: "S13 a stream in flight is finished", run: func(h *harness) error {
		return finishes(h, func(res apps.Response, block func() ([]byte, error)) error {
			return res.Stream(200, newScript().then(block))
		})
	}},
	{name: "S13 a large reply in flight is finished", run: finishesLarge},
	{name: "S13 idle connections do not hold it up", run: idle},
	{name: "S13 new connections are refused", run: refused},
	{name: "S13 what outlasts the grace is cut", run: outlasts, slow: true},
}

func keepAlive(h *harness) error {
	c, err := h.startAndDial(hello)
	if err != nil {
		return err
	}
	for i := range 100 {
		if err := c.aligned("/", "hello"); err != nil {
			return fmt.Errorf("request %d: %w", i, err)
		}
	}
	return nil
}

func pipeline(h *harness) error {
	c, err := h.startAndDial(func(req apps.Request, res apps.Response) error {
		if req.Query() == "stream" {
			return res.Stream(200, blocks(req.Path()))
		}
		return res.Reply(200, []byte(req.Path()))
	})
	if err != nil {
		return err
	}
	var b strings.Builder
	for i := range 8 {
		fmt.Fprint(&b, get(fmt.Sprintf("/%d", 2*i)), get(fmt.Sprintf("/%d?stream", 2*i+1)))
	}
	if err := c.send(b.String()); err != nil {
		return err
	}
	for i := range 16 {
		r, err := c.read("GET")
		if err := want(r, err, 200, fmt.Sprintf("/%d", i)); err != nil {
			return fmt.Errorf("reply %d: %w", i, err)
		}
	}
	return nil
}

func closesAfter(h *harness, size int) error {
	text := strings.Repeat("x", size)
	c, err := h.startAndDial(func(_ apps.Request, res apps.Response) error {
		return res.Reply(200, []byte(text))
	})
	if err != nil {
		return err
	}
	r, err := c.do("GET", get("/", "Connection: close"))
	return c.last(r, err, 200, text)
}

// finishes stops the server while a request is in the app, and lets the app go on
// when the listener is closed.
func finishes(h *harness, answer func(res apps.Response, block func() ([]byte, error)) error) error {
	entered, leave := make(chan struct{}), make(chan struct{})
	c, err := h.startAndDial(func(_ apps.Request, res apps.Response) error {
		return answer(res, func() ([]byte, error) {
			close(entered)
			return []byte("done"), h.wait(leave, "permission to go on")
		})
	})
	if err != nil {
		return err
	}
	if err := c.enters(entered); err != nil {
		return err
	}
	h.cancel()
	if err := h.awaitRefusal(); err != nil {
		return err
	}
	close(leave)
	r, err := c.read("GET")
	if err := want(r, err, 200, "done"); err != nil {
		return err
	}
	return h.stopped(stopping)
}

// finishesLarge stops the server while the client has not read a reply that no
// socket's buffer holds.
func finishesLarge(h *harness) error {
	text := strings.Repeat("x", big)
	c, err := h.startAndDial(func(_ apps.Request, res apps.Response) error {
		return res.Reply(200, []byte(text))
	})
	if err != nil {
		return err
	}
	if err := c.send(get("/")); err != nil {
		return err
	}
	if _, err := c.br.Peek(1); err != nil {
		return err
	}
	h.cancel()
	if err := h.awaitRefusal(); err != nil {
		return err
	}
	r, err := c.read("GET")
	if err := want(r, err, 200, text); err != nil {
		return err
	}
	return h.stopped(stopping)
}

// answered starts the app and has three connections get one reply each.
func (h *harness) answered(app apps.Func, target, body string) (all []*client, err error) {
	if err := h.start(app); err != nil {
		return nil, err
	}
	for range 3 {
		c, err := h.dial()
		if err != nil {
			return nil, err
		}
		if err := c.aligned(target, body); err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

// enters sends a request and waits until the app has it.
func (c *client) enters(entered <-chan struct{}) error {
	if err := c.send(get("/")); err != nil {
		return err
	}
	return c.of.wait(entered, "request in the app")
}

func idle(h *harness) error {
	if _, err := h.answered(hello, "/", "hello"); err != nil {
		return err
	}
	h.cancel()
	return h.stopped(stopping)
}

func refused(h *harness) error {
	if _, err := h.answered(hello, "/", "hello"); err != nil {
		return err
	}
	h.cancel()
	if err := h.stopped(stopping); err != nil {
		return err
	}
	return h.awaitRefusal()
}

// awaitRefusal dials until it is refused. The kernel says no at once, so this
// needs no pause.
func (h *harness) awaitRefusal() error {
	for until := time.Now().Add(h.patience); time.Now().Before(until); {
		c, err := net.Dial(h.network, h.addr)
		if err != nil {
			return nil
		}
		c.Close()
	}
	return fmt.Errorf("connections still accepted after %v", h.patience)
}

// outlasts checks that Serve returns with an error when a request never ends.
func outlasts(h *harness) error {
	entered, end := make(chan struct{}), make(chan struct{})
	endApp := sync.OnceFunc(func() { close(end) })
	defer endApp()
	c, err := h.startAndDial(func(req apps.Request, res apps.Response) error {
		close(entered)
		<-end
		return hello(req, res)
	})
	if err != nil {
		return err
	}
	if err := c.enters(entered); err != nil {
		return err
	}
	h.cancel()
	const grace = 5 * time.Second
	switch err := h.stopped(grace + stopping); {
	case err == nil:
		return errors.New("serve returned nil, want an error that says what was cut")
	case errors.Is(err, errHangs):
		return err
	}
	endApp() // no reply may come any more
	return c.closed()
}
