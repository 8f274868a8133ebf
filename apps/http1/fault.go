package http1

import "fmt"

// Kinds of faults.
const (
	Malformed = "malformed" // not an HTTP/1.1 reply, or false framing
	TooLong   = "too-long"  // a head, or another part without a length, longer than is read
	Closed    = "closed"    // the connection ended before the whole reply
)

// Fault is why a reply is invalid or wrong.
type Fault struct {
	// Kind is one of those above, or of the user's own.
	Kind string
	// Cause is the same text for the same cause.
	Cause string
	// Quote is what of the reply the fault was found in, if that is known.
	Quote string
}

// Error tells cause and quote.
func (f *Fault) Error() string {
	if f.Quote == "" {
		return f.Cause
	}
	return fmt.Sprintf("%s, in %q", f.Cause, f.Quote)
}

// In is the fault as found at the beginning of b.
func (f *Fault) In(b []byte) *Fault {
	return &Fault{f.Kind, f.Cause, string(Excerpt(b, 0))}
}

// Excerpt is what is around the byte at, 40 bytes at most.
func Excerpt(b []byte, at int) []byte {
	const most = 40
	from := max(0, min(at-most/2, len(b)-most))
	return b[from:min(from+most, len(b))]
}

// Faults that users of a Reply find.
var (
	Cut      = &Fault{Kind: Closed, Cause: "connection ended before the whole reply"}
	Switch   = &Fault{Kind: Malformed, Cause: "101 without a request to upgrade"}
	Trailing = &Fault{Kind: Malformed, Cause: "bytes after the reply"}
)

var (
	faultLine        = &Fault{Kind: Malformed, Cause: "line does not end in CRLF"}
	faultLong        = &Fault{Kind: TooLong, Cause: "head, trailer or chunk line of more than 64 KiB"}
	faultStatusLine  = &Fault{Kind: Malformed, Cause: "bad status line"}
	faultField       = &Fault{Kind: Malformed, Cause: "bad header field"}
	faultLengthField = &Fault{Kind: Malformed, Cause: "bad Content-Length"}
	faultEncoding    = &Fault{Kind: Malformed, Cause: "bad Transfer-Encoding"}
	faultBoth        = &Fault{Kind: Malformed, Cause: "Content-Length and Transfer-Encoding"}
	faultChunk       = &Fault{Kind: Malformed, Cause: "bad chunk"}
)
