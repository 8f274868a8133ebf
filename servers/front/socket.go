package front

import (
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// handedOver is a socket of ln for another process, which does not block, as a
// TCPListener's File would. nginx does not look: a worker that is woken for a connection
// which another one takes would wait in accept for ever, and hear of no stop.
func handedOver(ln net.Listener) (*os.File, error) {
	tcp, ok := ln.(*net.TCPListener)
	if !ok {
		return nil, fmt.Errorf("it takes sockets of TCP alone, and %s is a %s one", ln.Addr(), ln.Addr().Network())
	}
	socket, err := tcp.File()
	if err != nil {
		return nil, err
	}
	defer socket.Close()
	fd, err := unix.FcntlInt(socket.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), "listener"), nil
}
