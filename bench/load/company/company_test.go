package company

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/benchctl/benchctl/apps/http1/http1test"
	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/load/dial"
	"github.com/benchctl/benchctl/bench/load/loadtest"
	"github.com/benchctl/benchctl/scenarios"
)

// companyServer is a server that counts what its clients do.
type companyServer struct {
	*httptest.Server
	open, requests, large atomic.Int64
	headerBytes           atomic.Int64
}

func newCompanyServer(t *testing.T) *companyServer {
	s := &companyServer{}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		if r.URL.Path == "/size" {
			s.large.Add(1)
			_, _ = io.WriteString(w, strings.Repeat("x", 10_000_000))
			return
		}
		_, _ = io.WriteString(w, loadtest.Hello)
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			s.open.Add(1)
		case http.StateClosed:
			s.open.Add(-1)
		}
	}
	s.Listener = counting{s.Listener, &s.headerBytes}
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func (s *companyServer) address() string { return s.Server.Listener.Addr().String() }

func (s *companyServer) target() load.Target {
	return loadtest.Get("/")
}

// counting counts the bytes that its connections read.
type counting struct {
	net.Listener
	read *atomic.Int64
}

func (c counting) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	return countingConn{conn, c.read}, err
}

type countingConn struct {
	net.Conn
	read *atomic.Int64
}

func (c countingConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.read.Add(int64(n))
	return n, err
}

// until waits for something that must happen.
func until(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !happened(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(what)
		}
	}
}

func TestIdleCompany(t *testing.T) {
	s := newCompanyServer(t)
	a, err := Open(t.Context(), s.address(), scenarios.Company{Idle: 200}, s.target())
	if err != nil {
		t.Fatal(err)
	}
	if n := a.Idle(); n != 200 || s.requests.Load() != 200 || s.open.Load() != 200 {
		t.Errorf("%d kept, %d requests, %d open at the server", n, s.requests.Load(), s.open.Load())
	}
	s.CloseClientConnections()
	until(t, "the server closed all and some seem open", func() bool { return a.Idle() == 0 })
	a.Close()
}

func TestIdleCompanyThatIsRefused(t *testing.T) {
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody.Close()
	for name, address := range map[string]string{
		"cut":    http1test.Listen(t, func(net.Conn) {}),
		"no one": nobody.Addr().String(),
	} {
		_, err := Open(t.Context(), address, scenarios.Company{Idle: 3}, loadtest.Get("/"))
		if err == nil || !strings.HasPrefix(err.Error(), "open 3 idle connections: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What an idle connection carries is read as strictly as the load.
func TestIdleCompanyThatIsAnsweredWrongly(t *testing.T) {
	for reply, want := range map[string]string{
		"HTTP/1.1 200 OK\nContent-Length: 0\n\n":           `line does not end in CRLF, in "HTTP/1.1 200 OK\n"`,
		"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nmore": `bytes after the reply, in "more"`,
	} {
		s := loadtest.Serve(t, loadtest.Says(reply))
		_, err := Open(t.Context(), s.Address, scenarios.Company{Idle: 3}, loadtest.Get("/"))
		if err == nil || err.Error() != "open 3 idle connections: "+want {
			t.Errorf("%v, want %s", err, want)
		}
		s.Close()
	}
}

// The slow ones hold still until it begins and once it has ended.
func TestSlowCompany(t *testing.T) {
	t.Parallel()
	s := newCompanyServer(t)
	a, err := Open(t.Context(), s.address(), scenarios.Company{SlowReaders: 3, SlowHeaders: 2}, s.target())
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(10 * dial.Backoff) // nothing must happen, so there is nothing to wait for
	if n := s.open.Load(); n != 0 {
		t.Errorf("%d connections before it began", n)
	}
	a.Begin()
	until(t, "no slow readers", func() bool { return s.large.Load() == 3 })
	until(t, "no slow headers", func() bool { return s.open.Load() == 5 })
	before := s.headerBytes.Load()
	until(t, "the headers do not go on", func() bool { return s.headerBytes.Load() >= before+4 })
	if n := s.requests.Load(); n != 3 {
		t.Errorf("%d requests: a header came to its end, or a reader was fast", n)
	}
	a.End()
	before = s.headerBytes.Load()
	time.Sleep(6 * headerBeat)
	if n := s.headerBytes.Load() - before; n > 2 { // a byte of each may be on its way, whenever it arrives
		t.Errorf("%d bytes came after its end", n)
	}
	a.Close()
	until(t, "connections are left", func() bool { return s.open.Load() == 0 })
}
