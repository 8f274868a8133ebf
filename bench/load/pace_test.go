package load

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

// A reply that comes sooner than the app allows is right, and told apart.
func TestHasty(t *testing.T) {
	const wait = 20 * time.Millisecond
	eachEngine(t, func(t *testing.T, open opener) {
		for _, waits := range []bool{false, true} {
			s := serve(t, func(c net.Conn, n int, _ string) bool {
				if waits {
					time.Sleep(wait)
				}
				return says(helloReply)(c, n, "")
			})
			c := helloConfig(s, 2)
			if c.Targets[0].AtLeast = wait; !waits {
				c.Targets[0].AtLeast = time.Hour // no machine is that slow
			}
			r := sliceUntil(t, open, c, Window{Lead: time.Millisecond, Span: 50 * time.Millisecond}, anyCounted)
			want := r.Answered
			if waits {
				want = 0
			}
			if r.Hasty != want || r.Errored() > 0 || r.Counted == 0 {
				t.Errorf("waits %v: %d hasty of %v", waits, r.Hasty, summary(r))
			}
			s.close()
		}
	})
}

// A wrong reply is not hasty as well.
func TestHastyIsRight(t *testing.T) {
	tally := newTally(false, false)
	tally.start(span{to: time.Minute})
	for _, test := range []struct {
		status int16
		took   time.Duration
	}{{200, 9}, {200, 10}, {500, 9}} {
		x := exchange{request: &request{want: &Target{Length: -1, AtLeast: 10}}}
		x.reply.Status = test.status
		tally.reply(&x, test.took)
	}
	if tally.hasty != 1 || tally.counted != 2 {
		t.Errorf("%d hasty of %d", tally.hasty, tally.counted)
	}
}

// The time from the first byte of a body to its end is seen. The server goes on with
// the body when the client has its first byte.
func TestSpread(t *testing.T) {
	t.Parallel()
	const wait = 20 * time.Millisecond
	for _, name := range []string{Raw, "sync"} {
		begun := make(chan struct{}, 1)
		s := serve(t, func(c net.Conn, n int, _ string) bool {
			says(helloReply[:len(helloReply)-len(hello)+1])(c, n, "")
			<-begun
			time.Sleep(wait)
			return says(hello[1:])(c, n, "")
		})
		c := helloConfig(s, 1)
		match := c.Targets[0].Match
		c.Targets[0].Spread = time.Nanosecond
		c.Targets[0].Match = func(off int64, b []byte) bool {
			if off == 0 {
				begun <- struct{}{}
			}
			return match(off, b)
		}
		r := sliceUntil(t, openers()[name], c, Window{Lead: time.Millisecond, Span: 50 * time.Millisecond}, anyCounted)
		if r.Spreads != r.Counted || r.SpreadSeen < wait*time.Duration(r.Spreads) || r.SpreadSeen > r.Busy || r.Counted == 0 || r.Errored() > 0 || r.First != nil {
			t.Errorf("%s: %v in %d spreads, busy %v: %v", name, r.SpreadSeen, r.Spreads, r.Busy, summary(r))
		}
		s.close()
	}
}

// Replies with a body are seen by every engine, also the one that is known, and only
// those of targets with Spread.
func TestSpreadOfTargets(t *testing.T) {
	eachEngine(t, func(t *testing.T, open opener) {
		s := site(t)
		defer s.close()
		c := helloConfig(s, 1)
		c.Targets = append(c.Targets, getHello(), targets()[1]) // which has no body
		c.Targets[0].Spread, c.Targets[2].Spread = time.Nanosecond, time.Nanosecond
		r := sliceUntil(t, open, c, Window{Span: 50 * time.Millisecond}, func(r *Result) bool { return r.Counted >= 9 })
		if off := int64(3*r.Spreads) - int64(r.Counted); off < -2 || off > 2 || r.SpreadSeen < 0 || r.SpreadSeen > r.Busy {
			t.Errorf("%v in %d spreads of %v", r.SpreadSeen, r.Spreads, summary(r))
		}
	})
}

// A body begins with its first byte, once.
func TestWitnessedBegin(t *testing.T) {
	w := &witness{}
	w.reset()
	in, out := io.Pipe()
	body := &witnessed{in, w, "7", true}
	var all sync.WaitGroup
	all.Go(func() {
		out.Write([]byte("a"))
		out.Write([]byte("b"))
		out.Close()
	})
	var seen []time.Time
	for b := make([]byte, 8); ; {
		n, err := body.Read(b)
		if err != nil {
			break
		}
		if !bytes.Contains([]byte("ab"), b[:n]) {
			t.Errorf("read %q", b[:n])
		}
		seen = append(seen, w.firsts["7"])
	}
	all.Wait()
	at, ok := w.first(7)
	if len(seen) != 2 || !ok || at.IsZero() || seen[0] != at || seen[1] != at {
		t.Errorf("began at %v, read at %v", at, seen)
	}
	if _, ok := w.first(7); ok {
		t.Error("it is kept")
	}
	if _, err := (&witnessed{http.NoBody, w, "8", true}).Read(make([]byte, 1)); !errors.Is(err, io.EOF) || len(w.firsts) > 0 {
		t.Errorf("an empty body began: %v", err)
	}
}
