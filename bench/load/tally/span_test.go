package tally

import (
	"context"
	"math"
	"testing"
	"time"
)

// A part has its begin in a closed loop, and its end in an open one, as the window.
func TestPartBounds(t *testing.T) {
	for _, test := range []struct {
		open bool
		at   time.Duration
		want int // -1: outside
	}{
		{false, 9, -1}, {false, 10, 0}, {false, 13, 0}, {false, 14, 1}, {false, 16, 1}, {false, 17, 2}, {false, 19, 2}, {false, 20, -1},
		{true, 10, -1}, {true, 11, 0}, {true, 13, 0}, {true, 14, 1}, {true, 17, 2}, {true, 20, 2}, {true, 21, -1},
	} {
		s := Span{From: 10, To: 20, parts: 3, Open: test.open}
		got := -1
		if s.counts(test.at) {
			got = s.part(test.at)
		}
		if got != test.want {
			t.Errorf("open %v: at %d it is part %d, want %d", test.open, test.at, got, test.want)
		}
	}
	long := Span{To: math.MaxInt64, parts: math.MaxInt32}
	if got := long.part(math.MaxInt64 - 1); got != math.MaxInt32-1 {
		t.Errorf("the last part is %d", got)
	}
}

// A slice that was cancelled ends then, even if it is asked before the context has
// called back.
func TestCancelledNow(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := Watch(tardy{ctx}, func() time.Duration { return time.Second })
	cancel()
	if at := ended(time.Minute); at != time.Second {
		t.Errorf("ended at %v", at)
	}
}

// tardy is a context that never gets to call back.
type tardy struct{ context.Context }

func (tardy) AfterFunc(func()) (stop func() bool) { return func() bool { return true } }

// Value hides the context within, which would call back.
func (tardy) Value(any) any { return nil }
