package load

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/benchctl/benchctl/apps/http1"
)

// Result is what one slice saw. Times are in ns.
type Result struct {
	// Sent and Answered cover everything from the slice's first byte to the last
	// reply drained after it; CPU time per request is divided by Answered.
	Sent, Answered uint64
	// Counted replies are right, and their requests were intended in the counted
	// window, which was Elapsed long; in a closed loop a request is intended when it is
	// sent. Throughput is Counted / Elapsed. When the reply comes does not matter: each
	// request of the window is followed to its end. In a stationary closed loop as many
	// requests are expected to be sent in a window as replies to arrive in it, its length
	// times the rate, and their times are neither cut at its end nor chosen by how long
	// they are. What is not stationary is the end itself: once nothing is sent any more,
	// a server that works on all requests at once may answer the last ones, as many as
	// are in flight, sooner.
	Counted uint64
	Elapsed time.Duration
	// Requests are those of the window that came to their end, right or failed: Counted,
	// and those that had an error.
	Requests uint64
	// Parts is Counted by the part of the window that requests were intended in; nil
	// without Window.Parts.
	Parts []uint64
	// Longest is the longest response time of any request of the slice, also of those
	// sent in the lead-in and those that failed.
	Longest time.Duration
	// Busy is the time from sent to end of all requests that belong to the window, right
	// or failed, added up. Busy / Elapsed is the mean number of requests in flight
	// (Little's law).
	Busy time.Duration
	// Squared is the sum of the squares of the same times, in s². Squared / Busy in s is
	// the mean time of the request that is in flight at a random moment, the length-biased
	// one: the time scale of the load.
	Squared float64
	// Missed requests were intended in the slice but never sent, as no connection
	// was free until its end; 0 in a closed loop.
	Missed uint64
	// Polled is how long workers found nothing to do but did not sleep, added up. It is
	// CPU time that the load did not cost.
	Polled time.Duration
	// BytesIn are body bytes of the counted replies. WireIn are all of their bytes, with
	// heads and chunk framing, as they came over the connections; 0 of Vegeta, whose
	// client does not tell.
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
	// "kind: cause", such as "status: got 502", the first 32 that there are. Examples tells of
	// the first request that failed by a kind.
	Errors, Causes map[string]uint64
	Examples       map[string]string
	// Compared are the whole replies whose content was judged, which are all of the
	// targets with Match or Whole; Wrong of them differed. WrongBody describes the first
	// one: the request, where the content differs, and what is there instead.
	Compared, Wrong uint64
	WrongBody       string
	// Hasty are the whole right replies that came sooner than their Target.AtLeast. They
	// are no errors, and counted as others are.
	Hasty uint64
	// SpreadSeen is the time from the first byte of the body to the end of the reply,
	// added up over Spreads counted replies: those with a body, of targets with Spread.
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
	// Reconnects are connections the server closed between requests and that
	// were opened again; not errors.
	Reconnects uint64
	// Repeated are requests that were sent once more, on a new connection, and are not
	// errors for it: the connection, kept and with nothing in flight for a while, ended
	// before a byte of a reply came. A server may end such a one at any time, and client
	// and server can't know of each other that they begin (RFC 9112 section 9.3.1). The
	// time counts from the first sending.
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
