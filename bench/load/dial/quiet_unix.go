//go:build unix

package dial

import (
	"errors"
	"io"
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Quiet reports whether c, on which no request is in flight, is open and has
// nothing to read: it can take a request. It does not wait.
func Quiet(c net.Conn) bool {
	s, ok := c.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return false
	}
	quiet := false
	err = raw.Read(func(fd uintptr) bool {
		_, _, err := unix.Recvfrom(int(fd), make([]byte, 1), unix.MSG_PEEK|unix.MSG_DONTWAIT)
		quiet = err == unix.EAGAIN
		return true
	})
	return err == nil && quiet
}

// TryRead reads the bytes that have arrived on c, without waiting, whatever its deadline: 0
// bytes and no error if there are none. After Quiet, a reset would no longer be visible, as
// the system reports it once.
func TryRead(c net.Conn, b []byte) (n int, err error) {
	s, ok := c.(syscall.Conn)
	if !ok {
		return 0, errors.ErrUnsupported
	}
	// After a deadline, nothing can be read, not even bytes that arrived before it.
	_ = c.SetReadDeadline(time.Time{})
	raw, err := s.SyscallConn()
	if err != nil {
		return 0, err
	}
	var got error
	err = raw.Read(func(fd uintptr) bool {
		n, _, got = unix.Recvfrom(int(fd), b, unix.MSG_DONTWAIT)
		return true
	})
	switch {
	case err != nil:
		return 0, err
	case errors.Is(got, unix.EAGAIN):
		return 0, nil
	case got != nil:
		return 0, got
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}
