package load

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/benchctl/benchctl/apps/http1"
)

// Result is the outcome of one slice. Times are in ns.
type Result struct {
	// Sent and Answered cover everything from the slice's first byte to the last
	// drained reply. CPU time per request is CPU time divided by Answered.
	Sent, Answered uint64
	// Counted replies are correct, and their requests were intended in the counted
	// window, which was Elapsed long. In a closed loop, a request is intended when it is
	// sent. Throughput is Counted / Elapsed. The time of the reply does not matter: each
	// request of the window is followed to its end (docs/methodology.md, "Edges of a
	// window").
	Counted uint64
	Elapsed time.Duration
	// Requests are the finished requests of the window, successful or failed: Counted and
	// those with an error.
	Requests uint64
	// Parts is Counted for each part of the window, by the intended time of requests; nil
	// without Window.Parts.
	Parts []uint64
	// Longest is the longest response time of all requests of the slice, including those
	// of the lead-in and failed ones.
	Longest time.Duration
	// Busy is the sum of the times from sending to end of all requests of the window,
	// successful or failed. Busy / Elapsed is the mean number of requests in flight
	// (Little's law).
	Busy time.Duration
	// Squared is the sum of the squares of the same times, in s². Squared / Busy, in s, is
	// the length-biased mean: the mean time of the request in flight at a random moment.
	// It is the time scale of the load.
	Squared float64
	// Missed requests were intended in the slice but never sent, as no connection
	// was free until its end; 0 in a closed loop.
	Missed uint64
	// Polled is the time, summed over workers, in which they had nothing to do but did not
	// sleep. This CPU time is not a cost of the load.
	Polled time.Duration
	// BytesIn are the body bytes of the counted replies. WireIn are all bytes of these
	// replies, with heads and chunk framing; 0 with Vegeta, whose client does not report
	// them.
	BytesIn, WireIn uint64
	// Response is the time from the intended send time to the end of the reply,
	// Service the time from the actual send time. In a closed loop they are one. Both
	// have the counted replies and the requests of the window that timed out, these with
	// Config.Timeout at least.
	// SendLag is the actual less the intended send time; nil in a closed loop. Late is
	// what of it is the load generator's own: without the wait for a free connection,
	// which a server that falls behind causes. Only Raw on Linux tells them apart;
	// elsewhere they are the same.
	Response, Service, SendLag, Late *hdrhistogram.Histogram
	// First is the time from the intended send time to the first byte of the body; nil
	// without Config.FirstByte.
	First *hdrhistogram.Histogram
	// Errors counts failed requests by kind, over everything Sent. Causes counts them by
	// "kind: cause", such as "status: got 502", for the first 32 causes. Examples describes
	// the first failed request of each kind.
	Errors, Causes map[string]uint64
	Examples       map[string]string
	// Compared are the whole replies whose content was compared: all replies of targets
	// with Match or Whole. Wrong of them differed. WrongBody describes the first of these:
	// the request, the offset, and the bytes found there.
	Compared, Wrong uint64
	WrongBody       string
	// Hasty are the whole correct replies that came sooner than their Target.AtLeast. They
	// are not errors, and count like others.
	Hasty uint64
	// SpreadSeen is the sum of the times from the first byte of the body to the end of the
	// reply, over Spreads counted replies: those with a body, of targets with Spread.
	SpreadSeen time.Duration
	Spreads    uint64
	// Stale of the compared replies are errors: they carry a Date that is more than 5 s older
	// than their request and their connection, the oldest by StaleAge. They come from a cache.
	Stale    uint64
	StaleAge time.Duration
	// Dated are right replies with a Date that is more than 5 s older than their request, but
	// not older than their connection, the oldest by DatedAge: the server makes one Date for
	// all replies of a connection.
	Dated    uint64
	DatedAge time.Duration
	// Folded replies have header fields that go over several lines, which a server must
	// not send (RFC 9112 section 5.2).
	Folded uint64
	// Reconnects are connections that the server closed between requests and that were
	// opened again. They are not errors.
	Reconnects uint64
	// Repeated are requests that were sent again on a new connection and are not errors:
	// the connection, which had been idle, ended before a byte of the reply came. A server
	// may end an idle connection at any time, and a request may cross that end (RFC 9112
	// section 9.3.1). The time counts from the first sending.
	Repeated uint64
	// Reopened are connections that the client closed for Config.Requests or
	// Config.Close and that were opened again.
	Reopened uint64
}

// Kinds of errors in Result.Errors.
const (
	ErrConnect   = "connect"       // no connection
	ErrLoader    = "loader"        // no connection, for want of something of the load generator's own, see Lack
	ErrClosed    = http1.Closed    // connection ended before the whole reply came
	ErrReset     = "reset"         // connection reset by the server
	ErrTimeout   = "timeout"       // no whole reply in time
	ErrMalformed = http1.Malformed // not an HTTP/1.1 reply, or false framing
	ErrLong      = http1.TooLong   // a head longer than benchctl reads
	ErrStatus    = "status"        // another status than the target's
	ErrLength    = "length"        // another body length than the target's
	ErrWrongBody = "wrong-body"    // a body with other content
	ErrStale     = "stale"         // a compared reply with an old Date
)

// Errored is the number of failed requests.
func (r *Result) Errored() uint64 {
	var n uint64
	for _, k := range r.Errors {
		n += k
	}
	return n
}
