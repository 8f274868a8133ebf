package handovertest

import (
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
)

// Outcome is what became of a request that was not answered.
type Outcome string

// Outcomes of requests that were not answered.
const (
	Refused   Outcome = "refused"   // nobody listened
	Reset     Outcome = "reset"     // before a byte of the reply
	Closed    Outcome = "closed"    // the connection ended before a byte of the reply
	Truncated Outcome = "truncated" // within the reply
	TimedOut  Outcome = "timed out"
	Wrong     Outcome = "wrong" // the reply is not to this request
	Other     Outcome = "other"
)

// Outcomes are all of them.
func Outcomes() []Outcome {
	return []Outcome{Refused, Reset, Closed, Truncated, TimedOut, Wrong, Other}
}

// Tally is what became of the requests of a load.
type Tally struct {
	Completed   int
	GET, POST   int         // of Completed
	Generations map[int]int // of Completed, by the generation that answered
	Connections int         // that were made
	Last        int         // replies that said that they were the last

	// Lost are the requests without a reply, but not those of Idle.
	Lost []Loss
	// Idle are lost requests on connections that were idle as long as their server
	// drained: nobody could have told the client.
	Idle []Loss
	// Cut are connections that ended between requests without a reply that said so,
	// and were not idle all that time. No request is lost, but one might have been.
	Cut int
	// IdleClosed are connections that ended so and were.
	IdleClosed int
}

// Of is the number of lost requests of that outcome.
func (t Tally) Of(o Outcome) int {
	n := 0
	for _, l := range t.Lost {
		if l.Outcome == o {
			n++
		}
	}
	return n
}

// Err is nil if no request was lost, beside those of Idle, and no connection cut.
func (t Tally) Err() error {
	var errs []error
	if t.Cut > 0 {
		errs = append(errs, fmt.Errorf("%d connections ended without a reply that said so", t.Cut))
	}
	for _, l := range t.Lost[:min(len(t.Lost), 10)] { // which tell what the others would
		errs = append(errs, l)
	}
	if len(t.Lost) > 10 {
		errs = append(errs, fmt.Errorf("%d requests are lost altogether", len(t.Lost)))
	}
	return errors.Join(errs...)
}

// Loss is a request without a reply.
type Loss struct {
	ID      string
	Method  string
	Outcome Outcome
	Server  int // process that had answered on the connection before; 0: none had
	cause   error
}

func (l Loss) Error() string {
	return fmt.Sprintf("%s %s to process %d: %s: %v", l.Method, l.ID, l.Server, l.Outcome, l.cause)
}

// outcome tells what an error means for a request of which any bytes of the reply came.
func outcome(err error, anyByte bool) Outcome {
	var timeout net.Error
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		return TimedOut
	case errors.Is(err, syscall.ECONNREFUSED):
		return Refused
	case errors.Is(err, errWrong):
		return Wrong
	case anyByte:
		return Truncated
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return Reset
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return Closed
	}
	return Other
}
