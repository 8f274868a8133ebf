package raw

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/load/loadtest"
)

// A server that serves one connection at a time, with a short queue of others, is
// loaded all the same: connections it has no room for are opened as it goes on.
func TestOneAtATime(t *testing.T) {
	t.Parallel()
	ln := shortQueue(t)
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
				_, _ = io.WriteString(c, "HTTP/1.0 200 OK\r\nContent-Length: 13\r\n\r\n"+loadtest.Hello)
			}
			c.Close()
		}
	}()
	c := loadtest.HelloConfig(&loadtest.Server{Address: ln.Addr().String()}, 16)
	c.Timeout = time.Second
	s, err := openers()[load.Raw](t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for range 2 {
		r := loadtest.SlicesUntil(t, s, load.Window{Span: 300 * time.Millisecond}, func(r *load.Result) bool { return r.Counted >= 10 })
		// The queue may leave a connection out for longer than a reply is waited for.
		if r.Counted < 10 || r.Errored() > r.Errors[load.ErrConnect]+r.Errors[load.ErrTimeout] {
			t.Errorf("%v", loadtest.Summary(r))
		}
	}
}

// shortQueue is a listener whose queue holds two connections.
func shortQueue(t *testing.T) net.Listener {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(fd), "listener")
	defer file.Close()
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(fd, 1); err != nil {
		t.Fatal(err)
	}
	ln, err := net.FileListener(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln
}
