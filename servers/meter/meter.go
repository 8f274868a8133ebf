// Package meter tells what the runtime of a process in Go has allocated, to who started the process, over
// a Unix socket. A process that nobody asks spends nothing on it.
package meter

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"time"
)

// Env is the environment variable that names the socket on which a server is asked; unset or empty: it is
// not asked. Servers that do not know it run as without it.
const Env = "BENCHCTL_METER"

// MaxPath is how long the path of a socket may be on every system, in bytes (unix(7) has 108, with a zero).
const MaxPath = 103

// Allocations are what a process has allocated on its heap since it began.
type Allocations struct {
	Objects, Bytes uint64
}

// Since is what was allocated since before.
func (a Allocations) Since(before Allocations) Allocations {
	return Allocations{a.Objects - before.Objects, a.Bytes - before.Bytes}
}

// own are those of this process. To read them exactly stops it for some tens of microseconds.
func own() Allocations {
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return Allocations{s.Mallocs, s.TotalAlloc}
}

// Serve answers on a socket, which it makes, until it is closed.
func Serve(path string) (io.Closer, error) {
	ln, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("meter: %w", err)
	}
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return // closed
			}
			go answer(conn)
		}
	}()
	return ln, nil
}

// answer sends the allocations for each byte that comes.
func answer(conn net.Conn) {
	defer conn.Close()
	var ask [1]byte
	for {
		if _, err := io.ReadFull(conn, ask[:]); err != nil {
			return
		}
		if err := binary.Write(conn, binary.BigEndian, own()); err != nil {
			return
		}
	}
}

// patience is how long an answer is waited for. A process that takes longer hangs, which others find out.
const patience = 10 * time.Second

// Meter asks a process. It is not safe for concurrent use.
type Meter struct{ conn net.Conn }

// Dial begins to ask the process that serves on a socket.
func Dial(path string) (*Meter, error) {
	conn, err := net.Dial("unix", path)
	if err != nil {
		return nil, fmt.Errorf("meter: %w", err)
	}
	return &Meter{conn}, nil
}

// Read asks once.
func (m *Meter) Read() (a Allocations, err error) {
	if err = m.conn.SetDeadline(time.Now().Add(patience)); err == nil {
		_, err = m.conn.Write([]byte{1})
	}
	if err == nil {
		err = binary.Read(m.conn, binary.BigEndian, &a)
	}
	if err != nil {
		err = fmt.Errorf("meter: %w", err)
	}
	return a, err
}

// Close ends the asking.
func (m *Meter) Close() error {
	if m == nil {
		return nil
	}
	if err := m.conn.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("meter: %w", err)
	}
	return nil
}
