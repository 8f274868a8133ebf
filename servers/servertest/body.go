package servertest

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/benchctl/benchctl/apps"
)

var errApp = errors.New("app fails on purpose")

// script is a Body that plays its steps, and watches the server's manners.
type script struct {
	steps  []func() ([]byte, error)
	n      int
	closes atomic.Int32
	late   atomic.Bool // Next after Close
	closed chan struct{}
	once   sync.Once
}

var _ apps.Body = (*script)(nil)

func blocks(texts ...string) *script {
	s := newScript()
	for _, text := range texts {
		s.then(func() ([]byte, error) { return []byte(text), nil })
	}
	return s
}

func newScript() *script { return &script{closed: make(chan struct{})} }

func (s *script) then(step func() ([]byte, error)) *script {
	s.steps = append(s.steps, step)
	return s
}

func (s *script) thenFail() *script {
	return s.then(func() ([]byte, error) { return nil, errApp })
}

func (s *script) thenPanic() *script {
	return s.then(func() ([]byte, error) { panic("app panics on purpose") })
}

// Next plays the next step.
func (s *script) Next() ([]byte, error) {
	if s.closes.Load() > 0 {
		s.late.Store(true)
	}
	if s.n == len(s.steps) {
		return nil, io.EOF
	}
	s.n++
	return s.steps[s.n-1]()
}

// Close counts.
func (s *script) Close() error {
	s.closes.Add(1)
	s.once.Do(func() { close(s.closed) })
	return nil
}

// closedOnce checks S6 after the server has stopped.
func (s *script) closedOnce(h *harness) error {
	if err := h.wait(s.closed, "close of the body"); err != nil {
		return err
	}
	if err := h.stop(); err != nil {
		return err
	}
	if n := s.closes.Load(); n != 1 {
		return fmt.Errorf("body closed %d times", n)
	}
	if s.late.Load() {
		return errors.New("next called after close")
	}
	return nil
}

// stream is an app that answers with body, once, and "hello" elsewhere.
func stream(body apps.Body, header ...string) apps.Func {
	return func(req apps.Request, res apps.Response) error {
		if req.Path() != "/stream" {
			return hello(req, res)
		}
		setHeaders(res, header)
		return res.Stream(200, body)
	}
}

func setHeaders(res apps.Response, header []string) {
	for i := 0; i+1 < len(header); i += 2 {
		res.SetHeader(header[i], header[i+1])
	}
}

func hello(_ apps.Request, res apps.Response) error {
	res.SetHeader("Content-Type", "text/plain")
	return res.Reply(200, []byte("hello"))
}

// echo answers with the whole request body.
func echo(req apps.Request, res apps.Response) error {
	if req.Path() != "/echo" {
		return hello(req, res)
	}
	body, err := io.ReadAll(req.Body())
	if err != nil {
		return err
	}
	return res.Reply(200, body)
}

// echoStream answers with the request body, read inside Next (A7).
func echoStream(req apps.Request, res apps.Response) error {
	if req.Path() != "/echo" {
		return hello(req, res)
	}
	return res.Stream(200, &echoBody{req.Body(), make([]byte, 32<<10)})
}

type echoBody struct {
	r   io.Reader
	buf []byte
}

func (b *echoBody) Next() ([]byte, error) {
	n, err := b.r.Read(b.buf)
	if n > 0 {
		return b.buf[:n], nil
	}
	return nil, err
}

func (b *echoBody) Close() error { return nil }
