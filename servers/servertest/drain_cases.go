package servertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"syscall"

	"github.com/benchctl/benchctl/apps"
)

var drainCases = []testCase{
	{name: "S14 an idle connection ends with its next reply", run: drainsIdle},
	{name: "S14 a POST on an idle connection is the last", run: drainsPost},
	{name: "S14 a failure is the last reply too", run: drainsFailure},
	{name: "S14 a reply in flight ends its connection", run: drainsBusy},
	{name: "S14 a stream ends its connection", run: drainsStream},
	{name: "S14 new connections are refused", run: drainRefuses},
}

// answersRest is an app that reads the body and answers with its length.
func answersRest(req apps.Request, res apps.Response) error {
	n, err := io.Copy(io.Discard, req.Body())
	if err != nil {
		return err
	}
	return res.Reply(200, fmt.Appendf(nil, "%d bytes", n))
}

// drained has three connections answer, stops the listener, and checks that each ends
// with its next reply, which ask sends for, and that none is left then.
func (h *harness) drained(app apps.Func, first string, ask func(*client) error) error {
	all, err := h.answered(app, "/first", first)
	if err != nil {
		return err
	}
	if err := h.ln.Stop(); err != nil {
		return err
	}
	for _, c := range all { // one after the other: those that wait are left alone
		if err := ask(c); err != nil {
			return err
		}
	}
	return h.none()
}

// none waits until no connection is left.
func (h *harness) none() error {
	ctx, cancel := context.WithTimeout(context.Background(), h.patience)
	defer cancel()
	if left := h.ln.Wait(ctx, nil); left > 0 {
		return fmt.Errorf("%d connections are said to be open", left)
	}
	return nil
}

// last checks that a reply is right and says that its connection ends, and that it does.
func (c *client) last(r *reply, err error, status int, body string) error {
	if err := want(r, err, status, body); err != nil {
		return err
	}
	if !r.Close {
		return fmt.Errorf("reply without Connection: close: %v", r.Header)
	}
	return c.closed()
}

func drainsIdle(h *harness) error {
	return h.drained(hello, "hello", func(c *client) error {
		r, err := c.do("GET", get("/"))
		return c.last(r, err, 200, "hello")
	})
}

func drainsPost(h *harness) error {
	return h.drained(answersRest, "0 bytes", func(c *client) error {
		r, err := c.do("POST", post("/", "twelve bytes"))
		return c.last(r, err, 200, "12 bytes")
	})
}

func drainsFailure(h *harness) error {
	app := func(req apps.Request, res apps.Response) error {
		if req.Path() == "/first" {
			return hello(req, res)
		}
		return fmt.Errorf("%s fails", req.Path())
	}
	return h.drained(app, "hello", func(c *client) error {
		r, err := c.do("GET", get("/"))
		return c.last(r, err, 500, "")
	})
}

func drainsStream(h *harness) error {
	app := func(req apps.Request, res apps.Response) error {
		if req.Path() == "/first" {
			return hello(req, res)
		}
		return res.Stream(200, blocks("one ", "two"))
	}
	return h.drained(app, "hello", func(c *client) error {
		r, err := c.do("GET", get("/"))
		return c.last(r, err, 200, "one two")
	})
}

// drainsBusy stops the listener while the app has not answered.
func drainsBusy(h *harness) error {
	entered, leave := make(chan struct{}), make(chan struct{})
	answer := sync.OnceFunc(func() { close(leave) })
	defer answer()
	c, err := h.startAndDial(func(req apps.Request, res apps.Response) error {
		close(entered)
		<-leave
		return hello(req, res)
	})
	if err != nil {
		return err
	}
	if err := c.enters(entered); err != nil {
		return err
	}
	if err := h.ln.Stop(); err != nil {
		return err
	}
	answer()
	r, err := c.read("GET")
	if err := c.last(r, err, 200, "hello"); err != nil {
		return err
	}
	return h.none()
}

// drainRefuses checks that who connects once the listener is stopped is refused, and does
// not wait for a server that never accepts. The socket may be another process's too: here
// it is not, and goes.
func drainRefuses(h *harness) error {
	c, err := h.startAndDial(hello)
	if err != nil {
		return err
	}
	if err := c.aligned("/", "hello"); err != nil {
		return err
	}
	if err := h.ln.Stop(); err != nil {
		return err
	}
	late, err := h.dial()
	if err == nil {
		late.Close()
		return errors.New("a new connection is taken, or waits for nobody")
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return err
	}
	return nil
}
