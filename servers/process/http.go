package process

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/benchctl/benchctl/servers/process/bus"
)

// DefaultDrain is how long a server that stops waits for requests under way.
const DefaultDrain = 30 * time.Second

// HTTP is the plugin of a net/http server: it listens before privileges are dropped, serves
// after that, and when the program stops it lets requests under way finish.
//
// It stops as http.Server.Shutdown does, which resets connections that wait to be accepted,
// and may close one whose request has just been read (golang/go#65802). A hand-over to a
// successor that must lose nothing is a plugin of its own, in place of this one. As an
// http.Server serves only once, a program with this plugin can't start again.
type HTTP struct {
	Server *http.Server
	Listen func() (net.Listener, error) // called at the start
	Drain  time.Duration                // 0 is DefaultDrain

	listener net.Listener
	stopping atomic.Bool
	served   chan struct{} // closed when Serve returned
}

// Attach implements bus.Plugin.
func (h *HTTP) Attach(b *bus.Bus) {
	b.On(bus.Start, bus.Listener{Name: "listen", Priority: bus.PrioritySockets, Run: h.listen, Undo: h.close})
	b.On(bus.Start, bus.Listener{Name: "http", Priority: bus.PriorityServe, Run: func(context.Context) error {
		h.serve(b)
		return nil
	}, Undo: h.drain})
}

func (h *HTTP) listen(context.Context) (err error) {
	if h.stopping.Load() {
		return errors.New("an http.Server that was shut down serves no more")
	}
	h.listener, err = h.Listen()
	return err
}

// close closes a listener on which nothing was served; Shutdown has closed others.
func (h *HTTP) close(context.Context) error {
	if err := h.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

func (h *HTTP) serve(b *bus.Bus) {
	h.served = make(chan struct{})
	go func() {
		defer close(h.served)
		if err := h.Server.Serve(h.listener); !h.stopping.Load() {
			b.Fail("http", err)
		}
	}()
}

// drain lets requests finish, as long as ctx and Drain let it, and cuts the rest off.
func (h *HTTP) drain(ctx context.Context) error {
	h.stopping.Store(true)
	drain := h.Drain
	if drain == 0 {
		drain = DefaultDrain
	}
	limited, cancel := context.WithTimeout(ctx, drain)
	defer cancel()
	err := h.Server.Shutdown(limited)
	if err != nil {
		_ = h.Server.Close()
	}
	<-h.served
	switch {
	case err == nil || ctx.Err() != nil: // it was to be cut off
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("requests were under way after %v, and were cut off", drain)
	}
	return err
}
