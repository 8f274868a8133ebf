package drain

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"
)

// grace is how long HTTP waits for requests in flight before it cuts them.
const grace = 5 * time.Second

// HTTP serves h with an http.Server for each listener. The functions set it up before it
// serves; what they set as its ConnState is called too. Requests that are in flight 5 s
// after the end of the draining are cut.
func HTTP(h http.Handler, setUp ...func(*http.Server)) Serve {
	return func(ctx context.Context, ln *Listener) error {
		srv := &http.Server{Handler: ln.Handler(h)}
		for _, set := range setUp {
			set(srv)
		}
		changed := srv.ConnState
		srv.ConnState = func(c net.Conn, s http.ConnState) {
			ln.ConnState(c, s)
			if changed != nil {
				changed(c, s)
			}
		}
		done := make(chan error, 1)
		go func() { done <- srv.Serve(ln) }()
		select {
		case err := <-done:
			return err
		case <-ctx.Done():
		}
		inTime, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
		defer cancel()
		err := srv.Shutdown(inTime)
		if err != nil {
			err = errors.Join(err, srv.Close())
		}
		<-done // http.ErrServerClosed
		return err
	}
}

// Handler is h with replies that end their connections while the listener drains. A request
// that h has got before goes on as it is: its connection ends with the next one, or is closed
// as idle at the end.
func (l *Listener) Handler(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if l.Draining() {
			w.Header().Set("Connection", "close")
		}
		h.ServeHTTP(w, r)
	})
}

// ConnState counts the connections that end, as the ConnState of an http.Server. One
// that was hijacked is its handler's affair.
func (l *Listener) ConnState(_ net.Conn, s http.ConnState) {
	switch s {
	case http.StateClosed, http.StateHijacked:
		l.Closed()
	}
}
