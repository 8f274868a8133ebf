package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/benchctl/benchctl/internal/misuse"
)

// Errors of services that are asked.
var (
	ErrNotRunning = errors.New("it is not running")
	ErrRunning    = errors.New("it is running already")

	errEnded = errors.New("it ended before it answered")
)

// Ask asks a running service for a verb, and returns when that is done: after Stop and
// StopNow, when the service has ended. The error is ErrNotRunning, or what failed; what the
// server does not offer, and a name that no service has, was asked wrongly (package misuse).
func (d Dir) Ask(ctx context.Context, name string, v Verb) error {
	conn, err := d.dial(ctx, name)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := exchange(conn, v); err != nil {
		return of(name, err)
	}
	if v != Stop && v != StopNow {
		return nil
	}
	_, err = io.Copy(io.Discard, conn) // to the end
	if ctx.Err() != nil {
		return of(name, context.Cause(ctx))
	}
	if errors.Is(err, syscall.ECONNRESET) {
		err = nil
	}
	return of(name, err)
}

// Status asks a running service how it is. One that is ending, as it was killed, may take a
// connection still: it is asked again, until it does not.
func (d Dir) Status(ctx context.Context, name string) (now Status, err error) {
	for range endingTries {
		if now, err = d.status(ctx, name); !errors.Is(err, errEnded) {
			break
		}
		select {
		case <-time.After(endingWait):
		case <-ctx.Done():
			return now, of(name, context.Cause(ctx))
		}
	}
	return now, err
}

// How often a service that is ending is asked, and after which time again.
const (
	endingTries = 500
	endingWait  = 10 * time.Millisecond
)

func (d Dir) status(ctx context.Context, name string) (Status, error) {
	conn, err := d.dial(ctx, name)
	if err != nil {
		return Status{}, err
	}
	defer conn.Close()
	r, err := exchange(conn, status)
	if err != nil {
		return Status{}, of(name, err)
	}
	if r.Status == nil {
		return Status{}, of(name, errors.New("its answer has no status"))
	}
	return *r.Status, nil
}

func of(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("service %s: %w", name, err)
}

// dial connects to a service until ctx ends.
func (d Dir) dial(ctx context.Context, name string) (net.Conn, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", d.socket(name))
	switch {
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED):
		if _, err := os.Lstat(d.commandFile(name)); errors.Is(err, fs.ErrNotExist) && !d.has(name) {
			return nil, fmt.Errorf("%w: %w", d.unknown(name), ErrNotRunning)
		}
		return nil, of(name, ErrNotRunning)
	case err != nil:
		return nil, of(name, err)
	}
	context.AfterFunc(ctx, func() { conn.Close() })
	return conn, nil
}

// has tells whether a service has left a socket.
func (d Dir) has(name string) bool {
	_, err := os.Lstat(d.socket(name))
	return err == nil
}

// exchange asks and waits for the reply.
func exchange(conn net.Conn, v Verb) (r reply, err error) {
	switch err := json.NewEncoder(conn).Encode(request{v}); {
	case errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET):
		return r, errEnded
	case err != nil:
		return r, err
	}
	switch err := json.NewDecoder(conn).Decode(&r); {
	case errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET):
		return r, errEnded
	case err != nil:
		return r, err
	case r.NotOffered:
		return r, misuse.Errorf("%s", r.Error)
	case r.Error != "":
		return r, errors.New(r.Error)
	}
	return r, nil
}
