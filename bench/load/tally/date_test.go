package tally

import (
	"testing"
	"time"

	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/load/wire"
)

// An old Date is that of a cache if the connection is younger, and else that of the connection.
func TestDateOfConnection(t *testing.T) {
	wall := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	tl := New(false, false)
	tl.Start(NewSpan(0, wall, load.Window{Span: time.Hour}, load.Config{}, false))
	for _, age := range []time.Duration{2 * time.Second, 9 * time.Second, 12 * time.Second} {
		x := wire.Exchange{Request: &wire.Request{Want: &load.Target{Length: -1}, Judged: true}, Opened: 55 * time.Second, Sent: time.Minute, Intended: time.Minute}
		x.Reply.Status = 200
		x.Reply.Date = wall.Add(time.Minute - age).Unix()
		tl.Reply(&x, time.Minute)
	}
	r := Result(tl.Span, time.Hour, []*Tally{tl})
	if r.Answered != 3 || r.Counted != 2 || r.Dated != 1 || r.DatedAge != 9*time.Second || r.Stale != 1 || r.StaleAge != 12*time.Second {
		t.Errorf("%d counted, %d dated %v, %d stale %v", r.Counted, r.Dated, r.DatedAge, r.Stale, r.StaleAge)
	}
}

// A Date is of any year, while times in ns are not.
func TestDateAge(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 5e8, time.UTC)
	s := NewSpan(time.Hour, now, load.Window{}, load.Config{}, false)
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
		x := wire.Exchange{Sent: time.Hour + 2*time.Second}
		x.Reply.Date = test.date.Unix()
		if age := s.dateAge(&x); age > maxDateAge != test.stale || test.age != 0 && age != test.age {
			t.Errorf("%v is %v old, want %v", test.date, age, test.age)
		}
	}
}
