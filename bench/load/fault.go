package load

// fault is why a request failed: one of the Err kinds, and a cause that is the
// same text for the same cause, as causes are collected.
type fault struct{ kind, cause string }

func (f *fault) String() string { return f.kind + ": " + f.cause }

var (
	faultClosed    = &fault{ErrClosed, "connection ended before the whole reply"}
	faultReset     = &fault{ErrReset, "connection reset"}
	faultTimeout   = &fault{ErrTimeout, "no whole reply in time"}
	faultLength    = &fault{ErrLength, "body length differs"}
	faultStale     = &fault{ErrStale, "Date is old: the reply comes from a cache"}
	faultWrongBody = &fault{ErrWrongBody, "body content differs"}

	faultLine        = &fault{ErrMalformed, "line does not end in CRLF"}
	faultLong        = &fault{ErrMalformed, "head, trailer or chunk line too long"}
	faultStatusLine  = &fault{ErrMalformed, "bad status line"}
	faultField       = &fault{ErrMalformed, "bad header field"}
	faultLengthField = &fault{ErrMalformed, "bad Content-Length"}
	faultEncoding    = &fault{ErrMalformed, "bad Transfer-Encoding"}
	faultBoth        = &fault{ErrMalformed, "Content-Length and Transfer-Encoding"}
	faultSwitch      = &fault{ErrMalformed, "101 without a request to upgrade"}
	faultChunk       = &fault{ErrMalformed, "bad chunk"}
	faultTrailing    = &fault{ErrMalformed, "bytes after the reply"}
)
