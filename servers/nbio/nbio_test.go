package nbio

import (
	"testing"

	"github.com/benchctl/benchctl/servers/servertest"
)

func TestServe(t *testing.T) {
	if raceEnabled {
		t.Skip("the engine hands a connection from one goroutine to another through epoll, " +
			"where the race detector sees no order, and reports the address of the client")
	}
	servertest.TestServe(t, Serve,
		servertest.Deviation{
			Case:   "S3 a body arrives while it is sent",
			Reason: "the engine calls the app when the last byte of the body has come",
		},
		servertest.Deviation{
			Case:   "S8 204 has no Content-Length",
			Reason: "the engine adds Content-Length: 0 to every reply without a body (RFC 9110 section 8.6 forbids it)",
		},
		servertest.Deviation{
			Case:   "S11 100-continue comes before the body",
			Reason: "the engine does not know the field Expect",
		},
		servertest.Deviation{
			Case:   "S12 Connection: close waits for a large reply",
			Reason: "the engine closes the connection with a part of the reply still in its queue",
		},
		servertest.Deviation{
			Case:   "S13 a large reply in flight is finished",
			Reason: "the engine closes the connection with a part of the reply still in its queue",
		},
	)
}
