package tally

import (
	"testing"
	"time"

	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/load/wire"
)

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
