package hertz

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"

	"github.com/cloudwego/netpoll"

	"github.com/benchctl/benchctl/servers/process/drain"
)

// polled is a listener for netpoll, which accepts in its event loops. netpoll makes one
// of its own of a *net.TCPListener, but in doing so makes the socket block for a moment.
// A socket is that of all processes that have it: another one's event loop that accepts
// in that moment would stand still. It also closes its descriptor twice.
//
// When ln is stopped, the descriptors are closed at once, but for the one that netpoll
// polls, which leads to nothing then (see watch): no event loop turns for what is meant for
// another process, and no connection waits for this one. Accept fails then as that of closed
// listeners does: netpoll ends its Serve, and leaves connections alone.
type polled struct {
	ln   *drain.Listener
	fd   int   // of the socket
	seen watch // what netpoll polls
	once sync.Once
}

var _ netpoll.Listener = (*polled)(nil)

// poll makes a listener for netpoll. It has a descriptor of its own.
func poll(ln *drain.Listener) (*polled, error) {
	socket, ok := ln.Inner().(syscall.Conn)
	if !ok {
		return nil, fmt.Errorf("a %T has no socket to poll", ln.Inner())
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil, err
	}
	fd := -1
	if cerr := raw.Control(func(s uintptr) { fd, err = dup(int(s)) }); cerr != nil {
		return nil, cerr
	}
	if err != nil {
		return nil, os.NewSyscallError("dup", err)
	}
	seen, err := watchSocket(fd)
	if err != nil {
		return nil, errors.Join(err, syscall.Close(fd))
	}
	ln.OnStop(func() { seen.release(fd) })
	return &polled{ln: ln, fd: fd, seen: seen}, nil
}

// dup duplicates a descriptor, for no program that is started.
func dup(fd int) (int, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fd, err := syscall.Dup(fd)
	if err == nil {
		syscall.CloseOnExec(fd)
	}
	return fd, err
}

// Fd implements netpoll.Listener. It is called once, when the server starts to poll.
func (p *polled) Fd() int {
	p.ln.Started()
	return p.seen.fd()
}

func (p *polled) Addr() net.Addr { return p.ln.Addr() }

// Close implements net.Listener.
func (p *polled) Close() error {
	err := p.ln.Close()
	p.once.Do(func() { err = errors.Join(err, p.seen.close()) })
	return err
}

// Accept takes a connection if one waits: without one it returns nil twice, as netpoll
// wants.
func (p *polled) Accept() (net.Conn, error) {
	var conn net.Conn
	var err error
	if !p.ln.Admit(func() bool {
		conn, err = p.take()
		return conn != nil
	}) {
		return nil, net.ErrClosed
	}
	return conn, err
}

// take accepts as netpoll does.
func (p *polled) take() (net.Conn, error) {
	fd, from, err := syscall.Accept(p.fd)
	switch {
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.ECONNABORTED), errors.Is(err, syscall.EINTR):
		return nil, nil // which it will be told of again
	case err != nil:
		return nil, err
	}
	if p.Addr().Network() == "tcp" {
		_ = syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1) // does not fail, or the connection does
	}
	return &accepted{fd: fd, local: p.Addr(), remote: address(from)}, nil
}

// accepted is what netpoll makes a connection of. It asks for nothing else.
type accepted struct {
	net.Conn
	fd            int
	local, remote net.Addr
}

func (a *accepted) Fd() int              { return a.fd }
func (a *accepted) LocalAddr() net.Addr  { return a.local }
func (a *accepted) RemoteAddr() net.Addr { return a.remote }

func address(from syscall.Sockaddr) net.Addr {
	switch from := from.(type) {
	case *syscall.SockaddrInet4:
		return &net.TCPAddr{IP: from.Addr[:], Port: from.Port}
	case *syscall.SockaddrInet6:
		return &net.TCPAddr{IP: from.Addr[:], Port: from.Port}
	case *syscall.SockaddrUnix:
		return &net.UnixAddr{Name: from.Name, Net: "unix"}
	}
	return nil
}
