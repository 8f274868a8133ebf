package adapter

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Grace is how long a stopping server waits for the requests in flight before
// it cuts them (S13).
const Grace = 5 * time.Second

// CutError is what a server returns from its stop when the grace was over.
func CutError(engine string, connections int) error {
	return fmt.Errorf("%s stop: %d connections cut after %v", engine, connections, Grace)
}

// Scope is the context of one request, made only if the app asks for it. It
// implements Context of apps.Request.
type Scope struct {
	Base   context.Context // ends when the server cuts its connections
	ctx    context.Context
	cancel context.CancelFunc
}

// Context returns the context of the request.
func (s *Scope) Context() context.Context {
	if s.ctx == nil {
		s.ctx, s.cancel = context.WithCancel(s.Base)
	}
	return s.ctx
}

// End ends the context of the request, if there is one.
func (s *Scope) End() {
	if s.cancel != nil {
		s.cancel()
	}
	s.ctx, s.cancel = nil, nil
}

// Flights counts requests in flight, for engines that do not wait for them when
// they stop. Use NewFlights.
type Flights struct {
	n      atomic.Int64 // requests in flight, and one more until Drain
	once   sync.Once
	landed chan struct{}
}

// NewFlights makes a counter with no request in flight.
func NewFlights() *Flights {
	f := &Flights{landed: make(chan struct{})}
	f.n.Store(1)
	return f
}

// Enter counts a request that begins.
func (f *Flights) Enter() { f.n.Add(1) }

// Leave counts a request whose reply was handed to the kernel or given up.
func (f *Flights) Leave() {
	if f.n.Add(-1) == 0 {
		f.once.Do(func() { close(f.landed) })
	}
}

// Drain waits until no request is in flight, or ctx ends. It returns the number
// of those that still are. It may be called once.
func (f *Flights) Drain(ctx context.Context) int {
	f.Leave()
	select {
	case <-f.landed:
		return 0
	case <-ctx.Done():
		return int(f.n.Load())
	}
}

// Conns is a set of open connections, for engines that cannot close theirs.
type Conns struct {
	mu   sync.Mutex
	open map[io.Closer]struct{}
}

// Add adds an open connection.
func (c *Conns) Add(conn io.Closer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open == nil {
		c.open = make(map[io.Closer]struct{})
	}
	c.open[conn] = struct{}{}
}

// Remove forgets a connection that was closed.
func (c *Conns) Remove(conn io.Closer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, conn)
}

// Close closes all connections and returns how many they were.
func (c *Conns) Close() int {
	c.mu.Lock()
	open := c.open
	c.open = nil
	c.mu.Unlock()
	// Without the lock: an engine may call Remove from within Close.
	for conn := range open {
		conn.Close()
	}
	return len(open)
}

// Track is ln with its connections kept in conns, for engines that tell nothing of
// theirs. It calls closed once for each that is closed.
func Track(ln net.Listener, conns *Conns, closed func()) net.Listener {
	return tracker{ln, conns, closed}
}

type tracker struct {
	net.Listener
	conns  *Conns
	closed func()
}

func (t tracker) Accept() (net.Conn, error) {
	conn, err := t.Listener.Accept()
	if err != nil {
		return nil, err
	}
	tracked := &trackedConn{Conn: conn, of: t}
	t.conns.Add(tracked)
	return tracked, nil
}

type trackedConn struct {
	net.Conn
	of   tracker
	once sync.Once
}

func (c *trackedConn) Close() error {
	c.of.conns.Remove(c)
	err := c.Conn.Close()
	c.once.Do(c.of.closed)
	return err
}
