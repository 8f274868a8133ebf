package load

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A Date is of any year, while times in ns are not.
func TestDateAge(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 5e8, time.UTC)
	s := newSpan(time.Hour, now, Window{}, Config{}, false)
	for _, test := range []struct {
		date  time.Time
		age   time.Duration // of a request that is sent 2 s later
		stale bool
	}{
		{now.Truncate(time.Second), 2500 * time.Millisecond, false},
		{now.Add(-4500 * time.Millisecond), 6500 * time.Millisecond, true},
		{now.Add(time.Hour + 5e8), 2*time.Second - time.Hour - 5e8, false},
		{time.Time{}, 0, true},
		{time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), 0, false},
	} {
		x := exchange{sent: time.Hour + 2*time.Second}
		x.reply.Date = test.date.Unix()
		if age := s.dateAge(&x); age > maxDateAge != test.stale || test.age != 0 && age != test.age {
			t.Errorf("%v is %v old, want %v", test.date, age, test.age)
		}
	}
}

// Replies with an old Date are errors, all of them; others, and those without, are
// not.
func TestStaleReplies(t *testing.T) {
	dated := func(age time.Duration, wait time.Duration) reply {
		return func(c net.Conn, _ int, _ string) bool {
			date := time.Now().Add(-age).UTC().Format(http.TimeFormat)
			time.Sleep(wait)
			_, err := fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nDate: %s\r\nContent-Length: %d\r\n\r\n%s", date, len(hello), hello)
			return err == nil
		}
	}
	for _, test := range []struct {
		name   string
		answer reply
		stale  bool
	}{
		{"none", says(helloReply), false},
		{"now", dated(0, 0), false},
		{"made two seconds ago", dated(2*time.Second, 0), false},
		{"a slow app", dated(4*time.Second, 1500*time.Millisecond), false},
		{"an hour ago", dated(time.Hour, 0), true},
		{"no date", says("HTTP/1.1 200 OK\r\nDate: yesterday\r\n" + strings.SplitN(helloReply, "\r\n", 2)[1]), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			eachEngine(t, func(t *testing.T, open opener) {
				s := serve(t, test.answer)
				defer s.close()
				c := helloConfig(s, 2)
				r := sliceUntil(t, open, c, Window{Span: 30 * time.Millisecond}, anyAnswered)
				if !test.stale {
					if r.Stale > 0 || r.Errored() > 0 || r.StaleAge > 0 {
						t.Errorf("%v %v", r.Stale, summary(r))
					}
					return
				}
				if r.Stale == 0 || r.Stale != r.Errors[ErrStale] || r.Stale != r.Answered || r.StaleAge < time.Hour || r.StaleAge > time.Hour+2*time.Second {
					t.Errorf("%d stale by %v of %v", r.Stale, r.StaleAge, summary(r))
				}
			})
		})
	}
}

// Who does not say what the body is does not mind how old it is.
func TestStaleRepliesNotCompared(t *testing.T) {
	eachEngine(t, func(t *testing.T, open opener) {
		s := serve(t, says("HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 0\r\n\r\n"))
		defer s.close()
		c := helloConfig(s, 1)
		c.Targets[0].Match, c.Targets[0].Length = nil, 0
		if r := sliceUntil(t, open, c, Window{Span: 20 * time.Millisecond}, anyAnswered); r.Answered == 0 || r.Stale > 0 || r.Errored() > 0 {
			t.Errorf("%v", summary(r))
		}
	})
}
