// Package listen opens the sockets that a server listens on, by specs:
//
//	tcp:HOST:PORT      a new TCP socket; port 0 is any that is free
//	unix:PATH          a new Unix socket in the file system
//	fd:N               a listening socket that this process was started with
//	systemd            all sockets of systemd's socket activation (sd_listen_fds(3))
//	systemd:NAME       those of that name (FileDescriptorName= of systemd.socket(5))
package listen

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Options of new sockets. The zero value is right for most.
type Options struct {
	// ReusePort lets several TCP sockets listen on one port (SO_REUSEPORT), each with
	// a queue of its own. The connections in the queue of one that closes are lost
	// unless the sysctl net.ipv4.tcp_migrate_req is set.
	ReusePort bool
	// Mode is the permissions of a new Unix socket, who may connect: 0 leaves what the
	// umask makes of 0777.
	Mode fs.FileMode
}

// Listener is a listening socket.
type Listener struct {
	net.Listener        // Close of a new Unix socket removes its file, in the process that made it
	Spec         string // what it was asked for by
	Name         string // by systemd; "" otherwise
}

// SyscallConn gives access to the socket, to hand it to another process.
func (l Listener) SyscallConn() (syscall.RawConn, error) {
	socket, ok := l.Listener.(syscall.Conn)
	if !ok {
		return nil, fmt.Errorf("listen %s: a %T has no socket", l.Spec, l.Listener)
	}
	return socket.SyscallConn()
}

// Open opens the sockets of all specs, in their order. It opens all or none. The
// variables of socket activation are unset then, so that no program that is started takes
// the sockets for its own.
func Open(ctx context.Context, o Options, specs ...string) ([]Listener, error) {
	op := opener{Options: o}
	var all []Listener
	for _, spec := range specs {
		some, err := op.open(ctx, spec)
		if err != nil {
			for _, l := range all {
				err = errors.Join(err, l.Close())
			}
			op.drop()
			return nil, fmt.Errorf("listen %s: %w", spec, err)
		}
		all = append(all, some...)
	}
	op.drop()
	return all, nil
}

// Check tells what is wrong with a spec, without opening it.
func Check(spec string) error {
	kind, rest, _ := strings.Cut(spec, ":")
	var err error
	switch kind {
	case "tcp":
		_, _, err = net.SplitHostPort(rest)
	case "unix":
		err = checkPath(rest)
	case "fd":
		_, err = parseFD(rest)
	case "systemd":
	default:
		err = errors.New("not of the form tcp:HOST:PORT, unix:PATH, fd:N, systemd or systemd:NAME")
	}
	if err != nil {
		return fmt.Errorf("listen %s: %w", spec, err)
	}
	return nil
}

// opener opens the sockets of one list of specs.
type opener struct {
	Options
	activated *activated // nil until they are asked for
}

func (o *opener) open(ctx context.Context, spec string) ([]Listener, error) {
	if err := Check(spec); err != nil {
		return nil, errors.Unwrap(err)
	}
	kind, rest, named := strings.Cut(spec, ":")
	if kind == "systemd" {
		if o.activated == nil {
			o.activated = activation()
		}
		return o.activated.take(spec, rest, named)
	}
	var ln net.Listener
	var err error
	switch kind {
	case "tcp":
		ln, err = o.tcp(ctx, rest)
	case "unix":
		ln, err = o.unix(ctx, rest)
	case "fd":
		ln, err = inherited(rest)
	}
	if err != nil {
		return nil, err
	}
	return []Listener{{Listener: ln, Spec: spec}}, nil
}

// drop closes the sockets of systemd that no spec asked for.
func (o *opener) drop() {
	if o.activated != nil {
		o.activated.drop()
	}
}

func (o *opener) tcp(ctx context.Context, address string) (net.Listener, error) {
	var lc net.ListenConfig
	lc.SetMultipathTCP(false) // not all servers know its sockets
	if o.ReusePort {
		lc.Control = func(_, _ string, raw syscall.RawConn) error {
			var err error
			cerr := raw.Control(func(fd uintptr) {
				err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
			})
			return errors.Join(cerr, err)
		}
	}
	ln, err := lc.Listen(ctx, "tcp", address)
	return ln, cause(err)
}

// cause is err without the operation and the address, which the spec has told.
func cause(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

func parseFD(text string) (int, error) {
	fd, err := strconv.Atoi(text)
	if err != nil || fd < 0 {
		return 0, fmt.Errorf("%q is not a file descriptor", text)
	}
	return fd, nil
}
