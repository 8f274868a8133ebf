package layers

import (
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/stack"
)

// observer serves an app for a layer that wants to know what became of each request. It allocates nothing
// for a whole body.
type observer struct {
	editor stack.Editor
	end    func(x *exchange)
	spare  sync.Pool // of *exchange
}

// exchange is a request, and what became of it once it has ended.
type exchange struct {
	apps.Request
	start  time.Time
	took   time.Duration // until Serve returned, or the stream was closed
	status int           // 500 if the app failed
	sent   int64         // bytes of the body that the server got
	err    error         // of the app or its stream, nil where all went well

	file   string
	body   apps.Body // of a stream
	home   *observer
	failed atomic.Bool // Serve failed, after it answered with a stream
}

// observed has end see each request to next when it has ended: when the app returned, or the
// stream that it answered with was closed. The exchange is valid until end returns. Its request can be asked.
func observed(next apps.App, end func(x *exchange)) *observer {
	return &observer{end: end, editor: stack.Editor{Next: next, Files: true, Edit: func(req apps.Request, _ apps.Response, a *stack.Answer) error {
		x := req.(*exchange)
		x.status = a.Status
		switch {
		case a.Body != nil:
			x.body, a.Body = a.Body, x
		case a.File != "":
			x.file = a.File
		default:
			x.sent = int64(len(a.Whole))
		}
		return nil
	}}}
}

// Serve implements apps.App. Where it panics, the request has failed.
func (w *observer) Serve(req apps.Request, res apps.Response) error {
	x, _ := w.spare.Get().(*exchange)
	if x == nil {
		x = &exchange{home: w}
	}
	x.Request, x.start = req, time.Now()
	err := errPanic
	defer func() { w.served(x, err) }()
	err = w.editor.Serve(x, res)
	return err
}

// errPanic is what became of a request whose app did not return.
var errPanic = errors.New("panic")

func (w *observer) served(x *exchange, err error) {
	if x.body != nil { // it ends with its stream, which may have ended
		x.failed.Store(err != nil)
		return
	}
	x.err = err
	switch {
	case err != nil || x.status == 0: // no answer (S9)
		x.status, x.sent = 500, 0
	case bodiless(x):
		x.sent = 0
	case x.file != "":
		if info, err := os.Stat(x.file); err == nil {
			x.sent = info.Size()
		}
	}
	x.took = time.Since(x.start)
	w.end(x)
	*x = exchange{home: w}
	w.spare.Put(x)
}

// bodiless tells whether the reply has no body whatever the app gave (S8).
func bodiless(x *exchange) bool {
	return x.Method() == "HEAD" || x.status == 204 || x.status == 304
}

// Next implements apps.Body.
func (x *exchange) Next() ([]byte, error) {
	err := errPanic
	defer func() {
		if err != nil && !errors.Is(err, io.EOF) {
			x.err = err
		}
	}()
	var block []byte
	block, err = x.body.Next()
	x.sent += int64(len(block))
	return block, err
}

// Close implements apps.Body.
func (x *exchange) Close() error {
	defer func() {
		if x.failed.Load() {
			x.status, x.err = 500, errors.Join(x.err, errServe)
		}
		x.took = time.Since(x.start)
		x.home.end(x)
	}()
	return x.body.Close()
}

// errServe is what became of a request whose app failed after it answered with a stream.
var errServe = errors.New("the app failed after it answered")
