package drain

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener whose connections a test makes.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	late   chan net.Conn // accepted although it was closed meanwhile
}

func newPipes() *pipes {
	return &pipes{conns: make(chan net.Conn), closed: make(chan struct{}), late: make(chan net.Conn, 1)}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
	}
	select {
	case c := <-p.late:
		return c, nil
	default:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	close(p.closed)
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes", Net: "unix"} }

func (p *pipes) dial() net.Conn {
	here, there := net.Pipe()
	p.conns <- there
	return here
}

// Accept of a stopped listener returns only when it is closed: a server that it failed
// for would end, or try again without a pause.
func TestAcceptIsHeldBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ln := New(newPipes())
		ended := make(chan error, 1)
		go func() {
			_, err := ln.Accept()
			ended <- err
		}()
		synctest.Wait()
		select {
		case <-ln.Accepting():
		default:
			t.Error("not said to accept")
		}
		if ln.Draining() || ln.Open() != 1 {
			t.Errorf("before: draining %v, %d open", ln.Draining(), ln.Open())
		}
		if err := errors.Join(ln.Stop(), ln.Stop()); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		select {
		case err := <-ended:
			t.Errorf("accept returned: %v", err)
		default:
		}
		if n := ln.Wait(t.Context(), nil); n != 0 || !ln.Draining() {
			t.Errorf("after: draining %v, %d open", ln.Draining(), n)
		}
		if err := errors.Join(ln.Close(), ln.Close()); err != nil {
			t.Error(err)
		}
		if err := <-ended; !errors.Is(err, net.ErrClosed) {
			t.Errorf("accept of a closed listener: %v", err)
		}
	})
}

// An accept that has won its connection when the listener stops serves it, and counts it.
func TestAcceptThatHasWon(t *testing.T) {
	p := newPipes()
	ln := New(p)
	_, there := net.Pipe()
	p.late <- there
	_ = ln.Stop()
	if c, err := ln.Accept(); c != there || err != nil {
		t.Errorf("accepted %v, %v", c, err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if n := ln.Wait(over, nil); n != 1 {
		t.Errorf("%d open, want 1", n)
	}
	ln.Closed()
	if n := ln.Wait(t.Context(), nil); n != 0 {
		t.Errorf("%d open, want none", n)
	}
}

// Event loops take connections until the listener is stopped.
func TestAdmit(t *testing.T) {
	ln := New(newPipes())
	if !ln.Admit(func() bool { return true }) || !ln.Admit(func() bool { return false }) || ln.Open() != 1 {
		t.Errorf("%d open, want the one that was taken", ln.Open())
	}
	released := 0
	ln.OnStop(func() { released++ })
	_, _ = ln.Stop(), ln.Stop()
	if ln.Admit(func() bool { t.Error("asked to take"); return true }) {
		t.Error("admitted after the stop")
	}
	if released != 1 {
		t.Errorf("the descriptor was given up %d times", released)
	}
	ln.Closed()
	if n := ln.Wait(t.Context(), nil); n != 0 {
		t.Errorf("%d open", n)
	}
}

func TestNilNeverDrains(t *testing.T) {
	var none *Listener
	if none.Draining() {
		t.Error("it drains")
	}
}

// A socket that another process has too goes on listening: here it is another descriptor
// of the same open file.
func TestStopLeavesTheSocket(t *testing.T) {
	first, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	file, err := first.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	second, err := net.FileListener(file)
	file.Close()
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	queued, err := net.Dial("tcp", first.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer queued.Close()
	if err := New(first).Close(); err != nil {
		t.Fatal(err)
	}
	late, err := net.Dial("tcp", second.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	for _, client := range []net.Conn{queued, late} {
		c, err := second.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if c.RemoteAddr().String() != client.LocalAddr().String() {
			t.Errorf("accepted %v, want %v", c.RemoteAddr(), client.LocalAddr())
		}
		c.Close()
	}
}

// server is a Serve that tells what happens to it.
type server struct {
	began, ended chan struct{}
	err          error
}

func newServer(err error) *server {
	return &server{began: make(chan struct{}), ended: make(chan struct{}), err: err}
}

func (s *server) serve(ctx context.Context, ln *Listener) error {
	defer close(s.ended)
	ln.Started()
	close(s.began)
	if s.err != nil {
		return s.err
	}
	<-ctx.Done()
	if !ln.Draining() {
		return errors.New("shut down without draining")
	}
	return nil
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// A server runs until its last connection has ended, or the limit is over.
func TestRun(t *testing.T) {
	for name, ends := range map[string]bool{"ends": true, "stays": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, ln := newServer(nil), New(newPipes())
				ready, told := 0, []int(nil)
				ctx, stop := context.WithCancel(t.Context())
				done := make(chan error, 1)
				began := time.Now()
				go func() {
					done <- Run(ctx, Config{
						Limit: 10 * time.Second, Ready: func() error { ready++; return nil }, Open: func(n int) { told = append(told, n) },
					}, s.serve, ln)
				}()
				synctest.Wait()
				ln.Admit(func() bool { return true })
				if stop(); ready != 1 {
					t.Errorf("ready %d times", ready)
				}
				synctest.Wait()
				if !ln.Draining() || isClosed(s.ended) {
					t.Errorf("draining %v, ended %v", ln.Draining(), isClosed(s.ended))
				}
				if ends {
					ln.Closed()
				}
				if err := <-done; err != nil {
					t.Error(err)
				}
				took, want := time.Since(began), 10*time.Second
				if ends {
					want = 0
				}
				if took != want || told[0] != 1 || (told[len(told)-1] == 0) != ends {
					t.Errorf("took %v, want %v; told of %v", took, want, told)
				}
			})
		})
	}
}

// What fails stops the rest, and its error is returned.
func TestRunFails(t *testing.T) {
	broken := errors.New("broken")
	t.Run("server", func(t *testing.T) {
		good, bad := newServer(nil), newServer(broken)
		one, two := New(newPipes()), New(newPipes())
		err := Run(t.Context(), Config{}, func(ctx context.Context, ln *Listener) error {
			if ln == one {
				_ = good.serve(ctx, ln) // which is stopped at once, and says so
				return nil
			}
			<-good.began
			return bad.serve(ctx, ln)
		}, one, two)
		if !errors.Is(err, broken) || !isClosed(good.ended) {
			t.Errorf("got %v; the other one ended %v", err, isClosed(good.ended))
		}
	})
	t.Run("ready", func(t *testing.T) {
		s := newServer(nil)
		err := Run(t.Context(), Config{Ready: func() error { return broken }}, s.serve, New(newPipes()))
		if !errors.Is(err, broken) || !isClosed(s.ended) {
			t.Errorf("got %v; the server ended %v", err, isClosed(s.ended))
		}
	})
}

// Requests on idle connections are answered while an http.Server drains, and end them.
func TestHTTP(t *testing.T) {
	p := newPipes()
	ctx, stop := context.WithCancel(t.Context())
	states := make(chan http.ConnState, 100)
	hello := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") })
	watch := func(srv *http.Server) { srv.ConnState = func(_ net.Conn, s http.ConnState) { states <- s } }
	open := make(chan int, 100)
	done := make(chan error, 1)
	go func() {
		done <- Run(ctx, Config{Limit: time.Hour, Open: func(n int) { open <- n }}, HTTP(hello, watch), New(p))
	}()
	one, two := p.dial(), p.dial()
	ask := func(c net.Conn) *http.Response {
		t.Helper()
		io.WriteString(c, "GET / HTTP/1.1\r\nHost: test\r\n\r\n")
		r, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(r.Body); string(body) != "hello" || err != nil {
			t.Fatalf("got %q, %v", body, err)
		}
		return r
	}
	if ask(one).Close || ask(two).Close {
		t.Error("a connection ends although nothing drains")
	}
	stop()
	<-open // it drains
	if !ask(one).Close || !ask(two).Close {
		t.Error("a connection stays although the server drains")
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if s := <-states; s != http.StateNew {
		t.Errorf("the ConnState of the server's own got %v first", s)
	}
}
