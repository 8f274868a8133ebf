package load

import (
	"fmt"

	"github.com/benchctl/benchctl/apps/http1"
)

// fault is why a request failed: its kind is one of the Err kinds, and causes are
// counted. The quote is that of the one that is kept as an example.
type fault = http1.Fault

// causeOf is what a fault is counted by.
func causeOf(f *fault) string { return f.Kind + ": " + f.Cause }

// example tells of a fault as it happened to a request; x is nil where it did to none.
func example(f *fault, x *exchange) string {
	if x == nil {
		return f.Error()
	}
	return fmt.Sprintf("%s %s: %v", x.request.want.Method, x.request.want.URL, f)
}

var (
	faultReset     = &fault{Kind: ErrReset, Cause: "connection reset"}
	faultTimeout   = &fault{Kind: ErrTimeout, Cause: "no whole reply in time"}
	faultStale     = &fault{Kind: ErrStale, Cause: "Date is old: the reply comes from a cache"}
	faultWrongBody = &fault{Kind: ErrWrongBody, Cause: "body content differs"}
)
