package layers

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/stack"
)

// Timeout bounds how long the app may take to answer, and for each block of a stream. The context of the
// request has that deadline: its Deadline is that of the wait under way, and it ends with
// context.DeadlineExceeded, as its cause in contexts that are made of it. A request that is not answered when the
// app returns after the deadline gets 503 (RFC 9110 section 15.6.4), without what the app had set, whatever it
// returned; a stream whose block came too late is cut. The time in which the server sends is not counted.
//
// The app runs where the server called it, and no goroutine is added. So an app that does not
// heed its context is not interrupted: its 503 goes when it returns, and an answer that it gives late stands. A
// read of the request's body that waits for the client is not interrupted either, but the next one fails.
type Timeout struct {
	After time.Duration `stack:"after" default:"30s" min:"1ms" max:"24h" doc:"how long the answer, or a block of a stream, may take"`
}

// About implements stack.Layer.
func (Timeout) About() stack.About {
	return stack.About{Name: "timeout", Doc: "ends the context of requests that take too long, and answers 503 (RFC 9110 section 15.6.4)", Allocs: 6}
}

// Wrap implements stack.Layer.
func (l Timeout) Wrap(next apps.App) (apps.App, error) {
	return &timing{after: l.After, editor: withholding(next, func(req apps.Request, a *stack.Answer) {
		if a.Body != nil {
			r := req.(*timed)
			r.body, a.Body = a.Body, r
		}
	})}, nil
}

// timing is the app of Timeout.
type timing struct {
	after  time.Duration
	editor stack.Editor
}

// Serve implements apps.App.
func (w *timing) Serve(req apps.Request, res apps.Response) error {
	ctx, cancel := context.WithCancelCause(req.Context())
	r := &timed{withheld: withheld{Request: req}, ctx: waitContext{Context: ctx}, cancel: cancel, after: w.after}
	r.ctx.begin(w.after)
	r.timer = time.AfterFunc(w.after, r.expire)
	defer r.served()
	err := w.editor.Serve(r, res)
	if !r.answered && r.expired() {
		return stack.Plain(res, 503, "timeout\n")
	}
	return err
}

// timed is a request with deadlines. It is the reader of its body, and the stream of its answer.
type timed struct {
	withheld
	ctx    waitContext
	cancel context.CancelCauseFunc
	after  time.Duration
	timer  *time.Timer // runs while the app is waited for
	body   apps.Body   // of a stream
}

// expire ends the context.
func (r *timed) expire() { r.cancel(context.DeadlineExceeded) }

func (r *timed) expired() bool { return errors.Is(r.ctx.Err(), context.DeadlineExceeded) }

// served ends the wait for Serve, and the request unless it has a stream.
func (r *timed) served() {
	if r.body == nil {
		r.end()
	} else {
		r.pause()
	}
}

func (r *timed) pause() {
	r.timer.Stop()
	r.ctx.at.Store(0)
}

func (r *timed) end() {
	r.pause()
	r.cancel(nil)
}

// Context implements apps.Request.
func (r *timed) Context() context.Context { return &r.ctx }

// Body implements apps.Request.
func (r *timed) Body() io.Reader { return r }

// Read implements io.Reader. It fails after the deadline.
func (r *timed) Read(p []byte) (int, error) {
	if r.expired() {
		return 0, context.DeadlineExceeded
	}
	return r.Request.Body().Read(p)
}

// Next implements apps.Body.
func (r *timed) Next() ([]byte, error) {
	if r.expired() {
		return nil, context.DeadlineExceeded
	}
	r.ctx.begin(r.after)
	r.timer.Reset(r.after)
	block, err := r.body.Next()
	r.pause()
	if err == nil && r.expired() {
		return nil, context.DeadlineExceeded
	}
	return block, err
}

// Close implements apps.Body.
func (r *timed) Close() error {
	defer r.end()
	return r.body.Close()
}

// waitContext is a context that ends by its cause, and has the deadline of the wait under way.
type waitContext struct {
	context.Context              //nolint:containedctx // it is one
	at              atomic.Int64 // when the wait ends, in ns since 1970; 0: there is none
}

func (c *waitContext) begin(after time.Duration) { c.at.Store(time.Now().Add(after).UnixNano()) }

// Err implements context.Context.
func (c *waitContext) Err() error {
	err := c.Context.Err()
	if err != nil && errors.Is(context.Cause(c.Context), context.DeadlineExceeded) {
		return context.DeadlineExceeded
	}
	return err
}

// Deadline implements context.Context.
func (c *waitContext) Deadline() (time.Time, bool) {
	outer, has := c.Context.Deadline()
	if ns := c.at.Load(); ns != 0 {
		if own := time.Unix(0, ns); !has || own.Before(outer) {
			return own, true
		}
	}
	return outer, has
}
