package load

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/benchctl/benchctl/apps/http1/http1test"
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
		_, _ = io.WriteString(w, hello)
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

func (s *companyServer) target() Target {
	return Target{Target: vegeta.Target{Method: "GET", URL: "/"}, Length: -1}
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
	a, err := Accompany(t.Context(), s.address(), scenarios.Company{Idle: 200}, s.target())
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
		_, err := Accompany(t.Context(), address, scenarios.Company{Idle: 3}, Target{Target: vegeta.Target{Method: "GET", URL: "/"}, Length: -1})
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
		s := serve(t, says(reply))
		_, err := Accompany(t.Context(), s.address, scenarios.Company{Idle: 3}, get("/"))
		if err == nil || err.Error() != "open 3 idle connections: "+want {
			t.Errorf("%v, want %s", err, want)
		}
		s.close()
	}
}

// The slow ones hold still until it begins and once it has ended.
func TestSlowCompany(t *testing.T) {
	t.Parallel()
	s := newCompanyServer(t)
	a, err := Accompany(t.Context(), s.address(), scenarios.Company{SlowReaders: 3, SlowHeaders: 2}, s.target())
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(10 * backoff) // nothing must happen, so there is nothing to wait for
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
	time.Sleep(3 * headerBeat) // a beat may be on its way
	before = s.headerBytes.Load()
	time.Sleep(3 * headerBeat)
	if n := s.headerBytes.Load() - before; n > 0 {
		t.Errorf("%d bytes came after its end", n)
	}
	a.Close()
	until(t, "connections are left", func() bool { return s.open.Load() == 0 })
}

// The first byte of a body comes when the server sends it, not when the last does: that
// it sends when the client has the first.
func TestFirstByte(t *testing.T) {
	t.Parallel()
	const pause = 50 * time.Millisecond
	begun := make(chan struct{}, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "first")
		w.(http.Flusher).Flush()
		select {
		case <-begun:
		case <-r.Context().Done(): // the client did not wait for it
		}
		time.Sleep(pause)
		fmt.Fprint(w, "second")
	}))
	defer srv.Close()
	for name, pacer := range map[string]vegeta.Pacer{"closed loop": nil, "open loop": Constant(10)} {
		c := Config{
			Address: srv.Listener.Addr().String(), Load: scenarios.Load{Connections: 1, FirstByte: true}, Pacer: pacer,
			Targets: []Target{{Target: vegeta.Target{Method: "GET", URL: "/"}, Length: -1, Match: func(off int64, _ []byte) bool {
				if off == 0 {
					begun <- struct{}{}
				}
				return true
			}}},
		}
		s, err := Open(t.Context(), by(Raw, c))
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // what one slice saw is forgotten in the next
			r := slicesUntil(t, s, Window{Span: 200 * time.Millisecond}, anyCounted)
			if r.Errored() > 0 || r.Counted == 0 {
				t.Fatalf("%s: %v", name, summary(r))
			}
			if r.First.TotalCount() != int64(r.Counted) {
				t.Errorf("%s: %d first bytes of %d replies", name, r.First.TotalCount(), r.Counted)
			}
			first, whole := time.Duration(r.First.ValueAtQuantile(50)), time.Duration(r.Response.ValueAtQuantile(50))
			if whole-first < pause*9/10 {
				t.Errorf("%s: the first byte came after %v, the last after %v", name, first, whole)
			}
		}
		s.Close()
	}
	c := Config{Address: srv.Listener.Addr().String(), Targets: []Target{{Target: vegeta.Target{Method: "GET", URL: "/"}}}, Load: scenarios.Load{Connections: 1, FirstByte: true}}
	if err := by(Vegeta, c).Check(); err == nil || !strings.Contains(err.Error(), "does not offer the time to the first byte") {
		t.Errorf("engine vegeta: %v", err)
	}
}

// A body whose blocks tell nothing is judged as a whole.
func TestWholeBodies(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("0123456789", 50_000) // more than is read at once
	right := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) }))
	defer right.Close()
	for _, engine := range []string{Raw, Vegeta} {
		for want, wrong := range map[string]bool{text: false, text[1:]: true} {
			c := Config{
				Address: right.Listener.Addr().String(), Load: scenarios.Load{Connections: 2},
				Targets: []Target{{Target: vegeta.Target{Method: "GET", URL: "/"}, Length: -1, Whole: func(b []byte) bool { return string(b) == want }}},
			}
			s, err := Open(t.Context(), by(engine, c))
			if err != nil {
				t.Fatal(err)
			}
			r := slicesUntil(t, s, Window{Span: 50 * time.Millisecond}, func(r *Result) bool { return r.Compared > 0 })
			if r.Compared == 0 || (r.Wrong > 0) != wrong || wrong && r.Wrong != r.Compared {
				t.Errorf("%s: %d of %d are wrong", engine, r.Wrong, r.Compared)
			}
			s.Close()
		}
	}
}

// HTTP/2 is spoken where it is asked for.
func TestH2C(t *testing.T) {
	t.Parallel()
	var other atomic.Int64
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			other.Add(1)
		}
		_, _ = io.Copy(w, r.Body)
		fmt.Fprint(w, hello)
	}))
	srv.Config.Protocols = new(http.Protocols)
	srv.Config.Protocols.SetUnencryptedHTTP2(true)
	srv.Config.Protocols.SetHTTP1(true)
	srv.Start()
	defer srv.Close()
	c := Config{
		Address: srv.Listener.Addr().String(), Load: scenarios.Load{Connections: 8}, H2C: true,
		Targets: []Target{
			{Target: vegeta.Target{Method: "GET", URL: "/"}, Length: int64(len(hello)), Match: func(off int64, b []byte) bool { return strings.HasPrefix(hello[off:], string(b)) }},
			{Target: vegeta.Target{Method: "POST", URL: "/", Body: []byte("abc")}, Length: int64(len(hello)) + 3},
		},
	}
	s, err := Open(t.Context(), by(Vegeta, c))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for range 2 {
		r := slicesUntil(t, s, Window{Span: 100 * time.Millisecond}, func(r *Result) bool { return r.Counted >= 10 })
		if r.Errored() > 0 || r.Counted < 10 {
			t.Errorf("%v", summary(r))
		}
	}
	if n := other.Load(); n > 0 {
		t.Errorf("%d requests were not HTTP/2", n)
	}
	if err := by(Raw, c).Check(); err == nil || !strings.Contains(err.Error(), "does not offer HTTP/2") {
		t.Errorf("engine raw: %v", err)
	}
}
