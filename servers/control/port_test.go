package control_test

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"testing"

	"github.com/benchctl/benchctl/servers/control"
)

// No other process gets the port by asking for any.
func TestFreeAddress(t *testing.T) {
	var from, to int
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err == nil {
		_, err = fmt.Sscan(string(text), &from, &to)
	}
	if err != nil {
		t.Skip(err)
	}
	for range 20 {
		address, err := control.FreeAddress()
		if err != nil {
			t.Fatal(err)
		}
		_, text, _ := net.SplitHostPort(address)
		if port, err := strconv.Atoi(text); err != nil || port < 1024 || port >= from && port <= to {
			t.Errorf("%s, where the system gives ports from %d to %d", address, from, to)
		}
		ln, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
	}
}
