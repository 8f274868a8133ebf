package engine

import (
	"net"
	"testing"
	"time"

	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/load/loadtest"
)

// A reply that comes sooner than the app allows is right, and distinguished.
func TestHasty(t *testing.T) {
	const wait = 20 * time.Millisecond
	eachEngine(t, func(t *testing.T, open loadtest.Opener) {
		for _, waits := range []bool{false, true} {
			s := loadtest.Serve(t, func(c net.Conn, n int, _ string) bool {
				if waits {
					time.Sleep(wait)
				}
				return loadtest.Says(loadtest.HelloReply)(c, n, "")
			})
			c := loadtest.HelloConfig(s, 2)
			if c.Targets[0].AtLeast = wait; !waits {
				c.Targets[0].AtLeast = time.Hour // no machine is that slow
			}
			r := loadtest.SliceUntil(t, open, c, load.Window{Lead: time.Millisecond, Span: 50 * time.Millisecond}, loadtest.AnyCounted)
			want := r.Answered
			if waits {
				want = 0
			}
			if r.Hasty != want || r.Errored() > 0 || r.Counted == 0 {
				t.Errorf("waits %v: %d hasty of %v", waits, r.Hasty, loadtest.Summary(r))
			}
			s.Close()
		}
	})
}

// Replies with a body are seen by every engine, also the one that is known, and only
// those of targets with Spread.
func TestSpreadOfTargets(t *testing.T) {
	eachEngine(t, func(t *testing.T, open loadtest.Opener) {
		s := loadtest.Site(t)
		defer s.Close()
		c := loadtest.HelloConfig(s, 1)
		c.Targets = append(c.Targets, loadtest.GetHello(), loadtest.Targets()[1]) // which has no body
		c.Targets[0].Spread, c.Targets[2].Spread = time.Nanosecond, time.Nanosecond
		r := loadtest.SliceUntil(t, open, c, load.Window{Span: 50 * time.Millisecond}, func(r *load.Result) bool { return r.Counted >= 9 })
		if off := int64(3*r.Spreads) - int64(r.Counted); off < -2 || off > 2 || r.SpreadSeen < 0 || r.SpreadSeen > r.Busy {
			t.Errorf("%v in %d spreads of %v", r.SpreadSeen, r.Spreads, loadtest.Summary(r))
		}
	})
}
