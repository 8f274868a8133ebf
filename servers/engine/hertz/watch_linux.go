package hertz

import (
	"os"

	"golang.org/x/sys/unix"
)

// watch is an epoll instance that has a listening socket. It can be polled itself (epoll(7)),
// and the socket taken out of it: the one that netpoll polls is netpoll's, and what stands in
// it stays as long as any process has the socket open, even if the descriptor is closed.
type watch struct{ epoll int }

// watchSocket makes the watch of a socket.
func watchSocket(fd int) (watch, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return watch{}, os.NewSyscallError("epoll_create1", err)
	}
	err = unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
	if err != nil {
		unix.Close(epoll)
		return watch{}, os.NewSyscallError("epoll_ctl", err)
	}
	return watch{epoll}, nil
}

// fd is what is polled: it can be read while a connection waits.
func (w watch) fd() int { return w.epoll }

// release takes the socket out, and closes its descriptor.
func (w watch) release(fd int) {
	_ = unix.EpollCtl(w.epoll, unix.EPOLL_CTL_DEL, fd, nil) // it is in there
	unix.Close(fd)
}

func (w watch) close() error { return os.NewSyscallError("close", unix.Close(w.epoll)) }
