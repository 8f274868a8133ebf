package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Reloads under load lose no request, neither GET nor POST.
func TestServiceReloadsUnderLoad(t *testing.T) {
	t.Parallel()
	for _, engine := range []string{"nethttp", "fasthttp", "hertz", "nbio", "gnet"} {
		t.Run(engine, func(t *testing.T) {
			s := newPlace(t)
			s.does("serve", "--server="+engine, "--daemon", "--addr=127.0.0.1:0", "--name=web", "--workers=2")
			load := begin(s.address("web"), 8)
			for _, verb := range []string{"reload", "upgrade", "scale-up", "reload", "scale-down", "restart"} {
				load.some()
				s.does("ctl", verb, "web")
				load.some()
			}
			done, lost := load.end()
			if len(lost) > 0 {
				t.Errorf("of %d requests %d were lost: %v", done, len(lost), lost[0])
			}
			s.does("ctl", "stop", "web")
			noneLeft(t, s.dir)
		})
	}
}

// A service that is stopped and started again on a socket that who starts it keeps, as
// systemd does, loses no request: who connects meanwhile waits.
func TestServiceRestartsUnderLoad(t *testing.T) {
	t.Parallel()
	s := newPlace(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	socket, err := ln.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	start := func() *exec.Cmd {
		t.Helper()
		cmd := s.command("serve", "--server=nethttp", "--listen=fd:3", "--workers=2", "--name=web")
		cmd.ExtraFiles = []*os.File{socket}
		s.begin(cmd)
		return cmd
	}
	stop := func(cmd *exec.Cmd) {
		t.Helper()
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if state := ends(t, cmd); !state.Success() {
			t.Error(state)
		}
	}
	first := start()
	load := begin(ln.Addr().String(), 8)
	load.some()
	stop(first)
	second := start()
	load.some()
	done, lost := load.end()
	if len(lost) > 0 {
		t.Errorf("of %d requests %d were lost: %v", done, len(lost), lost[0])
	}
	stop(second)
	noneLeft(t, s.dir)
}

// steady is clients that keep their connections and repeat nothing.
type steady struct {
	address string
	all     sync.WaitGroup
	stop    chan struct{}
	answers chan struct{}

	mu   sync.Mutex
	done int
	lost []error
}

func begin(address string, clients int) *steady {
	l := &steady{address: address, stop: make(chan struct{}), answers: make(chan struct{})}
	for i := range clients {
		l.all.Go(func() { l.client(i%2 == 0) })
	}
	return l
}

// some waits for some answers.
func (l *steady) some() {
	for range 100 {
		<-l.answers
	}
}

func (l *steady) end() (done int, lost []error) {
	close(l.stop)
	l.all.Wait()
	return l.done, l.lost
}

func (l *steady) client(post bool) {
	request := "GET /hello HTTP/1.1\r\nHost: test\r\n\r\n"
	if post {
		request = "POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello"
	}
	var conn net.Conn
	var in *bufio.Reader
	for {
		select {
		case <-l.stop:
			if conn != nil {
				conn.Close()
			}
			return
		default:
		}
		var err error
		if conn == nil {
			if conn, err = net.Dial("tcp", l.address); err == nil {
				in = bufio.NewReader(conn)
			}
		}
		last := false
		if err == nil {
			last, err = exchange(conn, in, request)
		}
		l.count(err)
		if (err != nil || last) && conn != nil {
			conn.Close()
			conn = nil
		}
	}
}

func (l *steady) count(err error) {
	l.mu.Lock()
	l.done++
	if err != nil {
		l.lost = append(l.lost, err)
	}
	l.mu.Unlock()
	select {
	case l.answers <- struct{}{}:
	default:
	}
}

// exchange tells whether the reply is the connection's last.
func exchange(conn net.Conn, in *bufio.Reader, request string) (last bool, err error) {
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(conn, request); err != nil {
		return false, err
	}
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		return false, err
	}
	body, err := io.ReadAll(res.Body)
	if err == nil && (res.StatusCode != http.StatusOK || len(body) == 0) {
		err = fmt.Errorf("%s %q", res.Status, body)
	}
	return res.Close, err
}

// A service that stops refuses who connects, while its workers still serve those who did:
// nobody waits for a worker that does not come.
func TestStopRefuses(t *testing.T) {
	t.Parallel()
	s := newPlace(t)
	s.does("ctl", "start", "web", "--", "--server=nethttp", "--addr=127.0.0.1:0", "--workers=2", "--drain=1m")
	address := s.address("web")
	early, err := net.Dial("tcp", address) // idle, it is left alone
	if err != nil {
		t.Fatal(err)
	}
	defer early.Close()
	in := bufio.NewReader(early)
	if last, err := asked(early, in); last || err != nil { // it is accepted
		t.Fatal(last, err)
	}
	stopped := make(chan string, 1)
	go func() { stopped <- s.does("ctl", "stop", "web") }()
	if !eventually(t, func() bool {
		late, err := net.Dial("tcp", address)
		if err == nil {
			late.Close()
		}
		return errors.Is(err, syscall.ECONNREFUSED)
	}) {
		t.Error("who connects to a service that stops is not refused")
	}
	if last, err := asked(early, in); !last || err != nil {
		t.Errorf("who had connected was told to go: %v, %v", last, err)
	}
	<-stopped
	noneLeft(t, s.dir)
}

// asked asks for hello on a connection, and tells whether the reply is the last.
func asked(conn net.Conn, in *bufio.Reader) (last bool, err error) {
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(conn, "GET /hello HTTP/1.1\r\nHost: test\r\n\r\n"); err != nil {
		return false, err
	}
	reply, err := http.ReadResponse(in, nil)
	if err != nil {
		return false, err
	}
	body, err := io.ReadAll(reply.Body)
	if err == nil && string(body) != "Hello, World!" {
		err = fmt.Errorf("it says %q", body)
	}
	return reply.Close, err
}
