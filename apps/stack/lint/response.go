package lint

import (
	"errors"
	"strconv"
	"strings"

	"github.com/benchctl/benchctl/apps"
)

// owned are the fields that belong to the server (A3).
var owned = []string{"Connection", "Transfer-Encoding", "Keep-Alive", "Upgrade", "TE", "Trailer"}

// response is the response that the app gets.
type response struct{ x *exchange }

// fileResponse is one of a server that has a way of its own to send files.
type fileResponse struct{ response }

// SetHeader implements apps.Response.
func (r response) SetHeader(name, value string) {
	x := r.x
	if !x.valid("Response.SetHeader") {
		return
	}
	for _, o := range owned {
		if strings.EqualFold(o, name) {
			x.broken(App, "A3", "set %s, which belongs to the server", name)
		}
	}
	x.mu.Lock()
	late := x.answers > 0
	if !late && strings.EqualFold(name, "Content-Length") {
		x.declared = strings.Clone(value)
	}
	x.mu.Unlock()
	if late {
		x.broken(App, "A3", "set %s after it answered", name)
	}
	x.res.SetHeader(name, value)
}

// Reply implements apps.Response.
func (r response) Reply(status int, body []byte) error {
	x := r.x
	return r.answer("Reply", func(first bool) error {
		if first {
			x.checkLength(status, int64(len(body)), len(body) == 0)
			x.mu.Lock()
			x.whole = x.print(body)
			x.mu.Unlock()
		}
		return x.res.Reply(status, body)
	})
}

// Stream implements apps.Response.
func (r response) Stream(status int, body apps.Body) error {
	x := r.x
	return r.answer("Stream", func(first bool) error {
		s := &stream{x: x, body: body, limit: -1}
		x.mu.Lock()
		if first {
			x.stream, x.streaming = s, true
			if n, err := strconv.ParseInt(x.declared, 10, 64); err == nil && n >= 0 {
				s.limit = n
			}
		}
		x.mu.Unlock()
		if first {
			x.home.opened(x)
			x.checkLength(status, -1, true)
		}
		err := x.res.Stream(status, s)
		if !first && !s.isClosed() {
			x.broken(Server, "S6", "did not close the stream of a second answer")
		}
		return err
	})
}

// File implements apps.FileReplier.
func (r fileResponse) File(status int, path string) error {
	return r.answer("File", func(bool) error { return r.x.res.(apps.FileReplier).File(status, path) })
}

// answer counts an answer that send gives to the server, and holds what the server says to it.
func (r response) answer(call string, send func(first bool) error) error {
	x := r.x
	if !x.valid("Response." + call) {
		return errors.Join(errOver, apps.ErrAnswered)
	}
	x.mu.Lock()
	x.answers++
	first := x.answers == 1
	x.mu.Unlock()
	if !first {
		x.broken(App, "A2", "answered again, by %s", call)
	}
	err := send(first)
	refused := errors.Is(err, apps.ErrAnswered)
	switch {
	case !first && !refused:
		x.broken(Server, "A2", "took a second answer: %v is not ErrAnswered", err)
	case first && refused:
		x.broken(Server, "A2", "refused the first answer")
	}
	x.mu.Lock()
	x.took = x.took || err == nil
	x.mu.Unlock()
	return err
}

// checkLength holds the Content-Length of the answer against that of its body, -1 if that is not known.
// A reply that has no body tells what another one would have (RFC 9110 section 8.6).
func (x *exchange) checkLength(status int, length int64, absent bool) {
	x.mu.Lock()
	declared := x.declared
	x.mu.Unlock()
	if declared == "" {
		return
	}
	n, err := strconv.ParseInt(declared, 10, 64)
	bodiless := status == 204 || status == 304 || x.method == "HEAD" && absent
	switch {
	case err != nil || n < 0:
		x.broken(App, "A6", "set Content-Length to %q", declared)
	case length >= 0 && n != length && !bodiless:
		x.broken(App, "A6", "set Content-Length to %d, of a body of %d bytes", n, length)
	}
}
