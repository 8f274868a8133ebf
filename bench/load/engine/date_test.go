package engine

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/load/loadtest"
)

// Replies with an old Date are errors, all of them; others, and those without, are
// not.
func TestStaleReplies(t *testing.T) {
	dated := func(age time.Duration, wait time.Duration) loadtest.Reply {
		return func(c net.Conn, _ int, _ string) bool {
			date := time.Now().Add(-age).UTC().Format(http.TimeFormat)
			time.Sleep(wait)
			_, err := fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nDate: %s\r\nContent-Length: %d\r\n\r\n%s", date, len(loadtest.Hello), loadtest.Hello)
			return err == nil
		}
	}
	for _, test := range []struct {
		name   string
		answer loadtest.Reply
		stale  bool
	}{
		{"none", loadtest.Says(loadtest.HelloReply), false},
		{"now", dated(0, 0), false},
		{"made two seconds ago", dated(2*time.Second, 0), false},
		{"a slow app", dated(4*time.Second, 1500*time.Millisecond), false},
		{"an hour ago", dated(time.Hour, 0), true},
		{"no date", loadtest.Says("HTTP/1.1 200 OK\r\nDate: yesterday\r\n" + strings.SplitN(loadtest.HelloReply, "\r\n", 2)[1]), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			eachEngine(t, func(t *testing.T, open loadtest.Opener) {
				s := loadtest.Serve(t, test.answer)
				defer s.Close()
				c := loadtest.HelloConfig(s, 2)
				r := loadtest.SliceUntil(t, open, c, load.Window{Span: 30 * time.Millisecond}, loadtest.AnyAnswered)
				if !test.stale {
					if r.Stale > 0 || r.Errored() > 0 || r.StaleAge > 0 {
						t.Errorf("%v %v", r.Stale, loadtest.Summary(r))
					}
					return
				}
				if r.Stale == 0 || r.Stale != r.Errors[load.ErrStale] || r.Stale != r.Answered || r.StaleAge < time.Hour || r.StaleAge > time.Hour+2*time.Second {
					t.Errorf("%d stale by %v of %v", r.Stale, r.StaleAge, loadtest.Summary(r))
				}
			})
		})
	}
}

// Who does not say what the body is does not mind how old it is.
func TestStaleRepliesNotCompared(t *testing.T) {
	eachEngine(t, func(t *testing.T, open loadtest.Opener) {
		s := loadtest.Serve(t, loadtest.Says("HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 0\r\n\r\n"))
		defer s.Close()
		c := loadtest.HelloConfig(s, 1)
		c.Targets[0].Match, c.Targets[0].Length = nil, 0
		if r := loadtest.SliceUntil(t, open, c, load.Window{Span: 20 * time.Millisecond}, loadtest.AnyAnswered); r.Answered == 0 || r.Stale > 0 || r.Errored() > 0 {
			t.Errorf("%v", loadtest.Summary(r))
		}
	})
}
