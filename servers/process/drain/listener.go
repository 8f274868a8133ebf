// Package drain lets a server go without losing a request: it stops accepting, answers
// what still comes with "Connection: close", waits until no connection is left, and only
// then shuts down.
//
// The Shutdown of HTTP servers closes idle connections at once. A request that is on its
// way then, or that was read and not yet marked as active (golang/go#65802), is lost, and
// a client may repeat it only where it is idempotent (RFC 9110 section 9.2.2). A
// connection that ends with a reply that said so loses nothing (RFC 9112 section 9.6).
//
// A Listener is what a server accepts from. It counts the connections and tells whether
// it drains. Run serves on it and drains it. A handler of net/http takes one line:
//
//	err := drain.Run(ctx, drain.Config{Limit: 10 * time.Second}, drain.HTTP(handler), drain.New(ln))
package drain

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
)

// Listener accepts connections until it is stopped, and counts those that are open. It
// neither wraps nor reads connections: the server says by Closed when one has ended.
//
// Where other processes have the same socket, Stop leaves it as it is: what waits to be
// accepted is theirs.
type Listener struct {
	inner net.Listener

	open      atomic.Int64 // connections, and accepts under way: each may become one
	draining  atomic.Bool
	changed   chan struct{} // has a token once open changed while draining
	accepting chan struct{} // closed at the first accept
	first     sync.Once
	admitting sync.Mutex    // held while a connection is admitted
	release   func()        // called by Stop, may be nil
	over      chan struct{} // closed by Close
	closing   sync.Once
	stopping  sync.Once
	stopErr   error
}

// New is a listener that accepts from ln, which is its own from then on.
func New(ln net.Listener) *Listener {
	return &Listener{inner: ln, changed: make(chan struct{}, 1), accepting: make(chan struct{}), over: make(chan struct{})}
}

// Inner is the listener given to New, for servers that accept from its socket by
// themselves. These use Admit.
func (l *Listener) Inner() net.Listener { return l.inner }

// Addr is the address that is listened on.
func (l *Listener) Addr() net.Addr { return l.inner.Addr() }

// Accept waits for a connection and counts it. A server that accepts from a stopped
// listener has nothing to do but to wait for its own shutdown, so Accept then returns
// only when the listener is closed, with net.ErrClosed.
func (l *Listener) Accept() (net.Conn, error) {
	l.first.Do(func() { close(l.accepting) })
	l.add(1)
	conn, err := l.inner.Accept()
	if err == nil {
		return conn, nil
	}
	l.add(-1)
	if errors.Is(err, net.ErrClosed) && l.draining.Load() {
		<-l.over
	}
	return nil, err
}

// Admit is Accept for servers whose event loops accept by themselves: take takes a
// connection and must not wait for one. It is called, and its connection counted, unless
// the listener is stopped. Then Admit is false.
func (l *Listener) Admit(take func() (took bool)) bool {
	l.admitting.Lock()
	defer l.admitting.Unlock()
	if l.draining.Load() {
		return false
	}
	if take() {
		l.add(1)
	}
	return true
}

// OnStop has Stop call release, after which nothing is admitted: a server that polls the
// socket by a descriptor of its own closes it there. A socket of which one is open goes on
// queueing connections, which are reset when it is closed. OnStop is to be called before
// the server accepts.
func (l *Listener) OnStop(release func()) {
	l.admitting.Lock()
	defer l.admitting.Unlock()
	l.release = release
}

// Started says that the server accepts, where it does not call Accept.
func (l *Listener) Started() { l.first.Do(func() { close(l.accepting) }) }

// Accepting is closed once the server accepts.
func (l *Listener) Accepting() <-chan struct{} { return l.accepting }

// Closed takes a connection out of the count: it has ended. It is to be called once for
// each that was accepted.
func (l *Listener) Closed() { l.add(-1) }

// Open is the number of open connections. An accept under way counts as one, since it
// may have won a connection.
func (l *Listener) Open() int { return int(l.open.Load()) }

func (l *Listener) add(n int64) {
	l.open.Add(n)
	if l.draining.Load() {
		select {
		case l.changed <- struct{}{}:
		default:
		}
	}
}

// Draining reports whether every further reply is to end its connection. A nil Listener
// never drains.
func (l *Listener) Draining() bool { return l != nil && l.draining.Load() }

// Stop accepts no further connection and has replies end theirs. Connections that were
// accepted before are served. It may be called again.
func (l *Listener) Stop() error {
	l.stopping.Do(func() {
		l.admitting.Lock()
		l.draining.Store(true)
		if l.release != nil {
			l.release()
		}
		l.admitting.Unlock()
		l.stopErr = l.inner.Close() // without shutdown(2), which would stop all who share the socket
	})
	return l.stopErr
}

// Close stops the listener and has Accept return.
func (l *Listener) Close() error {
	err := l.Stop()
	l.closing.Do(func() { close(l.over) })
	return err
}

// Wait waits until no connection is open, or ctx ends, and returns how many are. The
// listener must be stopped. tell, if not nil, is called with their number at first and
// after changes.
func (l *Listener) Wait(ctx context.Context, tell func(open int)) (left int) {
	for {
		n := l.Open()
		if tell != nil {
			tell(n)
		}
		if n == 0 {
			return 0
		}
		select {
		case <-l.changed:
		case <-ctx.Done():
			return l.Open()
		}
	}
}
