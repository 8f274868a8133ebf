package raw

import (
	"errors"
	"fmt"
	"net"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The calls below never block, so they bypass the scheduler: its work around a system
// call costs more than some of the calls. MSG_NOSIGNAL saves a signal for each connection
// that the server closed.

func recv(fd int, b []byte) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

func send(fd int, b []byte) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// sendAll is send of several buffers at once. gathered must not be on a stack: the
// kernel is told where it is by what m points to.
func sendAll(fd int, m *unix.Msghdr, gathered []unix.Iovec) (int, unix.Errno) {
	m.Iov = &gathered[0]
	m.SetIovlen(len(gathered))
	n, _, errno := unix.RawSyscall(unix.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(m)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// poller is an epoll instance with an event to wake it and an alarm.
type poller struct {
	fd, event, alarm int
	armed            time.Duration // when the alarm goes off
	flowing          bool          // the last wait until a time ended by an event
	coarse           bool          // the kernel has no epoll_pwait2: timeouts are whole ms
}

// Ids of the poller's own events, in place of the index of a connection.
const (
	wakeID  = -1
	alarmID = -2
)

func newPoller() (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("create epoll: %w", err)
	}
	p := &poller{fd: fd, event: -1, alarm: -1}
	if err := p.addOwn(); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *poller) addOwn() (err error) {
	if p.event, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return fmt.Errorf("create eventfd: %w", err)
	}
	if p.alarm, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK); err != nil {
		return fmt.Errorf("create timerfd: %w", err)
	}
	if err = errors.Join(p.add(p.event, wakeID, 0), p.add(p.alarm, alarmID, 0)); err != nil {
		return fmt.Errorf("watch eventfd and timerfd: %w", err)
	}
	return nil
}

func (p *poller) close() {
	for _, fd := range []int{p.alarm, p.event, p.fd} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}

// add watches fd, edge-triggered and for all events, so that requests require no further
// call. Events carry id and generation.
func (p *poller) add(fd int, id, generation int32) error {
	return unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{
		Events: unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET&0xffffffff, Fd: id, Pad: generation,
	})
}

// wake makes wait return, from any goroutine.
func (p *poller) wake() { _, _ = unix.Write(p.event, []byte{1, 0, 0, 0, 0, 0, 0, 0}) }

// woken resets wake.
func (p *poller) woken() { _, _ = unix.Read(p.event, make([]byte, 8)) }

// wait fills events, for timeout at most; not at all if it is not positive.
func (p *poller) wait(events []unix.EpollEvent, timeout time.Duration) []unix.EpollEvent {
	first, size := uintptr(unsafe.Pointer(&events[0])), uintptr(len(events))
	var n uintptr
	var errno unix.Errno
	switch {
	case timeout <= 0:
		n, _, errno = unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.fd), first, size, 0, 0, 0)
	case p.coarse:
		ms := (timeout + time.Millisecond - 1) / time.Millisecond
		n, _, errno = unix.Syscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.fd), first, size, uintptr(ms), 0, 0)
	default:
		ts := unix.NsecToTimespec(int64(timeout))
		n, _, errno = unix.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(p.fd), first, size, uintptr(unsafe.Pointer(&ts)), 0, 0)
		p.coarse = errno == unix.ENOSYS
	}
	if errno != 0 {
		return nil
	}
	return events[:n]
}

// waitUntil is wait until a time, for a loader that has hardly time to wait. The
// alarm ends it, which is set again only when that time is another, so that a wait
// costs the kernel no timer. And while events flow it goes around the scheduler as
// sends do: one that is told of short waits looks after them every 20 µs. After
// 10 ms without any the scheduler interrupts it, and the next wait tells. Together
// they save 4 to 6 % of the CPU time per request.
func (p *poller) waitUntil(events []unix.EpollEvent, now, until time.Duration) []unix.EpollEvent {
	if until <= now {
		return p.wait(events, 0)
	}
	if p.armed != until {
		in := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(until - now))}
		if unix.TimerfdSettime(p.alarm, 0, &in, nil) != nil {
			return p.wait(events, until-now)
		}
		p.armed = until
	}
	const forever = ^uintptr(0)
	first, size := uintptr(unsafe.Pointer(&events[0])), uintptr(len(events))
	var n uintptr
	var errno unix.Errno
	if p.flowing {
		n, _, errno = unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.fd), first, size, forever, 0, 0)
	} else {
		n, _, errno = unix.Syscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.fd), first, size, forever, 0, 0)
	}
	if p.flowing = errno == 0; !p.flowing {
		return nil
	}
	return events[:n]
}

// punctual makes the sleeps of the calling thread end on time. By default, the kernel
// delays them by up to 50 µs to end several together. The returned function undoes it.
func punctual() (undo func()) {
	set := func(ns int) { _ = unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(ns), 0, 0, 0) }
	set(1)
	return func() { set(0) } // 0: the default
}

// sockaddr resolves a TCP address.
func sockaddr(address string) (family int, sa unix.Sockaddr, err error) {
	a, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return 0, nil, err
	}
	if ip := a.IP.To4(); ip != nil {
		return unix.AF_INET, &unix.SockaddrInet4{Port: a.Port, Addr: [4]byte(ip)}, nil
	}
	if a.IP == nil {
		return unix.AF_INET, &unix.SockaddrInet4{Port: a.Port, Addr: [4]byte{127, 0, 0, 1}}, nil
	}
	return unix.AF_INET6, &unix.SockaddrInet6{Port: a.Port, Addr: [16]byte(a.IP)}, nil
}
