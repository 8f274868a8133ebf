package handovertest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/benchctl/benchctl/servers/process/handover"
)

const (
	pid   = 7
	limit = 10 * time.Second
)

// server answers each connection as a test says, request by request.
type server struct {
	net.Listener
	load *Load
	c    *client
}

func start(t *testing.T, method string, answers ...func(net.Conn, *http.Request)) *server {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	l := Start(t.Context(), Config{Address: ln.Addr(), Drain: limit})
	s := &server{ln, l, &client{load: l, method: method}}
	t.Cleanup(s.c.hangUp)
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			in := bufio.NewReader(conn)
			for len(answers) > 0 {
				r, err := http.ReadRequest(in)
				if err != nil {
					break
				}
				body, _ := io.ReadAll(r.Body)
				if r.Method == "POST" && len(body) < len(r.Header.Get(Header)) {
					t.Errorf("a POST has the body %q", body)
				}
				answers[0](conn, r)
				answers = answers[1:]
			}
			conn.Close()
		}
	}()
	return s
}

func right(conn net.Conn, r *http.Request) {
	text := Answer(r.Header.Get(Header), 1, pid)
	fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(text), text)
}

func last(conn net.Conn, r *http.Request) {
	text := Answer(r.Header.Get(Header), 2, pid)
	fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(text), text)
}

func says(text string) func(net.Conn, *http.Request) {
	return func(conn net.Conn, _ *http.Request) {
		io.WriteString(conn, text)
		conn.Close()
	}
}

// reset closes a connection without having read what comes.
func reset(conn net.Conn, _ *http.Request) {
	conn.(*net.TCPConn).SetLinger(0)
	conn.Close()
}

// Each end of a request is told apart.
func TestOutcomes(t *testing.T) {
	for want, answer := range map[Outcome]func(net.Conn, *http.Request){
		Closed: says(""), Reset: reset, Truncated: says("HTTP/1.1 200 OK\r\nContent-Le"),
		Wrong: says("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nget-0 1"),
	} {
		s := start(t, "POST", answer)
		s.c.request()
		tally := s.load.Stop()
		if len(tally.Lost) != 1 || tally.Of(want) != 1 || tally.Completed != 0 || tally.Err() == nil {
			t.Errorf("%s: %v", want, tally.Lost)
		}
	}
	s := start(t, "GET", says("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nget"))
	s.c.request()
	if tally := s.load.Stop(); tally.Of(Truncated) != 1 {
		t.Errorf("a body cut short: %v", tally.Lost)
	}
	s = start(t, "GET")
	s.Close()
	s.c.request()
	if tally := s.load.Stop(); tally.Of(Refused) != 1 {
		t.Errorf("nobody listens: %v", tally.Lost)
	}
	s = start(t, "GET", func(net.Conn, *http.Request) { select {} })
	s.load.config.Timeout = time.Millisecond
	s.c.request()
	if tally := s.load.Stop(); tally.Of(TimedOut) != 1 {
		t.Errorf("no answer: %v", tally.Lost)
	}
}

func TestCompleted(t *testing.T) {
	s := start(t, "GET", right, last, right)
	for range 3 {
		s.c.request()
	}
	tally := s.load.Stop()
	if err := tally.Err(); err != nil {
		t.Error(err)
	}
	if tally.Completed != 3 || tally.GET != 3 || tally.Connections != 2 || tally.Last != 1 || tally.Generations[1] != 2 || tally.Generations[2] != 1 {
		t.Errorf("got %+v", tally)
	}
}

// A connection that ends without a reply that said so is cut, unless it was idle all the
// while that its server drained.
func TestIdle(t *testing.T) {
	for name, c := range map[string]struct {
		drained  time.Duration // for how long when the next request is due; -1: it does not
		answered time.Duration // after it began
		idle     bool
	}{
		"all the while":          {limit, -time.Hour, true},
		"since it began":         {limit, limit / 20, true},
		"not until the end":      {limit / 2, -time.Hour, false},
		"not from the beginning": {limit, limit / 2, false},
		"not drained":            {-1, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			closing := make(chan struct{})
			s := start(t, "GET", right, func(conn net.Conn, _ *http.Request) {
				conn.Close()
				close(closing)
			})
			s.c.request()
			if c.drained >= 0 {
				began := time.Now().Add(-c.drained)
				s.c.answered = began.Add(c.answered)
				s.load.Tell(handover.Event{Kind: handover.Draining, PID: pid, Time: began})
			}
			s.c.request() // which is lost
			<-closing
			tally := s.load.Stop()
			if (len(tally.Idle) == 1) != c.idle || (len(tally.Lost) == 0) != c.idle || (tally.Err() == nil) != c.idle {
				t.Errorf("lost %v, on idle connections %v", tally.Lost, tally.Idle)
			}
		})
	}
}

// A client sees that a connection has ended before it sends.
func TestNotice(t *testing.T) {
	s := start(t, "GET", func(conn net.Conn, r *http.Request) {
		right(conn, r)
		conn.Close()
	}, right)
	s.c.request()
	for !ended(s.c.conn) {
		time.Sleep(time.Millisecond) // until the kernel has taken the end
	}
	s.c.request()
	tally := s.load.Stop()
	if tally.Cut != 1 || tally.Completed != 2 || len(tally.Lost) > 0 || tally.Err() == nil {
		t.Errorf("got %+v", tally)
	}
}
