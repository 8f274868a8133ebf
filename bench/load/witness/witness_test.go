package witness

import (
	"context"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/benchctl/benchctl/bench/load/loadtest"
)

// What a server does with the second request of a connection, after a correct reply to the
// first, is told by its outcome; the next request is on a new connection unless the reply
// was whole.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		serve func(*conn)
		want  Request // outcome, status, cause's part, Close
		stays bool
	}{
		{"reset", (*conn).reset, Request{Outcome: Reset, Cause: "connection reset"}, false},
		{"closed", func(c *conn) { c.Close() }, Request{Outcome: Closed, Cause: "EOF"}, false},
		{"half-closed", func(c *conn) { c.CloseWrite() }, Request{Outcome: Closed, Cause: "EOF"}, false},
		{"cut head", func(c *conn) { c.say("HTTP/1.1 2"); c.Close() }, Request{Outcome: Truncated, Cause: "EOF"}, false},
		{"cut body", func(c *conn) { c.say("HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\nHello"); c.Close() }, Request{Outcome: Truncated, Status: 200, Cause: "EOF"}, false},
		{"no end of chunks", func(c *conn) { c.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nH\r\n"); c.Close() }, Request{Outcome: Truncated, Status: 200, Cause: "EOF"}, false},
		{"503", func(c *conn) { c.say("HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy") }, Request{Outcome: Wrong, Status: 503, Cause: "status is 503"}, true},
		{"502 and the end", func(c *conn) { c.say("HTTP/1.0 502 Bad Gateway\r\n\r\nsorry"); c.Close() }, Request{Outcome: Wrong, Status: 502, Close: true, Cause: "status is 502"}, false},
		{"another body", func(c *conn) { c.say("HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\nHello, world!") }, Request{Outcome: Wrong, Status: 200, Cause: "body content differs"}, true},
		{"another length", func(c *conn) { c.say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHello") }, Request{Outcome: Wrong, Status: 200, Cause: "body has 5 bytes, not 13"}, true},
		{"no HTTP", func(c *conn) { c.say("220 mail ESMTP\r\n") }, Request{Outcome: Wrong, Cause: `bad status line, in "220 mail`}, false},
		{"too much", func(c *conn) { c.say("%smore", loadtest.HelloReply) }, Request{Outcome: Wrong, Status: 200, Cause: `bytes after the reply, in "more"`}, false},
		{"the end is said", func(c *conn) {
			c.say("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 13\r\n\r\nHello, World!")
		}, Request{Outcome: Completed, Status: 200, Close: true}, false},
		{"the end is the body's", func(c *conn) { c.say("HTTP/1.1 200 OK\r\n\r\nHello, World!"); c.Close() }, Request{Outcome: Completed, Status: 200, Close: true}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			srv := listen(t)
			s := begin(t, Config{Address: srv.address(), Connections: 1, FirstID: 40})
			one := srv.accept()
			one.request()
			one.hello()
			one.request()
			c.serve(one)
			if !c.stays {
				one = srv.accept()
			}
			if id, _ := one.request(); id != 42 {
				t.Errorf("the next request is %d", id)
			}
			s.halt()
			one.hello()
			got := s.Stop().Requests
			if len(got) != 3 {
				t.Fatalf("requests are %+v", got)
			}
			if r := got[1]; r.Outcome != c.want.Outcome || r.Status != c.want.Status || r.Close != c.want.Close || !strings.Contains(r.Cause, c.want.Cause) || (r.Cause == "") != (c.want.Cause == "") {
				t.Errorf("request is %+v, want %+v", r, c.want)
			}
			for n, r := range got {
				if first := n == 0 || n == 2 && !c.stays; r.ID != uint64(40+n) || r.First != first || !r.Written || r.Method != "GET" || r.Ended < r.Sent || r.Idle < 0 {
					t.Errorf("request %d is %+v", n, r)
				}
			}
			if got[0].Outcome != Completed || got[2].Outcome != Completed {
				t.Errorf("others are %+v", got)
			}
		})
	}
}

// A reset after a part of the reply leaves it truncated, whatever of it can still be read:
// the part came, as the session was to see it, before the reset was made.
func TestResetWithinAReply(t *testing.T) {
	t.Parallel()
	srv := listen(t)
	s := begin(t, Config{Address: srv.address(), Streams: 1, Stream: loadtest.Get("/stream")})
	one := srv.accept()
	one.request()
	one.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
	wait(t, "the head", s.Warm())
	one.reset()
	srv.accept().request()
	got := s.Stop().Streams
	if len(got) != 2 || got[0].Outcome != Truncated || got[0].Cause != syscall.ECONNRESET.Error() || got[1].Outcome != Unfinished {
		t.Errorf("streams are %+v", got)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for name, rate := range map[string]float64{"closed loop": 0, "paced": 1000} {
		s := begin(t, Config{Address: nobody(t), Connections: 3, Rate: rate})
		wait(t, "a refusal of each", s.Warm())
		got := s.Stop().Requests
		connections := map[int]bool{}
		for _, r := range got {
			connections[r.Connection] = true
			if r.Outcome != Refused || r.Cause != syscall.ECONNREFUSED.Error() || r.Status != 0 || r.First || r.Written {
				t.Errorf("%s: request is %+v", name, r)
			}
		}
		if len(connections) != 3 {
			t.Errorf("%s: requests are %+v", name, got)
		}
	}
}

func TestNoConnection(t *testing.T) {
	limit, cancel := context.WithDeadline(t.Context(), time.Now())
	defer cancel()
	_, late := (&net.Dialer{}).DialContext(limit, "tcp", "127.0.0.1:1")
	for _, c := range []struct {
		err  error
		want Outcome
	}{
		{late, TimedOut}, {&net.OpError{Op: "dial", Err: syscall.ETIMEDOUT}, TimedOut}, {&net.OpError{Op: "dial", Err: syscall.EHOSTUNREACH}, Refused},
		{&net.OpError{Op: "dial", Err: syscall.ECONNRESET}, Refused}, {&net.OpError{Op: "dial", Err: syscall.EMFILE}, Unsent},
		{syscall.EADDRNOTAVAIL, Unsent}, {errCut, Unfinished}, {context.Canceled, Unfinished},
	} {
		var r Request
		if r.unconnected(c.err); r.Outcome != c.want || r.Cause == "" {
			t.Errorf("%v: %+v, want %s", c.err, r, c.want)
		}
		if lost := c.want == TimedOut || c.want == Refused; r.Outcome.Lost() != lost {
			t.Errorf("%s is lost: %v", c.want, r.Outcome.Lost())
		}
	}
}

func TestTimedOut(t *testing.T) {
	t.Parallel()
	srv := listen(t)
	s := begin(t, Config{Address: srv.address(), Connections: 1, Timeout: loadtest.Soon})
	wait(t, "the timeout", s.Warm()) // nobody accepts, the system alone does
	r := s.Stop().Requests[0]
	if r.Outcome != TimedOut || r.Ended-r.Sent < loadtest.Soon {
		t.Errorf("request is %+v", r)
	}
}

// A connection that ends while it is idle costs no request: it is opened again at once.
func TestReplaced(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		end  func(*conn)
		want Ended
	}{
		"closed":              {func(c *conn) { c.Close() }, Ended{}},
		"reset":               {(*conn).reset, Ended{Reset: true}},
		"told, then closed":   {func(c *conn) { c.say("HTTP/1.1 408 Request Timeout\r\n\r\n"); c.Close() }, Ended{Bytes: 32}},
		"told, and kept open": {func(c *conn) { c.say("what?"); c.gone() }, Ended{Bytes: 5}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := listen(t)
			s := once(t, Config{Address: srv.address(), Connections: 1})
			one := srv.accept()
			one.request()
			one.hello()
			wait(t, "the reply", s.Warm())
			c.end(one)
			srv.accept()
			got := s.Stop()
			if len(got.Requests) != 1 || got.Requests[0].Outcome != Completed || len(got.Replaced) != 1 {
				t.Fatalf("result is %+v", got)
			}
			e := got.Replaced[0]
			if e.At < got.Requests[0].Ended || e.Idle != e.At-got.Requests[0].Ended {
				t.Errorf("it ended at %v after %v, the reply at %v", e.At, e.Idle, got.Requests[0].Ended)
			}
			e.At, e.Idle = 0, 0
			if e != c.want {
				t.Errorf("end is %+v, want %+v", e, c.want)
			}
		})
	}
}

// A connection that ended just before a request was due is found so, and costs none.
func TestReplacedInAClosedLoop(t *testing.T) {
	t.Parallel()
	srv := listen(t)
	c, err := newSession(Config{Address: srv.address(), Connections: 1, Timeout: guard, Target: loadtest.GetHello()})
	if err != nil {
		t.Fatal(err)
	}
	one := c.clients[0]
	c.begun, c.running, c.halt = time.Now(), t.Context(), func() {}
	if err := one.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer one.drop()
	if !one.quiet(0) {
		t.Fatal("a connection that is open is not quiet")
	}
	srv.accept().Close()
	one.quiet(time.Hour) // returns at the end of it
	if len(one.replaced) != 1 || !one.replaced[0].First {
		t.Errorf("replaced are %+v", one.replaced)
	}
	if err := one.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	srv.accept().reset()
	for dialed := one.conn; one.conn == dialed; { // until the reset has come: nothing is waited for
		one.quiet(0)
	}
	if len(one.replaced) != 2 || !one.replaced[1].Reset {
		t.Errorf("replaced are %+v", one.replaced)
	}
}

// Stop waits for what is in progress, and the end of the context does not.
func TestEnds(t *testing.T) {
	t.Parallel()
	srv := listen(t)
	s := begin(t, Config{Address: srv.address(), Connections: 1})
	one := srv.accept()
	one.request()
	go func() {
		<-s.running.Done()
		one.hello()
	}()
	if got := s.Stop().Requests; len(got) != 1 || got[0].Outcome != Completed {
		t.Errorf("after Stop: %+v", got)
	}
	one.gone()

	ctx, cancel := context.WithCancel(t.Context())
	s, err := Start(ctx, Config{Address: srv.address(), Connections: 2, Timeout: guard, Target: loadtest.GetHello()})
	if err != nil {
		t.Fatal(err)
	}
	one, two := srv.accept(), srv.accept()
	one.request()
	two.request()
	cancel()
	one.gone()
	two.gone()
	for _, r := range s.Stop().Requests {
		if r.Outcome != Unfinished || r.Outcome.Lost() {
			t.Errorf("at the end of the context: %+v", r)
		}
	}
}

// Every request that a server sees is told of, once, with its id and who answered.
func TestEveryRequestIsTold(t *testing.T) {
	t.Parallel()
	seen := make(chan string, 100_000)
	enough := make(chan struct{})
	stop := sync.OnceFunc(func() { close(enough) })
	ident := newIdentServer(t, func(id string) {
		if seen <- id; len(seen) >= 1000 {
			stop()
		}
	})
	for _, rate := range []float64{0, 10_000} {
		s := begin(t, Config{Address: ident, Target: post(), Ident: true, Connections: 8, Rate: rate, Seed: 1})
		if rate == 0 {
			wait(t, "requests", enough)
		} else {
			wait(t, "requests", s.Warm())
		}
		all := s.Stop().Requests
		if gave := s.Gave(); !slices.Equal(gave, []int{4711}) {
			t.Errorf("replies came from %v", gave)
		}
		ids := IDs{}
		for i, r := range all {
			if r.Outcome != Completed || r.PID != 4711 || r.Born != 42 || r.Method != http.MethodPost || i > 0 && r.Sent < all[i-1].Sent {
				t.Fatalf("request %d is %+v", i, r)
			}
			ids[r.ID] = struct{}{}
		}
		if len(ids) != len(all) || len(seen) != len(all) {
			t.Errorf("%d requests with %d ids, the server has seen %d", len(all), len(ids), len(seen))
		}
		for len(seen) > 0 {
			if id := <-seen; !ids.Has(parsed(t, id)) {
				t.Errorf("the server has seen %s, of which nothing is told", id)
			}
		}
	}
}

// The reply to another request is a wrong one.
func TestWrongIdent(t *testing.T) {
	t.Parallel()
	for body, cause := range map[string]string{
		"2 3 4\n": "the reply is that to request 2", "- 3 4\n": "the reply is that to request -", "Hello, World!": `body is not the app's: "Hello, World!"`,
	} {
		srv := listen(t)
		s := begin(t, Config{Address: srv.address(), Target: post(), Ident: true, Connections: 1})
		one := srv.accept()
		if id, sent := one.request(); id != 1 || sent != "some body" {
			t.Errorf("request %d has the body %q", id, sent)
		}
		one.say("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		one.request()
		s.halt()
		one.Close()
		if r := s.Stop().Requests[0]; r.Outcome != Wrong || r.Cause != cause || r.Status != 200 {
			t.Errorf("%q: request is %+v", body, r)
		}
	}
}

// Silent connections are distinguished, and end with the session.
func TestSilent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		end  func(*conn)
		want Ended
	}{
		{func(c *conn) { c.say("HTTP/1.1 408 Request Timeout\r\n\r\n"); c.Close() }, Ended{First: true, Bytes: 32}},
		{(*conn).reset, Ended{First: true, Reset: true}},
	} {
		srv := listen(t)
		s := begin(t, Config{Address: srv.address(), Silent: 1})
		one := srv.accept()
		wait(t, "the connection", s.Warm())
		c.end(one)
		two := srv.accept()
		got := s.Stop()
		two.gone()
		if len(got.Silent) != 1 || len(got.Requests)+len(got.Streams)+len(got.Replaced) > 0 {
			t.Fatalf("result is %+v", got)
		}
		e := got.Silent[0]
		if e.At < e.Idle || e.Idle < 0 {
			t.Errorf("it ended at %v, after %v", e.At, e.Idle)
		}
		e.At, e.Idle = 0, 0
		if e != c.want {
			t.Errorf("end is %+v, want %+v", e, c.want)
		}
	}
}

// So are streams, which ask again when one is whole.
func TestStreams(t *testing.T) {
	t.Parallel()
	srv := listen(t)
	s := begin(t, Config{Address: srv.address(), Streams: 1, Stream: loadtest.Get("/stream")})
	one := srv.accept()
	one.request()
	one.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n")
	one.request() // again, on the same connection
	one.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
	got := s.Stop()
	one.gone()
	if all := got.Streams; len(got.Requests) > 0 || len(all) != 2 || all[0].Outcome != Completed || all[1].Outcome != Unfinished || all[1].First {
		t.Errorf("result is %+v", got)
	}
}

func TestConfigErrors(t *testing.T) {
	right := Config{Address: "127.0.0.1:1", Target: loadtest.GetHello(), Connections: 1}
	for want, change := range map[string]func(*Config){
		"0 connections, 0 streams, 0 silent: at least one is needed":  func(c *Config) { c.Connections = 0 },
		"1 connections, -1 streams, 0 silent: at least one is needed": func(c *Config) { c.Streams = -1 },
		"rate -1 is below 0":     func(c *Config) { c.Rate = -1 },
		"timeout -1s is below 0": func(c *Config) { c.Timeout = -time.Second },
		"header Content-Length":  func(c *Config) { c.Target.Header = http.Header{"Content-Length": {"1"}} },
		"stream: ":               func(c *Config) { c.Streams, c.Stream.URL = 1, "/a b\n" },
	} {
		c := right
		change(&c)
		if s, err := Start(t.Context(), c); err == nil || !strings.HasPrefix(err.Error(), "start witness: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v", want, s, err)
		}
	}
}

// A target's own id gives way to the witness's.
func TestTemplate(t *testing.T) {
	target := post()
	target.Header = http.Header{"X-Request-Id": {"1"}, "A": {"b"}}
	ask, err := newTemplate("127.0.0.1:80", target)
	if err != nil {
		t.Fatal(err)
	}
	want := "POST /ident HTTP/1.1\r\nHost: 127.0.0.1:80\r\nContent-Length: 9\r\nA: b\r\nX-Request-Id: 18446744073709551615\r\n\r\nsome body"
	for range 2 {
		if got := string(ask.request(1<<64 - 1)); got != want {
			t.Errorf("request is %q, want %q", got, want)
		}
	}
	if target.Header.Get("X-Request-Id") != "1" {
		t.Error("the target was changed")
	}
}

func TestPacing(t *testing.T) {
	config := Config{Connections: 50, Rate: 1000, Seed: 3}
	const interval = 50 * time.Millisecond
	var phases []time.Duration
	for n := range config.Connections {
		p, again := newPacer(config, n), newPacer(config, n)
		phases = append(phases, p.phase)
		var before time.Duration
		for k := range 20 {
			due := p.next(before)
			if due != again.next(before) {
				t.Fatalf("connection %d: request %d is due at another time the next time", n, k)
			}
			if off := (due - p.phase - time.Duration(k)*interval).Abs(); off > interval/20 {
				t.Errorf("connection %d: request %d is off by %v", n, k, off)
			}
			before = due
		}
		if p.missed != 0 {
			t.Errorf("connection %d: %d requests were missed", n, p.missed)
		}
		late := before + 3*interval
		if due := p.next(late); due < late || due > late+interval*11/10 || p.missed < 2 || p.missed > 3 {
			t.Errorf("connection %d: after a wait to %v due at %v, %d missed", n, late, due, p.missed)
		}
	}
	slices.Sort(phases)
	if phases[0] < 0 || phases[49] > interval || phases[25] < interval/4 || phases[25] > interval*3/4 || phases[0] == phases[1] {
		t.Errorf("phases are %v", phases)
	}
	if p := newPacer(Config{Connections: 1}, 0); p.next(7) != 7 || p.next(9) != 9 || p.missed != 0 {
		t.Error("a closed loop is paced")
	}
	if newPacer(config, 0).phase == newPacer(Config{Connections: 50, Rate: 1000, Seed: 4}, 0).phase {
		t.Error("the seed is nothing to the pace")
	}
}
