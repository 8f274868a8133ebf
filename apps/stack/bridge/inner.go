package bridge

import (
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/benchctl/benchctl/apps"
)

// inner is the app behind middleware, as the handler that the middleware calls.
type inner struct{ next apps.App }

var (
	errLost     = errors.New("bridge: the middleware passed on a request without the context of its own")
	errNoAnswer = errors.New("bridge: the app returned without an answer")
)

// ServeHTTP implements http.Handler.
func (h *inner) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x, _ := r.Context().Value(exchangeKey{}).(*exchange)
	if x == nil {
		panic(errLost)
	}
	if !x.enter() {
		return // nobody waits for a reply
	}
	defer x.inners.Done()
	var a answer
	err := h.next.Serve(innerRequest{r, x}, &a)
	if err == nil && a.status == 0 {
		err = errNoAnswer
	}
	if err != nil {
		a.drop()
		x.failed = err
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	for _, f := range a.fields {
		if apps.Repeats(f[0]) {
			w.Header().Add(f[0], f[1])
		} else {
			w.Header().Set(f[0], f[1])
		}
	}
	if a.body != nil {
		x.push(w, &a)
		return
	}
	x.passes(a.whole)
	w.WriteHeader(a.status)
	_, _ = w.Write(a.whole) // what fails is the reply's end, which nobody can do about
}

// enter begins a call of the app, unless the handler has returned.
func (x *exchange) enter() bool {
	x.door.Lock()
	defer x.door.Unlock()
	if !x.ended {
		x.inners.Add(1)
	}
	return !x.ended
}

// push pushes a stream.
func (x *exchange) push(w http.ResponseWriter, a *answer) {
	defer a.drop()
	x.appStreams.Store(true)
	w.WriteHeader(a.status)
	for !x.gone.Load() {
		block, err := a.body.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			x.err = err
			panic(http.ErrAbortHandler)
		}
		if len(block) == 0 {
			continue
		}
		x.passes(block)
		if _, err := w.Write(block); err != nil {
			return
		}
		_ = http.NewResponseController(w).Flush() // a block that the middleware did not change needs none
	}
}

// passes notes what is on its way through the middleware.
func (x *exchange) passes(body []byte) {
	if len(body) > 0 {
		x.passing.Store(&body[0])
	}
}

// answer is the answer of the app behind middleware.
type answer struct {
	status int // 0: none
	fields [][2]string
	whole  []byte
	body   apps.Body // of a stream
}

// SetHeader implements apps.Response. What is set after the answer has no effect.
func (a *answer) SetHeader(name, value string) {
	if a.status == 0 {
		a.fields = append(a.fields, [2]string{strings.Clone(name), strings.Clone(value)})
	}
}

// Reply implements apps.Response.
func (a *answer) Reply(status int, body []byte) error {
	if a.status != 0 {
		return apps.ErrAnswered
	}
	a.status, a.whole = status, body
	return nil
}

// Stream implements apps.Response.
func (a *answer) Stream(status int, body apps.Body) error {
	if a.status != 0 {
		return errors.Join(apps.ErrAnswered, body.Close())
	}
	a.status, a.body = status, body
	return nil
}

// drop closes the stream, if there is one.
func (a *answer) drop() {
	if body := a.body; body != nil {
		a.body = nil
		_ = body.Close() // the app's own to tell
	}
}
