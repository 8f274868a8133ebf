package raw

import (
	"bytes"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/load/loadtest"
)

// sinkVariable makes the test binary a server on the listening socket that it got.
const sinkVariable = "BENCHCTL_TEST_SINK"

func TestMain(m *testing.M) {
	if os.Getenv(sinkVariable) != "" {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin) // ends with the test
			os.Exit(0)
		}()
		if err := sink(3); err != nil {
			panic(err)
		}
		return
	}
	os.Exit(m.Run())
}

// sink answers each request head on the connections of the listener. It is one
// goroutine, as the race detector takes no more than 8,128 at a time.
func sink(listener int) error {
	p, err := newPoller()
	if err != nil {
		return err
	}
	if err := unix.SetNonblock(listener, true); err != nil {
		return err
	}
	if err := p.add(listener, int32(listener), 0); err != nil {
		return err
	}
	events, b := make([]unix.EpollEvent, eventBatch), make([]byte, readSize)
	answers, end := []byte(strings.Repeat(loadtest.HelloReply, 1000)), []byte("\r\n\r\n")
	for {
		for _, e := range p.wait(events, time.Second) {
			if e.Fd == int32(listener) {
				for fd, _, err := unix.Accept4(listener, unix.SOCK_NONBLOCK); err == nil; fd, _, err = unix.Accept4(listener, unix.SOCK_NONBLOCK) {
					if err := p.add(fd, int32(fd), 0); err != nil {
						return err
					}
				}
				continue
			}
			n, errno := recv(int(e.Fd), b)
			switch {
			case n > 0:
				_, _ = send(int(e.Fd), answers[:max(1, bytes.Count(b[:n], end)*len(loadtest.HelloReply))])
			case errno != unix.EAGAIN:
				unix.Close(int(e.Fd))
			}
		}
	}
}

// startSink starts a sink in a process of its own.
func startSink(t *testing.T) *loadtest.Server {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	file, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), sinkVariable+"=1", "GORACE=atexit_sleep_ms=0")
	cmd.ExtraFiles, cmd.Stderr = []*os.File{file}, os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = cmd.Wait()
	})
	return &loadtest.Server{Address: l.Addr().String()}
}

// Ten thousand connections are opened, and all of them are used.
func TestManyConnections(t *testing.T) {
	const n = 10_000
	if testing.Short() {
		t.Skip("opens 10,000 connections")
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil || limit.Cur < n+200 {
		t.Skipf("no more than %d descriptors (%v): raise ulimit -n", limit.Cur, err)
	}
	s := startSink(t)
	for _, depth := range loadtest.Depths() {
		c := loadtest.HelloConfig(s, n)
		c.Pipeline, c.Requests = depth, 100
		session := loadtest.MustOpen(t, openers()[load.Raw], c)
		for range 2 {
			r := loadtest.SlicesUntil(t, session, load.Window{Lead: 200 * time.Millisecond, Span: 500 * time.Millisecond}, func(r *load.Result) bool { return r.Answered >= n })
			if r.Errored() > 0 || r.Answered < n || r.Reconnects > 0 {
				t.Errorf("depth %d: %v", depth, loadtest.Summary(r))
			}
		}
		session.Close()
	}
}

// A connection's state is small, so that many of them fit the cache and memory.
func TestConnIsSmall(t *testing.T) {
	const most = 224 // bytes: 2 MB for 10,000 of them
	if size := unsafe.Sizeof(conn{}); size > most {
		t.Errorf("a connection takes %d bytes, more than %d", size, most)
	}
}
