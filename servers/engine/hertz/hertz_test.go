package hertz

import (
	"testing"

	"github.com/benchctl/benchctl/servers/servertest"
)

func TestServe(t *testing.T) {
	servertest.TestServe(t, Serve, servertest.Deviation{
		Case:   "S5 large blocks to many clients at once",
		Reason: "netpoll may write from its event loop and from the handler at once after a wait for the socket, and then ends the connection (link buffer skip not enough)",
		Seldom: true,
	})
}

func TestServeStandard(t *testing.T) { servertest.TestServe(t, ServeStandard) }
