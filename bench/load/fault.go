package load

import "fmt"

// fault is why a request failed: one of the Err kinds, and a cause that is the
// same text for the same cause, as causes are counted. quote is what of the reply it was
// found in, of the one that is kept as an example.
type fault struct{ kind, cause, quote string }

func (f *fault) String() string { return f.kind + ": " + f.cause }

// in is the fault as found in a line of the reply.
func (f *fault) in(line []byte) *fault {
	return &fault{f.kind, f.cause, string(excerpt(line, 0))}
}

// example tells of the fault as it happened to a request; x is nil where it did to none.
func (f *fault) example(x *exchange) string {
	text := f.cause
	if x != nil {
		text = fmt.Sprintf("%s %s: %s", x.request.want.Method, x.request.want.URL, f.cause)
	}
	if f.quote != "" {
		text += fmt.Sprintf(", in %q", f.quote)
	}
	return text
}

var (
	faultClosed    = &fault{kind: ErrClosed, cause: "connection ended before the whole reply"}
	faultReset     = &fault{kind: ErrReset, cause: "connection reset"}
	faultTimeout   = &fault{kind: ErrTimeout, cause: "no whole reply in time"}
	faultStale     = &fault{kind: ErrStale, cause: "Date is old: the reply comes from a cache"}
	faultWrongBody = &fault{kind: ErrWrongBody, cause: "body content differs"}

	faultLine        = &fault{kind: ErrMalformed, cause: "line does not end in CRLF"}
	faultLong        = &fault{kind: ErrLong, cause: "head, trailer or chunk line of more than 64 KiB"}
	faultStatusLine  = &fault{kind: ErrMalformed, cause: "bad status line"}
	faultField       = &fault{kind: ErrMalformed, cause: "bad header field"}
	faultLengthField = &fault{kind: ErrMalformed, cause: "bad Content-Length"}
	faultEncoding    = &fault{kind: ErrMalformed, cause: "bad Transfer-Encoding"}
	faultBoth        = &fault{kind: ErrMalformed, cause: "Content-Length and Transfer-Encoding"}
	faultSwitch      = &fault{kind: ErrMalformed, cause: "101 without a request to upgrade"}
	faultChunk       = &fault{kind: ErrMalformed, cause: "bad chunk"}
	faultTrailing    = &fault{kind: ErrMalformed, cause: "bytes after the reply"}
)
