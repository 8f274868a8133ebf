package wire

import (
	"bytes"

	"github.com/benchctl/benchctl/apps/http1"
)

// maxKnown bounds the bytes of a known reply: one read takes no more.
const maxKnown = 64 << 10

// known is the bytes of a right reply to a request and what the parser made of them.
// The next reply that is the same bytes is the same reply: it is whole and right without
// being read again. Only how old its Date is has changed, and that is judged for each.
type known struct {
	bytes []byte
	reply http1.Reply
}

// is tells whether b begins with the known reply. What follows does not matter: where
// a reply ends that is not ended by the connection's end is told by its own bytes.
func (k *known) is(b []byte) bool { return len(k.bytes) > 0 && bytes.HasPrefix(b, k.bytes) }

// learn takes the bytes of a reply for the known one.
func (k *known) learn(b []byte, reply *http1.Reply) {
	k.bytes = append(k.bytes[:0], b...)
	k.reply.Become(reply)
}

// recall makes x what it had become if it had read the known reply.
func (x *Exchange) recall(k *known) {
	x.Reply.Become(&k.reply)
	x.recalled = true
	if x.Reply.Size > 0 && x.Request.Now != nil {
		x.First = x.Request.Now()
	}
}

// learnable tells whether the reply that x read, in n bytes, is one to be known: whole
// and right, of a connection that goes on.
func (x *Exchange) learnable(n int) bool {
	if !x.Reply.Whole() || x.Reply.Close || n > maxKnown || x.differs != nil || x.outline() != nil {
		return false
	}
	// What is to be judged as a whole was not yet, unless it is the last right body.
	return x.Request.Want.Whole == nil || x.asBefore && x.Reply.Size == int64(len(*x.body))
}
