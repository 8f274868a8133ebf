package wire

import (
	"bytes"

	"github.com/benchctl/benchctl/apps/http1"
)

// maxKnown bounds the bytes of a known reply: one read takes no more.
const maxKnown = 64 << 10

// known is the bytes of a correct reply to a request, and their parsed form. The next reply
// with the same bytes is whole and correct without being parsed. Only the age of its Date
// differs, which is judged for each reply.
type known struct {
	bytes []byte
	reply http1.Reply
}

// is reports whether b begins with the known reply. The bytes after it do not matter: the
// end of a reply follows from its own bytes, unless the end of the connection ends it.
func (k *known) is(b []byte) bool { return len(k.bytes) > 0 && bytes.HasPrefix(b, k.bytes) }

// learn makes a reply the known one.
func (k *known) learn(b []byte, reply *http1.Reply) {
	k.bytes = append(k.bytes[:0], b...)
	k.reply.Become(reply)
}

// recall gives x the state that reading the known reply would have given it.
func (x *Exchange) recall(k *known) {
	x.Reply.Become(&k.reply)
	x.recalled = true
	if x.Reply.Size > 0 && x.Request.Now != nil {
		x.First = x.Request.Now()
	}
}

// learnable reports whether the reply that x read, in n bytes, is one to be known: whole
// and right, of a connection that goes on.
func (x *Exchange) learnable(n int) bool {
	if !x.Reply.Whole() || x.Reply.Close || n > maxKnown || x.differs != nil || x.outline() != nil {
		return false
	}
	// A body that is judged as a whole has not been judged yet, unless it equals the last
	// correct one.
	return x.Request.Want.Whole == nil || x.asBefore && x.Reply.Size == int64(len(*x.body))
}
