//go:build !linux

package load

import (
	"context"
	"time"
)

// alarm is a sleep that ends on time, as the runtime's timers do here.
type alarm struct{ ctx context.Context }

// newAlarm gives an alarm that ctx ends.
func newAlarm(ctx context.Context) (*alarm, error) { return &alarm{ctx}, nil }

// sleep waits for d, or returns false when the context ends before.
func (a *alarm) sleep(d time.Duration) bool { return pause(a.ctx, d) }

func (a *alarm) close() {}
