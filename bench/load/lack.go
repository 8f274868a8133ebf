package load

import (
	"errors"
	"fmt"
	"syscall"
)

// Lack names the resource, such as files or ports, that this process or its machine lacked to
// open connections or to start a server, and the remedy. It is nil if err has another cause.
// A lack is not a fault of the server.
func Lack(err error) error {
	var remedy string
	switch {
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		remedy = "no local port is left: widen net.ipv4.ip_local_port_range, or wait a minute for those of ended connections"
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		remedy = "no more files may be open: raise the limit, ulimit -n"
	case errors.Is(err, syscall.ENOBUFS), errors.Is(err, syscall.ENOMEM):
		remedy = "the system has no memory left for sockets or processes"
	default:
		return nil
	}
	return fmt.Errorf("the load generator itself has too little: %w: %s", err, remedy)
}
