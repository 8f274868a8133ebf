package listen

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"

	systemd "github.com/coreos/go-systemd/v22/activation"
	"golang.org/x/sys/unix"
)

// inherited is the listener of a file descriptor.
func inherited(text string) (net.Listener, error) {
	fd, err := parseFD(text)
	if err != nil {
		return nil, err
	}
	if err := listens(fd); err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(fd), "fd:"+text)
	defer file.Close() // the listener has a descriptor of its own
	return net.FileListener(file)
}

// listens tells what keeps a file descriptor from being a listening stream socket.
func listens(fd int) error {
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	switch {
	case err != nil:
		return err // "bad file descriptor", "socket operation on non-socket"
	case kind != unix.SOCK_STREAM:
		return fmt.Errorf("the socket has type %s, not stream", socketType(kind))
	}
	on, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	switch {
	case err != nil:
		return err
	case on == 0:
		return errors.New("the socket does not listen")
	}
	return nil
}

func socketType(kind int) string {
	switch kind {
	case unix.SOCK_DGRAM:
		return "datagram"
	case unix.SOCK_SEQPACKET:
		return "seqpacket"
	}
	return strconv.Itoa(kind)
}

// activated is the sockets that systemd has handed over.
type activated struct {
	files []*os.File // each named; those that were taken are nil
	why   string     // there are none
}

// Variables of sd_listen_fds(3).
const (
	varPID = "LISTEN_PID"
	varFDs = "LISTEN_FDS"
)

// activation reads the sockets once: it unsets the variables. Sockets for another process
// are refused, as when a program starts another one and leaves it its environment.
func activation() *activated {
	pid, fds := os.Getenv(varPID), os.Getenv(varFDs)
	a := &activated{files: systemd.Files(true)}
	switch {
	case len(a.files) > 0:
	case fds == "":
		a.why = "systemd has handed over no socket (" + varFDs + " is not set)"
	case pid != strconv.Itoa(os.Getpid()):
		a.why = fmt.Sprintf("the sockets are those of another process (%s is %s, this is %d)", varPID, strconv.Quote(pid), os.Getpid())
	default:
		a.why = fmt.Sprintf("systemd has handed over no socket (%s is %s)", varFDs, strconv.Quote(fds))
	}
	return a
}

// take makes listeners of those of that name, or of all.
func (a *activated) take(spec, name string, named bool) ([]Listener, error) {
	if a.why != "" {
		return nil, errors.New(a.why)
	}
	var all []Listener
	for i, f := range a.files {
		if f == nil || named && f.Name() != name {
			continue
		}
		one, err := listener(f)
		if err != nil {
			for _, l := range all {
				l.Close()
			}
			return nil, fmt.Errorf("socket %s: %w", f.Name(), err)
		}
		a.files[i] = nil
		all = append(all, Listener{Listener: one, Spec: spec, Name: f.Name()})
	}
	if all == nil {
		return nil, fmt.Errorf("systemd has handed over no such socket; left are %s", a.names())
	}
	return all, nil
}

// listener takes the socket of a file.
func listener(f *os.File) (net.Listener, error) {
	defer f.Close()
	if err := listens(int(f.Fd())); err != nil {
		return nil, err
	}
	return net.FileListener(f)
}

func (a *activated) names() string {
	var names []string
	for _, f := range a.files {
		if f != nil && !slices.Contains(names, f.Name()) {
			names = append(names, f.Name())
		}
	}
	if names == nil {
		return "none"
	}
	return strings.Join(names, ", ")
}

func (a *activated) drop() {
	for _, f := range a.files {
		if f != nil {
			f.Close()
		}
	}
}
