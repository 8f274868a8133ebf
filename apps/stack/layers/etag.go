package layers

import (
	"crypto/sha256"
	"encoding/base64"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/stack"
)

// ETag gives whole bodies of 200 replies to GET and HEAD a strong entity tag, where the app sets
// none, and answers the conditions of requests: 304 if the client has the representation
// already, 412 if it wanted another one. Streams and files get no tag: their conditions are judged by
// the ETag and Last-Modified that the app sets.
//
// The tag is the first 128 bits of the body's SHA-256. A fast hash that is none of cryptography
// would let whoever writes bodies make two with one tag, and a cache take one for the other;
// processors have instructions for SHA-256.
//
// Other methods pass: their conditions are to be judged before the app acts (RFC 9110 section
// 13.2.1), which only the app can.
type ETag struct{}

// About implements stack.Layer.
func (ETag) About() stack.About {
	return stack.About{Name: "etag", Doc: "tags whole bodies, and answers conditional requests with 304 and 412 (RFC 9110 section 13)", Allocs: 1}
}

// keptByETag are the fields that it has to know, and those that describe a body which is not
// sent. Content-Location and all others go on with a 304 (RFC 9110 section 15.4.5).
var keptByETag = []string{
	"ETag", "Last-Modified",
	"Content-Type", "Content-Length", "Content-Encoding", "Content-Language", "Content-Disposition", "Accept-Ranges", "Content-Digest", "Repr-Digest",
}

// Wrap implements stack.Layer.
func (ETag) Wrap(next apps.App) (apps.App, error) {
	return reviewed(next, true, keptByETag, tagged), nil
}

func tagged(r *review, _ apps.Response, a *stack.Answer) error {
	head := r.Method() == "HEAD"
	if a.Status != 200 || !head && r.Method() != "GET" {
		return nil
	}
	whole := a.Body == nil && a.File == "" && (!head || len(a.Whole) > 0) // an app may leave out the body of HEAD
	if whole && r.field("ETag") == "" {
		r.set("ETag", tagOf(a.Whole))
	}
	tag, modified := r.field("ETag"), r.field("Last-Modified")
	if head && tag == "" && modified == "" {
		return nil // GET may have a tag
	}
	switch precondition(r, tag, modified) {
	case 304:
		err := r.instead(a, stack.Answer{Status: 304})
		if r.set("ETag", tag); tag == "" {
			r.set("Last-Modified", modified)
		}
		return err
	case 412:
		return r.instead(a, stack.Answer{Status: 412})
	}
	return nil
}

// tagBytes is how much of the hash the tag has.
const tagBytes = 128 / 8

func tagOf(body []byte) string {
	sum := sha256.Sum256(body)
	var room [2 + (tagBytes*8+5)/6]byte // in base64
	tag := append(room[:0], '"')
	tag = base64.RawURLEncoding.AppendEncode(tag, sum[:tagBytes])
	return string(append(tag, '"'))
}
