package bridge_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/appstest"
)

// Middleware that does not wait for the app is waited with: the request is over when the app has returned. What is
// kept of the request after that does no harm.
func TestTimeoutHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		returned := false
		var kept *http.Request
		app := behind(t, apps.Func(func(req apps.Request, res apps.Response) error {
			<-req.Context().Done()
			time.Sleep(time.Second)
			returned = true
			return res.Reply(200, nil)
		}), func(next http.Handler) http.Handler {
			limited := http.TimeoutHandler(next, time.Minute, "too late")
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				kept = r
				limited.ServeHTTP(w, r)
			})
		})
		r := appstest.Serve(t, app, appstest.Of("POST", "/", "hello"))
		if r.Status != 503 || r.Body() != "too late" || !returned {
			t.Errorf("%v, returned %v", r, returned)
		}
		if n, err := kept.Body.Read(make([]byte, 1)); n != 0 || !errors.Is(err, http.ErrBodyReadAfterClose) || kept.Context().Err() == nil {
			t.Errorf("%d, %v, %v", n, err, kept.Context().Err())
		}
	})
}

// An app that the middleware calls when it has returned is not called: there is no request any more.
func TestCalledTooLate(t *testing.T) {
	late, called := make(chan struct{}), make(chan struct{})
	app := behind(t, apps.Func(func(apps.Request, apps.Response) error {
		t.Error("the app was called")
		return nil
	}), around(func(next http.Handler, w http.ResponseWriter, r *http.Request) {
		go func() {
			defer close(called)
			<-late
			next.ServeHTTP(w, r)
		}()
		w.WriteHeader(202)
	}))
	if r := appstest.Serve(t, app, appstest.Get("/")); r.Status != 202 {
		t.Error(r)
	}
	close(late)
	<-called
}

type key struct{}

// State passes by the context, from layers outside to the app, through the middleware.
func TestContext(t *testing.T) {
	ctx, end := context.WithCancelCause(context.WithValue(t.Context(), key{}, "outside"))
	app := behind(t, apps.Func(func(req apps.Request, res apps.Response) error {
		c := req.Context()
		_, limited := c.Deadline()
		end(errApp)
		<-c.Done()
		return res.Reply(200, fmt.Appendf(nil, "%v %v %v", c.Value(key{}), limited, context.Cause(c)))
	}), around(func(next http.Handler, w http.ResponseWriter, r *http.Request) {
		c, cancel := context.WithTimeout(r.Context(), time.Hour)
		defer cancel()
		next.ServeHTTP(w, r.WithContext(c))
	}))
	req := appstest.Get("/")
	req.Ctx = ctx
	if r := appstest.Serve(t, app, req); r.Body() != "outside true the app fails" {
		t.Error(r)
	}
	lost := behind(t, hello, around(func(next http.Handler, w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(context.Background()))
	}))
	defer func() {
		if p := fmt.Sprint(recover()); !strings.Contains(p, "without the context") {
			t.Error(p)
		}
	}()
	appstest.Ask(lost, appstest.Get("/"))
}

// The handler gets the address of the peer, and the app that which the middleware leaves.
func TestPeer(t *testing.T) {
	tells := apps.Func(func(req apps.Request, res apps.Response) error { return res.Reply(200, []byte(req.Peer().String())) })
	for _, c := range []struct{ peer, seen, left, want string }{
		{"192.0.2.1:80", "192.0.2.1:80", "192.0.2.1:80", "192.0.2.1:80"},
		{"192.0.2.1:80", "192.0.2.1:80", "198.51.100.1:81", "198.51.100.1:81"},
		{"192.0.2.1:80", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]:0"},
		{"192.0.2.1:80", "192.0.2.1:80", "[::ffff:198.51.100.1]:81", "198.51.100.1:81"},
		{"192.0.2.1:80", "192.0.2.1:80", "unknown", "invalid AddrPort"},
		{"", "", "", "invalid AddrPort"},
	} {
		app := behind(t, tells, around(func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			if r.RemoteAddr != c.seen {
				t.Errorf("the handler sees %q, want %q", r.RemoteAddr, c.seen)
			}
			r.RemoteAddr = c.left
			next.ServeHTTP(w, r)
		}))
		req := appstest.Get("/")
		if c.peer != "" {
			req.Peer = netip.MustParseAddrPort(c.peer)
		}
		if r := appstest.Serve(t, app, req); r.Body() != c.want {
			t.Errorf("%s, want %s", r.Body(), c.want)
		}
	}
}
