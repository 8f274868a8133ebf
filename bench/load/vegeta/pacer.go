package vegeta

import (
	"context"
	"sync"
	"time"

	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/load/pace"
	"github.com/benchctl/benchctl/bench/load/tally"
)

// pacer tells the Attacker when to send, and keeps the intended times. It waits itself,
// because the Attacker's sleep is coarse and can't be interrupted.
type pacer struct {
	base   time.Time
	alarm  *alarm
	done   <-chan struct{}
	config load.Config
	window load.Window
	span   tally.Span // known from the first call on

	mu       sync.Mutex
	plan     pace.Schedule
	intended []time.Duration // by sequence number; empty in a closed loop
}

func (a *attack) newPacer(ctx context.Context, alarm *alarm, w load.Window) *pacer {
	p := &pacer{base: a.base, alarm: alarm, done: ctx.Done(), config: a.Config, window: w, span: tally.Span{Open: a.open}}
	if a.open {
		p.plan = pace.NewSchedule(a.Pacer, w.Lead+w.Span, 0, 1)
	}
	return p
}

func (p *pacer) Rate(time.Duration) float64 { return 0 }

func (p *pacer) Pace(elapsed time.Duration, hits uint64) (wait time.Duration, stop bool) {
	now := time.Since(p.base)
	if hits == 0 {
		p.span = tally.NewSpan(now-elapsed, time.Now().Add(-elapsed), p.window, p.config, p.span.Open)
	}
	return 0, p.ended(now) || p.span.Open && (now >= p.span.To || !p.waitForNext())
}

// ended reports whether no more requests are to be sent. With a schedule, the
// last one is due at the very end.
func (p *pacer) ended(now time.Duration) bool {
	select {
	case <-p.done:
		return true
	default:
		return !p.span.Open && now >= p.span.To
	}
}

// waitForNext waits until the next request is due, or returns false when it must
// not be sent.
func (p *pacer) waitForNext() bool {
	at, more := p.plan.Peek()
	if !more {
		// Nothing is left to send, but the window is not over.
		p.alarm.sleep(p.span.To - time.Since(p.base))
		return false
	}
	at += p.span.Began
	if !p.alarm.sleep(at - time.Since(p.base)) {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.intended = append(p.intended, at)
	p.plan.Advance()
	return true
}

// intendedAt is when the request seq was to be sent; sent, in a closed loop.
func (p *pacer) intendedAt(seq uint64, sent time.Duration) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if seq < uint64(len(p.intended)) {
		return p.intended[seq]
	}
	return sent
}
