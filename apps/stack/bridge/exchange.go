package bridge

import (
	"context"
	"errors"
	"io"
	"iter"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/benchctl/benchctl/apps"
)

const (
	// maxWhole is how much of a body the handler may have written before it is streamed, in bytes.
	maxWhole = 32 << 10
	// maxHeld is how much of a stream waits until the handler flushes it, in bytes; net/http holds as much.
	maxHeld = 4 << 10
)

// exchange is a request to a handler with its reply. To the handler it is the ResponseWriter; to the
// server it is the Body of a stream.
type exchange struct {
	of  *pushed
	req apps.Request
	res apps.Response

	resume func() ([]byte, bool) // has the handler go on until it has a block
	stop   func()                // has the handler end
	yield  func([]byte) bool     // hands a block on

	remote string // address of the peer as the handler gets it, "" if it is not known

	header  http.Header
	status  int    // 0 until the header is complete
	held    []byte // what is written and not passed on; all, if the reply is not streamed
	first   []byte // block of a stream
	streams bool
	gone    atomic.Bool // nobody pulls any more

	// Of the app behind middleware, which may run in another goroutine.
	door       sync.Mutex           // guards ended, and inners while it is false
	ended      bool                 // the handler has returned: the app is not called any more
	inners     sync.WaitGroup       // calls of the app
	appStreams atomic.Bool          // it answered with a stream
	passing    atomic.Pointer[byte] // where the body or block begins that it answered with
	failed     error                // its error, which the middleware saw as status 500
	err        error                // why the reply is not complete

	ask    sync.Once // for the context
	ctx    context.Context
	cancel context.CancelFunc
	over   atomic.Bool
}

// Serve implements apps.App.
func (a *pushed) Serve(req apps.Request, res apps.Response) error {
	x := &exchange{of: a, req: req, res: res, header: http.Header{}}
	x.resume, x.stop = iter.Pull(x.run)
	block, more := x.resume()
	switch {
	case more:
		x.first = block
		return res.Stream(x.status, x)
	case x.err != nil:
		return x.err
	}
	return res.Reply(x.status, x.held)
}

// run is the coroutine.
func (x *exchange) run(yield func([]byte) bool) {
	x.yield = yield
	defer x.end()
	x.of.handler.ServeHTTP(x, x.request())
	x.WriteHeader(http.StatusOK)
	if x.streams {
		x.Flush()
	}
}

// end ends the request. What the app does in other goroutines ends first.
func (x *exchange) end() {
	p := recover()
	x.ask.Do(func() { x.ctx, x.cancel = context.WithCancel(context.Background()) })
	x.cancel()
	x.door.Lock()
	x.ended = true
	x.door.Unlock()
	x.inners.Wait()
	x.over.Store(true)
	x.gone.Store(true)
	switch {
	case p == http.ErrAbortHandler: //nolint:errorlint // as net/http compares it
		if x.err == nil {
			x.err = http.ErrAbortHandler
		}
	case p != nil:
		panic(p)
	case x.failed != nil && (x.streams || x.status == http.StatusInternalServerError && len(x.held) == 0):
		x.err = x.failed
	}
}

// Next implements apps.Body.
func (x *exchange) Next() ([]byte, error) {
	if block := x.first; len(block) > 0 {
		x.first = nil
		return block, nil
	}
	block, more := x.resume()
	switch {
	case more:
		return block, nil
	case x.err != nil:
		return nil, x.err
	}
	return nil, io.EOF
}

// Close implements apps.Body.
func (x *exchange) Close() error {
	x.stop()
	return nil
}

// Header implements http.ResponseWriter.
func (x *exchange) Header() http.Header { return x.header }

// WriteHeader implements http.ResponseWriter. As in net/http, the first call is the one that counts, and later
// changes of the header are not seen.
func (x *exchange) WriteHeader(status int) {
	if x.status != 0 || status < 200 {
		return
	}
	x.status = status
	x.setFields()
	if x.appStreams.Load() {
		x.streams = true
		x.pass(nil)
	}
}

// owned are the fields that belong to the server (A3).
var owned = []string{"Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade"}

// setFields sets the header of the reply, in the order of the names.
func (x *exchange) setFields() {
	var room [16]string
	names := room[:0]
	for name := range x.header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		values := x.header[name]
		switch {
		case len(values) == 0 || slices.Contains(owned, http.CanonicalHeaderKey(name)) || strings.HasPrefix(name, http.TrailerPrefix):
		case apps.Repeats(name):
			for _, value := range values {
				x.res.SetHeader(name, oneLine.Replace(value))
			}
		case len(values) == 1:
			x.res.SetHeader(name, oneLine.Replace(values[0]))
		default:
			x.res.SetHeader(name, oneLine.Replace(strings.Join(values, ", ")))
		}
	}
}

// oneLine has values without line breaks, as net/http sends them.
var oneLine = strings.NewReplacer("\n", " ", "\r", " ")

// errGone is what a write gets when nobody pulls any more.
var errGone = errors.New("bridge: the reply has ended")

// Write implements http.ResponseWriter. What the app answered with, and the middleware did not change, is not
// copied, and a block of it is not held.
func (x *exchange) Write(p []byte) (int, error) {
	x.WriteHeader(http.StatusOK)
	own := len(p) > 0 && &p[0] == x.passing.Load() && len(x.held) == 0
	most := maxWhole
	if x.streams {
		most = maxHeld
	}
	switch {
	case x.status == http.StatusNoContent || x.status == http.StatusNotModified:
		return 0, http.ErrBodyNotAllowed
	case own && !x.streams:
		x.held = p[:len(p):len(p)]
	case !own && len(x.held)+len(p) <= most:
		x.held = append(x.held, p...)
	default:
		x.Flush()
		x.pass(p)
	}
	if x.gone.Load() {
		return 0, errGone
	}
	return len(p), nil
}

// Flush implements http.Flusher. The reply is streamed from then on.
func (x *exchange) Flush() {
	x.WriteHeader(http.StatusOK)
	block := x.held
	if x.streams && len(block) == 0 {
		return
	}
	x.streams, x.held = true, nil
	x.pass(block)
}

// pass hands a block to the server, and waits until it asks for the next.
func (x *exchange) pass(block []byte) {
	if !x.gone.Load() && !x.yield(block) {
		x.gone.Store(true)
	}
}
