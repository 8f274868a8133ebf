package witness

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/benchctl/benchctl/apps/http1"
	"github.com/benchctl/benchctl/bench/load"
)

// Outcome is how a request ended.
type Outcome string

// Outcomes. The first is that of a correct reply. The server causes neither of the last two.
// With all others, the request is lost.
const (
	Completed  Outcome = "completed"
	Refused    Outcome = "refused"    // no connection could be opened for it
	Reset      Outcome = "reset"      // the connection was reset (RST) before any byte of a reply
	Closed     Outcome = "closed"     // the connection was closed (FIN) before any byte of a reply
	Truncated  Outcome = "truncated"  // the connection was closed or reset within the reply
	TimedOut   Outcome = "timed-out"  // no whole reply in time, or no connection
	Wrong      Outcome = "wrong"      // a reply with another status or content, or that is none
	Unfinished Outcome = "unfinished" // the session ended
	Unsent     Outcome = "unsent"     // the client itself had too little to open a connection, see load.Lack
)

// Lost reports whether the server owed a correct reply and did not give it.
func (o Outcome) Lost() bool {
	switch o {
	case Completed, Unfinished, Unsent:
		return false
	}
	return true
}

// Request is one request, which was sent once at most. Times are those of the session's
// clock.
type Request struct {
	ID         uint64
	Connection int // from 0; streams are counted apart
	Method     string
	// Sent is when it was sent or, if a connection was being opened then, when it was due.
	// Ended is when its outcome was known.
	Sent, Ended time.Duration
	Outcome     Outcome
	Status      int   // of the reply; 0: none came
	PID         int   // process that answered; 0: unknown
	Born        int64 // when the app was loaded in that process, in ns since 1970; 0: unknown
	// Idle is how long the connection had been idle: since its last reply or, for its First
	// request, since it was opened.
	Idle  time.Duration
	First bool
	// Written means that the system accepted all bytes of the request. Otherwise the server
	// can't have received it whole.
	Written bool
	Raced   bool   // it was sent about when the server would close its idle connection
	Close   bool   // the reply said that the connection ends with it
	Cause   string // of an outcome other than completed, as the system told it, or what is wrong
}

// Ended is a connection that the server ended while no request was on it.
type Ended struct {
	Connection int // from 0; silent ones are counted apart
	At         time.Duration
	Idle       time.Duration // since its last reply, or since it was opened
	First      bool          // it had carried no request
	Bytes      int64         // that came before, unasked
	Reset      bool          // by RST, else by FIN
}

// Result is the outcome of a session.
type Result struct {
	Requests []Request // of the paced connections, as they were sent
	Streams  []Request // of the streaming ones, as they were sent
	// Replaced are paced connections that the server ended and that were replaced before a
	// request was lost.
	Replaced []Ended
	Silent   []Ended // connections that never sent anything
	// Missed is how many requests were not sent, because the one before on their connection
	// was in progress when they became due.
	Missed  uint64
	Stopped time.Duration // when Stop was called
	Race    *Race         // nil: none was asked for
}

// With joins r and the result of another session, which began later by the given time.
func (r Result) With(o Result, later time.Duration) Result {
	n := len(r.Requests)
	r.Requests, r.Streams = slices.Concat(r.Requests, o.Requests), slices.Concat(r.Streams, o.Streams)
	for i := range r.Requests[n:] {
		r.Requests[n+i].Sent += later
		r.Requests[n+i].Ended += later
	}
	ended, quiet := len(r.Replaced), len(r.Silent)
	r.Replaced, r.Silent = slices.Concat(r.Replaced, o.Replaced), slices.Concat(r.Silent, o.Silent)
	for _, all := range [][]Ended{r.Replaced[ended:], r.Silent[quiet:]} {
		for i := range all {
			all[i].At += later
		}
	}
	slices.SortStableFunc(r.Requests, func(a, b Request) int { return cmp.Compare(a.Sent, b.Sent) })
	r.Missed += o.Missed
	r.Race = r.Race.with(o.Race)
	r.Stopped = max(r.Stopped, o.Stopped+later)
	return r
}

// unconnected records why no connection could be opened for the request.
func (r *Request) unconnected(err error) {
	r.Cause = cause(err)
	switch lack := load.Lack(err); {
	case lack != nil:
		r.Outcome, r.Cause = Unsent, lack.Error()
	case late(err):
		r.Outcome = TimedOut
	case given(err):
		r.Outcome = Unfinished
	default:
		r.Outcome = Refused
	}
}

// failed records why no correct reply came; begun means that some bytes came.
func (r *Request) failed(err error, begun bool) {
	r.Cause = cause(err)
	var fault *http1.Fault
	switch {
	case errors.As(err, &fault):
		r.Outcome, r.Cause = Wrong, fault.Error()
	case late(err):
		r.Outcome = TimedOut
	case given(err):
		r.Outcome = Unfinished
	case begun:
		r.Outcome = Truncated
	case errors.Is(err, io.EOF):
		r.Outcome = Closed
	default:
		r.Outcome = Reset
	}
}

func late(err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, syscall.ETIMEDOUT)
}

// given reports whether the session gave up.
func given(err error) bool {
	return errors.Is(err, errCut) || errors.Is(err, net.ErrClosed) || errors.Is(err, context.Canceled)
}

// cause is the innermost error: the one of the system, without the addresses, which differ
// each time.
func cause(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}
