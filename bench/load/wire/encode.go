// Package wire is the protocol of a load: requests as bytes and their order, incremental reading
// of replies and their comparison with the expected ones, and the faults of failed ones.
//
// A request and its reply are one package because they use each other's fields: a correct reply
// may be kept in its request, to recognize the next one.
package wire

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/benchctl/benchctl/apps/http1"
	"github.com/benchctl/benchctl/bench/load"
)

// Request is a prepared target: the bytes to send and the expected reply.
type Request struct {
	Bytes  []byte // head and body, as they are sent
	Want   *load.Target
	Judged bool                 // the content of replies is compared
	Safe   bool                 // to be sent again, see load.Target.Repeatable
	Now    func() time.Duration // to tell when a body begins; nil: nobody asks
	head   bool                 // the method is HEAD: replies have no body
	right  *[]byte              // the last body that Want.Whole found right, never changed
	known  *known               // nil: every reply is read
}

// Encode prepares c's targets. The bytes are those that net/http would send, without its
// User-Agent, so that both engines send the same.
func Encode(c load.Config) ([]Request, error) {
	requests := make([]Request, len(c.Targets))
	for i := range c.Targets {
		t := &c.Targets[i]
		if err := checkHeader(t.Header); err != nil {
			return nil, fmt.Errorf("encode target %d: %w", i, err)
		}
		r, err := NewRequest(c.Address, t)
		if err != nil {
			return nil, fmt.Errorf("encode target %d: %w", i, err)
		}
		r.Close = c.Close
		if t.Chunked {
			Chunk(r)
		}
		var wire bytes.Buffer
		if err := r.Write(&wire); err != nil {
			return nil, fmt.Errorf("encode target %d: %w", i, err)
		}
		requests[i] = Request{Bytes: wire.Bytes(), Want: t, Judged: t.Judged(), Safe: t.Repeatable(), head: r.Method == http.MethodHead}
	}
	return requests, nil
}

// checkHeader refuses fields that net/http would silently leave out or change.
func checkHeader(h http.Header) error {
	for name, values := range h {
		switch http.CanonicalHeaderKey(name) {
		case "Content-Length", "Transfer-Encoding", "Trailer":
			return fmt.Errorf("header %s: the body decides it", name)
		case "Host":
			if len(values) != 1 || strings.TrimSpace(values[0]) == "" {
				return fmt.Errorf("header Host: %q: a request has one that names a host", values)
			}
		}
		for _, value := range values {
			got, _, ok := http1.CutField([]byte(name + ":" + value))
			if !ok || string(got) != name {
				return fmt.Errorf("header %q: %q is no header field", name, value)
			}
		}
	}
	return nil
}

// NewRequest is t as a net/http request; a URL that is only a path is one of
// address.
func NewRequest(address string, t *load.Target) (*http.Request, error) {
	absolute := t.Target
	if strings.HasPrefix(t.URL, "/") {
		absolute.URL = "http://" + address + t.URL
	}
	r, err := absolute.Request()
	if err != nil {
		return nil, err
	}
	if user := r.URL.User; user != nil {
		// net/http's client does so, its Request.Write does not.
		if r.Header.Get("Authorization") == "" {
			password, _ := user.Password()
			r.SetBasicAuth(user.Username(), password)
		}
		r.URL.User = nil
	}
	if _, ok := r.Header["User-Agent"]; !ok {
		r.Header.Set("User-Agent", "")
	}
	return r, nil
}

// Chunk makes r a chunked request. The transport hides all methods of a body but Read. Chunk
// does the same, so that chunks have the same size with both engines.
func Chunk(r *http.Request) {
	if r.Body != nil && r.Body != http.NoBody {
		r.Body, r.ContentLength = struct{ io.ReadCloser }{r.Body}, -1
	}
}
