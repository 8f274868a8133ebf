package hertz

import (
	"net"
	"testing"

	"github.com/cloudwego/hertz/pkg/app/server"
	hertznetpoll "github.com/cloudwego/hertz/pkg/network/netpoll"
)

// Where the listener is closed before it is served, that is an error and no panic.
func TestListenerIsClosed(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	if err := run(newServer(ln, server.WithTransport(hertznetpoll.NewTransporter))); err == nil {
		t.Error("it runs")
	}
}
