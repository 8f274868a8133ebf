package witness

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/load/loadtest"
)

// guard ends a test that hangs.
const guard = time.Minute

// server is a listening socket whose connections a test serves line by line.
type server struct {
	t  *testing.T
	ln *net.TCPListener
}

func listen(t *testing.T) *server {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return &server{t, ln.(*net.TCPListener)}
}

func (s *server) address() string { return s.ln.Addr().String() }

// conn is a connection as its server sees it.
type conn struct {
	*net.TCPConn
	t *testing.T
	r *bufio.Reader
}

// accept waits for the client's next connection.
func (s *server) accept() *conn {
	s.t.Helper()
	_ = s.ln.SetDeadline(time.Now().Add(guard))
	c, err := s.ln.AcceptTCP()
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(guard))
	return &conn{c, s.t, bufio.NewReader(c)}
}

// request waits for the next request, its body too, and tells its id.
func (c *conn) request() (id uint64, body string) {
	c.t.Helper()
	r, err := http.ReadRequest(c.r)
	if err != nil {
		c.t.Fatal(err)
	}
	text, err := io.ReadAll(r.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	id, err = strconv.ParseUint(r.Header.Get("X-Request-Id"), 10, 64)
	if err != nil || len(r.Header["X-Request-Id"]) != 1 {
		c.t.Fatalf("request has the ids %q: %v", r.Header["X-Request-Id"], err)
	}
	return id, string(text)
}

func (c *conn) say(format string, args ...any) {
	c.t.Helper()
	if _, err := fmt.Fprintf(c, format, args...); err != nil {
		c.t.Fatal(err)
	}
}

// hello answers as the target wants it.
func (c *conn) hello() { c.t.Helper(); c.say("%s", loadtest.HelloReply) }

// reset ends the connection by RST.
func (c *conn) reset() { _ = c.SetLinger(0); c.Close() }

// gone waits until the client has ended the connection.
func (c *conn) gone() {
	c.t.Helper()
	if n, err := io.Copy(io.Discard, c.r); n > 0 {
		c.t.Errorf("%d bytes came instead of the end: %v", n, err)
	}
}

// nobody is an address that refuses connections as long as the test runs.
func nobody(t *testing.T) string {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("127.0.0.1:%d", name.(*unix.SockaddrInet4).Port)
}

// once has each connection send one request at once, and the next one in an hour.
func once(t *testing.T, c Config) *Session {
	t.Helper()
	c.Timeout, c.Target = guard, loadtest.GetHello()
	s, err := newSession(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range s.clients {
		one.pace = newPacer(Config{Connections: 1, Rate: 1. / 3600}, 0)
		one.pace.phase, one.pace.jitter = 0, 0
	}
	s.start(t.Context())
	return s
}

// begin starts a session in a closed loop.
func begin(t *testing.T, c Config) *Session {
	t.Helper()
	if c.Timeout == 0 {
		c.Timeout = guard
	}
	if c.Target.Method == "" {
		c.Target = loadtest.GetHello()
	}
	s, err := Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// wait waits for an event.
func wait(t *testing.T, what string, event <-chan struct{}) {
	t.Helper()
	select {
	case <-event:
	case <-time.After(guard):
		t.Fatalf("waited too long for %s", what)
	}
}

// post is a target with a body, whose replies are those of the app "ident".
func post() load.Target {
	t := loadtest.Get("/ident")
	t.Method, t.Body = http.MethodPost, []byte("some body")
	return t
}
