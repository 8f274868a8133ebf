package load

import (
	"bytes"
	"fmt"
	"sort"
	"time"

	"github.com/benchctl/benchctl/apps/http1"
)

// exchange is one request and the reply to it as it comes in. Times are those of
// the session's clock.
type exchange struct {
	reply    http1.Reply
	request  *request
	intended time.Duration // when it was to be sent
	ready    time.Duration // when it was to be sent and a connection was free
	sent     time.Duration // when it was sent
	first    time.Duration // when the body began, if request.now tells
	differs  *string       // how the body is not what it should be; nil: it is, so far
	body     *[]byte       // kept to be judged as a whole,
	asBefore bool          // which is request.right, as far as it came
	recalled bool          // the reply is the known one
}

// begin makes x ready for the reply to r, for which a connection was there when it
// was to be sent.
func (x *exchange) begin(r *request, intended, sent time.Duration) {
	x.reply.Reset(r.head)
	x.request, x.reply.Dated = r, r.judged
	if x.differs != nil || x.body != nil {
		x.differs, x.body = nil, nil // without a write barrier for each request
	}
	x.asBefore, x.recalled = false, false
	x.intended, x.ready, x.sent, x.first = intended, intended, sent, 0
}

// take takes what came in next, up to the end of the reply, and returns what
// follows that. A reply that comes in one piece is compared with the known one, or
// becomes it.
func (x *exchange) take(b []byte) (rest []byte, f *fault) {
	k := x.request.known
	if k == nil || x.reply.Begun() {
		return x.read(b)
	}
	if k.is(b) {
		x.recall(k)
		return b[len(k.bytes):], nil
	}
	rest, f = x.read(b)
	if n := len(b) - len(rest); f == nil && x.learnable(n) {
		k.learn(b[:n], &x.reply)
	}
	return rest, f
}

// read is take of a reply that is not known.
func (x *exchange) read(b []byte) (rest []byte, f *fault) {
	for len(b) > 0 && !x.reply.Whole() {
		off := x.reply.Size
		block, n, f := x.reply.Next(b)
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

// compare compares a block of a body, or keeps it.
func (x *exchange) compare(off int64, block []byte) {
	if !x.request.judged || x.differs != nil || len(block) == 0 {
		return
	}
	switch want := x.request.want; {
	case want.Whole != nil:
		x.keep(off, block)
	case !want.Match(off, block):
		text := difference(want.Match, off, block)
		x.differs = &text
	}
}

// Bounds on what is kept of a body, and of a right one for longer, in bytes.
const (
	maxWhole = 16 << 20
	maxRight = 1 << 20
)

// keep keeps a block of a body. As long as it is the last right one there is nothing
// to keep.
func (x *exchange) keep(off int64, block []byte) {
	if off == 0 {
		x.body, x.asBefore = x.request.right, x.request.right != nil
	}
	if off+int64(len(block)) > maxWhole {
		text := "more content than can be judged"
		x.differs, x.body, x.asBefore = &text, nil, false
		return
	}
	if x.asBefore {
		if bytes.HasPrefix((*x.body)[off:], block) {
			return
		}
		began := bytes.Clone((*x.body)[:off])
		x.body, x.asBefore = &began, false
	}
	if x.body == nil {
		x.body = new([]byte)
	}
	*x.body = append(*x.body, block...)
}

// difference tells where a block that match refuses is not the body's content at off:
// at the last byte of the shortest part of it that match refuses.
func difference(match func(int64, []byte) bool, off int64, block []byte) string {
	at := sort.Search(len(block)-1, func(n int) bool { return !match(off, block[:n+1]) })
	return fmt.Sprintf("other content at offset %d, in %q", off+int64(at), http1.Excerpt(block, at))
}

// check tells what is wrong with a whole reply, nil if nothing is. The content
// is judged last: the body of another status or length is no wrong body.
func (x *exchange) check() *fault {
	if x.recalled {
		return nil
	}
	if f := x.outline(); f != nil {
		return f
	}
	if x.differs != nil || x.request.want.Whole != nil && !x.wholeRight() {
		return faultWrongBody
	}
	return nil
}

// outline is check without the content.
func (x *exchange) outline() *fault {
	want := x.request.want
	switch {
	case want.Status == 0 && x.reply.Status/100 != 2, want.Status != 0 && want.Status != int(x.reply.Status):
		return &fault{Kind: ErrStatus, Cause: fmt.Sprintf("got %d", x.reply.Status)}
	case want.Length >= 0 && want.Length != x.reply.Size:
		return &fault{Kind: ErrLength, Cause: fmt.Sprintf("got %d bytes, not %d", x.reply.Size, want.Length)}
	}
	return nil
}

// wholeRight judges a body that was kept, and drops it. One that is the last right one
// again is right.
func (x *exchange) wholeRight() bool {
	var body []byte
	if x.body != nil {
		body = *x.body
	}
	x.body = nil
	if x.asBefore {
		if x.reply.Size == int64(len(body)) {
			return true
		}
		body = body[:x.reply.Size:x.reply.Size]
	}
	if !x.request.want.Whole(body) {
		text := fmt.Sprintf("other content, which begins with %q", http1.Excerpt(body, 0))
		x.differs = &text
		return false
	}
	if len(body) > 0 && len(body) <= maxRight {
		x.request.right = &body
	}
	return true
}

// describe tells of a wrong body.
func (x *exchange) describe() string {
	want := x.request.want
	return fmt.Sprintf("%s %s: %s, of %d bytes", want.Method, want.URL, *x.differs, x.reply.Size)
}
