package load

import (
	"errors"
	"fmt"
	"syscall"
)

// Lack tells of what this process, or its machine, had too little of to open connections
// or to start a server, and of the remedy; nil if err is about something else. It is no
// server's fault.
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
