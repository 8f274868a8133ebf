package load

import (
	"net/http"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// Target is a request and what a correct reply to it looks like.
type Target struct {
	vegeta.Target
	// Status is the status a correct reply has; 0 takes any 2xx.
	Status int
	// Length is the length of the body in bytes; -1 accepts any. Every reply is
	// checked.
	Length int64
	// Match reports whether block is the content of the body at offset off. It is called
	// for every block of every reply, except for replies with the same bytes as the last
	// correct one. If it accepts a block, it must accept each prefix of it. nil accepts any
	// content, of any age.
	Match func(off int64, block []byte) bool
	// Whole judges the whole body of a reply, up to 16 MiB, where single blocks can't be
	// judged. It replaces Match. It is not called again for a body that equals the last
	// correct one, up to 1 MiB. Whole must not keep or change the body, nor Match the block.
	Whole func(body []byte) bool
	// AtLeast is how long the app waits before its reply. A whole correct reply that comes
	// sooner after its request was sent is hasty: the server did not wait. AtLeast includes
	// no tolerance. 0: the app does not wait.
	AtLeast time.Duration
	// Spread is the least mean time of a reply from the first byte of its body to its end.
	// If it is above 0, Result.SpreadSeen sums these times.
	Spread time.Duration
	// Weight is how often the target is requested, relative to the others; 0 means 1.
	Weight int
	// Chunked sends the body, if there is one, with Transfer-Encoding: chunked, in
	// chunks of up to 32 KiB.
	Chunked bool
}

// Judged reports whether the content of replies is compared.
func (t *Target) Judged() bool { return t.Match != nil || t.Whole != nil }

// Repeatable reports whether the request may be sent again after the server may have acted
// on it (RFC 9110 section 9.2.2): its method is idempotent, or its reply is known from the
// request alone, as that of the contract's apps is.
func (t *Target) Repeatable() bool {
	switch t.Method {
	case http.MethodPost, http.MethodPatch, http.MethodConnect:
		return t.Judged()
	}
	return true
}
