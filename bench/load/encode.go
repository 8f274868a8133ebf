package load

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// request is a target made ready: the bytes to send and what to expect.
type request struct {
	wire []byte
	body int // bytes of wire that are the body
	head bool
	want *Target
	now  func() time.Duration // to tell when a body begins; nil: nobody asks
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
		requests[i] = request{wire: wire.Bytes(), body: len(t.Body), head: r.Method == http.MethodHead, want: t}
	}
	return requests, nil
}

// checkHeader refuses what net/http would leave out or change without a word.
func checkHeader(h http.Header) error {
	for name, values := range h {
		switch http.CanonicalHeaderKey(name) {
		case "Content-Length", "Transfer-Encoding", "Trailer":
			return fmt.Errorf("header %s: the body decides it", name)
		}
		for _, value := range values {
			got, _, ok := cutField([]byte(name + ":" + value))
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

// turn hands out the requests in turn and tells which replies to sample: of
// every so many passes through the requests a whole one, so that each of them is
// sampled, from the first on.
type turn struct {
	requests []request
	every    int
	next     int // index of the next request
	pass     int // passes since the last sampled one
}

func (t *turn) take() (r *request, sampled bool) {
	r, sampled = &t.requests[t.next], t.pass == 0
	if t.next++; t.next == len(t.requests) {
		t.next = 0
		if t.pass++; t.pass == t.every {
			t.pass = 0
		}
	}
	return r, sampled
}

// exchange is one request and the reply to it as it comes in. Times are those of
// the session's clock.
type exchange struct {
	reply     parser
	request   *request
	intended  time.Duration // when it was to be sent
	ready     time.Duration // when it was to be sent and a connection was free
	sent      time.Duration // when it was sent
	first     time.Duration // when the body began, if request.now tells
	sampled   bool          // the body is compared
	differs   bool          // and is not what it should be,
	differsAt int64         // in the block at this offset for the first time
	body      *[]byte       // kept to be judged as a whole
}

// begin makes x ready for the reply to r, for which a connection was there when it
// was to be sent.
func (x *exchange) begin(r *request, sampled bool, intended, sent time.Duration) {
	x.reply.reset(r.head)
	x.request, x.sampled, x.differs = r, sampled && r.want.judged(), false
	x.reply.dated = x.sampled
	if x.body != nil {
		x.body = nil
	}
	x.intended, x.ready, x.sent, x.first = intended, intended, sent, 0
}

// take takes what came in next, up to the end of the reply, and returns what
// follows that.
func (x *exchange) take(b []byte) (rest []byte, f *fault) {
	for len(b) > 0 && !x.reply.whole() {
		off := x.reply.size
		block, n, f := x.reply.next(b)
		if f != nil {
			return b, f
		}
		if off == 0 && len(block) > 0 && x.request.now != nil {
			x.first = x.request.now()
		}
		x.compare(off, block)
		b = b[n:]
	}
	return b, nil
}

// maxWhole bounds what is kept of a body.
const maxWhole = 16 << 20

// compare compares a block of a sampled body, or keeps it.
func (x *exchange) compare(off int64, block []byte) {
	if !x.sampled || x.differs || len(block) == 0 {
		return
	}
	switch want := x.request.want; {
	case want.Whole == nil && want.Match(off, block):
	case want.Whole != nil && off+int64(len(block)) <= maxWhole:
		if x.body == nil {
			x.body = new([]byte)
		}
		*x.body = append(*x.body, block...)
	default:
		x.differs, x.differsAt = true, off
	}
}

// check tells what is wrong with a whole reply, nil if nothing is. The content
// is judged last: the body of another status or length is no wrong body.
func (x *exchange) check() *fault {
	want := x.request.want
	switch {
	case want.Status == 0 && x.reply.status/100 != 2, want.Status != 0 && want.Status != x.reply.status:
		return &fault{ErrStatus, fmt.Sprintf("got %d", x.reply.status)}
	case want.Length >= 0 && want.Length != x.reply.size:
		return faultLength
	case x.differs, !x.wholeRight():
		return faultWrongBody
	}
	return nil
}

// wholeRight judges a body that was kept, and drops it.
func (x *exchange) wholeRight() bool {
	if !x.sampled || x.request.want.Whole == nil {
		return true
	}
	var body []byte
	if x.body != nil {
		body = *x.body
	}
	x.body = nil
	return x.request.want.Whole(body)
}
