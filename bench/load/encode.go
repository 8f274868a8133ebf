package load

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/benchctl/benchctl/apps/http1"
)

// request is a target made ready: the bytes to send and what to expect.
type request struct {
	wire   []byte
	body   int // bytes of wire that are the body
	head   bool
	judged bool // the content of replies is compared
	safe   bool // to be sent again, see Target.repeatable
	want   *Target
	now    func() time.Duration // to tell when a body begins; nil: nobody asks
	right  *[]byte              // the last body that want.Whole found right, never changed
	known  *known               // nil: every reply is read
}

// encode makes c's targets ready. The bytes are those net/http would send, so
// that both engines send the same, without the User-Agent it adds.
func encode(c Config) ([]request, error) {
	requests := make([]request, len(c.Targets))
	for i := range c.Targets {
		t := &c.Targets[i]
		if err := checkHeader(t.Header); err != nil {
			return nil, fmt.Errorf("encode target %d: %w", i, err)
		}
		r, err := newRequest(c.Address, &t.Target)
		if err != nil {
			return nil, fmt.Errorf("encode target %d: %w", i, err)
		}
		r.Close = c.Close
		if t.Chunked {
			chunk(r)
		}
		var wire bytes.Buffer
		if err := r.Write(&wire); err != nil {
			return nil, fmt.Errorf("encode target %d: %w", i, err)
		}
		requests[i] = request{wire: wire.Bytes(), body: len(t.Body), head: r.Method == http.MethodHead, judged: t.judged(), safe: t.repeatable(), want: t}
	}
	return requests, nil
}

// checkHeader refuses what net/http would leave out or change without a word.
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

// newRequest is t as a net/http request; a URL that is only a path is one of
// address.
func newRequest(address string, t *vegeta.Target) (*http.Request, error) {
	absolute := *t
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

// chunk has r sent in chunks. The transport hides what a body can do but read, so
// that is done here as well: the chunks are of the same size then.
func chunk(r *http.Request) {
	if r.Body != nil && r.Body != http.NoBody {
		r.Body, r.ContentLength = struct{ io.ReadCloser }{r.Body}, -1
	}
}

// turn hands out the requests in turn. What is learned from their replies stays in
// them, so each worker has its own.
type turn struct {
	requests []request
	order    []int // their indices as they are taken, over and over
	next     int   // index of the next one in order
}

// newTurn gives a turn from the first request on.
func (s *setup) newTurn() turn { return turn{requests: slices.Clone(s.requests), order: s.order} }

func (t *turn) take() *request {
	r := &t.requests[t.order[t.next]]
	if t.next++; t.next == len(t.order) {
		t.next = 0
	}
	return r
}
