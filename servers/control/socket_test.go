package control_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/benchctl/benchctl/servers/control"
)

func TestSomebodyElsesPort(t *testing.T) {
	needProc(t)
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	go http.Serve(other, http.NotFoundHandler())
	address := other.Addr().String()
	p := start(t, "hang", nil)
	_, err = p.Ready(t.Context(), address, time.Minute, probe(address))
	if err == nil || !strings.Contains(err.Error(), "belongs to somebody else") {
		t.Errorf("ready: %v", err)
	}
}

func TestBindsByItself(t *testing.T) {
	address, err := control.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, "bind", func(s *control.Spec) { s.Env = append(s.Env, "TEST_ADDRESS="+address) })
	if _, err := p.Ready(t.Context(), address, time.Minute, probe(address)); err != nil {
		t.Fatal(err)
	}
}

// Whoever listens on a candidate's port beside it, or holds its socket too, is named, also
// after the candidate was proven to own it.
func TestPortIsSharedLater(t *testing.T) {
	needProc(t)
	address, err := control.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, "bind", func(s *control.Spec) { s.Env = append(s.Env, "TEST_ADDRESS="+address) })
	if _, err := p.Ready(t.Context(), address, time.Minute, probe(address)); err != nil {
		t.Fatal(err)
	}
	ln, err := sharing(address)
	if err != nil {
		t.Fatal(err)
	}
	named(t, p.OwnsSocket(address), "as well")
	ln.Close()
	if err := p.OwnsSocket(address); err != nil {
		t.Errorf("after the other has gone: %v", err)
	}
	ln, err = sharing(address)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	p.Kill()
	named(t, p.OwnsSocket(address), "belongs to somebody else")
}

func TestSocketIsHeldByOthers(t *testing.T) {
	needProc(t)
	f, address := listen(t) // which stays open here
	p := start(t, "serve", func(s *control.Spec) { s.Listener = f })
	named(t, p.OwnsSocket(address), "as well")
}

// named checks that an error says so of this process.
func named(t *testing.T, err error, says string) {
	t.Helper()
	if self := fmt.Sprintf("PID %d (", os.Getpid()); err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), self) {
		t.Errorf("it says %v, not %q of %s", err, says, self)
	}
}
