package load

import (
	"net/http"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// Target is a request and what a right reply to it looks like.
type Target struct {
	vegeta.Target
	// Status is the status a right reply has; 0 takes any 2xx.
	Status int
	// Length is the body's length in bytes, -1 if any will do. It is checked on
	// every reply.
	Length int64
	// Match tells whether block is the body's content at offset off, and is asked about
	// every block of every reply, but for one that is the same bytes as the last right
	// reply. If a block is, so is each part that it begins with. nil takes any content, of
	// any age.
	Match func(off int64, block []byte) bool
	// Whole judges all of a reply's body, up to 16 MiB, where its blocks tell nothing; it
	// is asked instead of Match, but about a body like the last right one, up to 1 MiB,
	// not again. It must not keep or change the body, as Match must not the block.
	Whole func(body []byte) bool
	// AtLeast is how long the app waits with its reply. A whole right reply that comes
	// sooner after its request was sent is hasty: the server did not wait. It leaves no
	// tolerance. 0: the app does not wait.
	AtLeast time.Duration
	// Spread is how long on average a reply takes from the first byte of its body to its
	// end, at least; above 0 it has that time added up in Result.SpreadSeen.
	Spread time.Duration
	// Weight is how often the target is taken, relative to the others; 0: 1.
	Weight int
	// Chunked sends the body, if there is one, with Transfer-Encoding: chunked, in
	// chunks of up to 32 KiB.
	Chunked bool
}

// Judged tells whether the content of replies is looked at.
func (t *Target) Judged() bool { return t.Match != nil || t.Whole != nil }

// Repeatable tells whether the request may be sent again after the server may have acted
// on it (RFC 9110 section 9.2.2): its method is idempotent, or its reply is known from the
// request alone, as that of the contract's apps is.
func (t *Target) Repeatable() bool {
	switch t.Method {
	case http.MethodPost, http.MethodPatch, http.MethodConnect:
		return t.Judged()
	}
	return true
}
