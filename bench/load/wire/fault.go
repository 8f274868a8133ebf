package wire

import (
	"errors"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/benchctl/benchctl/apps/http1"
	"github.com/benchctl/benchctl/bench/load"
)

// Faults of a request other than those of its reply's framing. Each has one of the load.Err
// kinds. Causes are counted; the quote of a fault is that of its example.
var (
	Reset     = &http1.Fault{Kind: load.ErrReset, Cause: "connection reset"}
	TimedOut  = &http1.Fault{Kind: load.ErrTimeout, Cause: "no whole reply in time"}
	Stale     = &http1.Fault{Kind: load.ErrStale, Cause: "Date is older than the connection: the reply comes from a cache"}
	WrongBody = &http1.Fault{Kind: load.ErrWrongBody, Cause: "body content differs"}
)

// ConnectFault is the fault of a connection that could not be opened.
func ConnectFault(err error) *http1.Fault {
	if own := load.Lack(err); own != nil {
		return &http1.Fault{Kind: load.ErrLoader, Cause: own.Error()}
	}
	return &http1.Fault{Kind: load.ErrConnect, Cause: err.Error()}
}

// FaultOf converts an error of package net or net/http to the fault of the request. An
// error that neither the connection nor a timeout caused is a fault of the reply.
func FaultOf(err error) *http1.Fault {
	var op *net.OpError
	var timeout interface{ Timeout() bool }
	switch {
	case errors.As(err, &op) && op.Op == "dial":
		return ConnectFault(root(op))
	case errors.As(err, &timeout) && timeout.Timeout(), err.Error() == "net/http: request canceled":
		// Nothing else cancels a request, and its error is not exported.
		return TimedOut
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return Reset
	case isEnd(err):
		return http1.Cut
	}
	return &http1.Fault{Kind: load.ErrMalformed, Cause: root(err).Error()}
}

// root is the innermost error, without the addresses, which differ each time.
func root(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// isEnd reports whether err means that the connection ended. net/http does not
// export the error for one that ended before the first byte of a reply.
func isEnd(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		strings.Contains(err.Error(), "server closed idle connection")
}
