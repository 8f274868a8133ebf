//go:build !linux

package vegeta

import (
	"context"
	"time"

	"github.com/benchctl/benchctl/bench/load/dial"
)

// alarm is a sleep that ends on time, as the runtime's timers do here.
type alarm struct{ ctx context.Context }

// newAlarm returns an alarm that ctx ends.
func newAlarm(ctx context.Context) (*alarm, error) { return &alarm{ctx}, nil }

// sleep waits for d, or returns false when the context ends before.
func (a *alarm) sleep(d time.Duration) bool { return dial.Pause(a.ctx, d) }

func (a *alarm) close() {}
