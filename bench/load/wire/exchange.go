package wire

import (
	"bytes"
	"fmt"
	"sort"
	"time"

	"github.com/benchctl/benchctl/apps/http1"
	"github.com/benchctl/benchctl/bench/load"
)

// Exchange is one request and its reply, which is read incrementally. Times are those of
// the session's clock.
type Exchange struct {
	Reply    http1.Reply
	Request  *Request
	Opened   time.Duration // when its connection was opened; Begin leaves it as it is
	Intended time.Duration // when it was to be sent
	Ready    time.Duration // when it was to be sent and a connection was free
	Sent     time.Duration // when it was sent
	First    time.Duration // when the body began, if Request.Now tells
	differs  *string       // how the body is not what it should be; nil: it is, so far
	body     *[]byte       // kept to be judged as a whole,
	asBefore bool          // which is Request.right, as far as it came
	recalled bool          // the reply is the known one
}

// Begin prepares x for the reply to r, which had a connection at its intended time.
func (x *Exchange) Begin(r *Request, intended, sent time.Duration) {
	x.Reply.Reset(r.head)
	x.Request, x.Reply.Dated = r, r.Judged
	if x.differs != nil || x.body != nil {
		x.differs, x.body = nil, nil // without a write barrier for each request
	}
	x.asBefore, x.recalled = false, false
	x.Intended, x.Ready, x.Sent, x.First = intended, intended, sent, 0
}

// Take reads the next bytes, up to the end of the reply, and returns the bytes after
// it. A reply in one piece is compared with the known one, or becomes the known one.
func (x *Exchange) Take(b []byte) (rest []byte, f *http1.Fault) {
	k := x.Request.known
	if k == nil || x.Reply.Begun() {
		return x.read(b)
	}
	if k.is(b) {
		x.recall(k)
		return b[len(k.bytes):], nil
	}
	rest, f = x.read(b)
	if n := len(b) - len(rest); f == nil && x.learnable(n) {
		k.learn(b[:n], &x.Reply)
	}
	return rest, f
}

// read is Take of a reply that is not known.
func (x *Exchange) read(b []byte) (rest []byte, f *http1.Fault) {
	for len(b) > 0 && !x.Reply.Whole() {
		off := x.Reply.Size
		block, n, f := x.Reply.Next(b)
		if f != nil {
			return b, f
		}
		if off == 0 && len(block) > 0 && x.Request.Now != nil {
			x.First = x.Request.Now()
		}
		x.Compare(off, block)
		b = b[n:]
	}
	return b, nil
}

// Compare compares a block of a body, or keeps it.
func (x *Exchange) Compare(off int64, block []byte) {
	if !x.Request.Judged || x.differs != nil || len(block) == 0 {
		return
	}
	switch want := x.Request.Want; {
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

// keep keeps a block of a body. As long as the body equals the last correct one, nothing
// is kept.
func (x *Exchange) keep(off int64, block []byte) {
	if off == 0 {
		x.body, x.asBefore = x.Request.right, x.Request.right != nil
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

// difference finds where a block that match refuses differs from the body at off: the
// last byte of the shortest prefix that match refuses.
func difference(match func(int64, []byte) bool, off int64, block []byte) string {
	at := sort.Search(len(block)-1, func(n int) bool { return !match(off, block[:n+1]) })
	return fmt.Sprintf("other content at offset %d, in %q", off+int64(at), http1.Excerpt(block, at))
}

// Check returns the fault of a whole reply, or nil. The content is compared last: a body
// with another status or length is no wrong body.
func (x *Exchange) Check() *http1.Fault {
	if x.recalled {
		return nil
	}
	if f := x.outline(); f != nil {
		return f
	}
	if x.differs != nil || x.Request.Want.Whole != nil && !x.wholeRight() {
		return WrongBody
	}
	return nil
}

// outline is Check without the content.
func (x *Exchange) outline() *http1.Fault {
	want := x.Request.Want
	switch {
	case want.Status == 0 && x.Reply.Status/100 != 2, want.Status != 0 && want.Status != int(x.Reply.Status):
		return &http1.Fault{Kind: load.ErrStatus, Cause: fmt.Sprintf("got %d", x.Reply.Status)}
	case want.Length >= 0 && want.Length != x.Reply.Size:
		return &http1.Fault{Kind: load.ErrLength, Cause: fmt.Sprintf("got %d bytes, not %d", x.Reply.Size, want.Length)}
	}
	return nil
}

// wholeRight judges a kept body, and drops it. A body that equals the last correct one is
// correct.
func (x *Exchange) wholeRight() bool {
	var body []byte
	if x.body != nil {
		body = *x.body
	}
	x.body = nil
	if x.asBefore {
		if x.Reply.Size == int64(len(body)) {
			return true
		}
		body = body[:x.Reply.Size:x.Reply.Size]
	}
	if !x.Request.Want.Whole(body) {
		text := fmt.Sprintf("other content, which begins with %q", http1.Excerpt(body, 0))
		x.differs = &text
		return false
	}
	if len(body) > 0 && len(body) <= maxRight {
		x.Request.right = &body
	}
	return true
}

// Describe describes a wrong body.
func (x *Exchange) Describe() string {
	want := x.Request.Want
	return fmt.Sprintf("%s %s: %s, of %d bytes", want.Method, want.URL, *x.differs, x.Reply.Size)
}
