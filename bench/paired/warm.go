package paired

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/benchctl/benchctl/bench/agent"
	"github.com/benchctl/benchctl/bench/load"
)

// Each candidate is loaded before its first slice, in a closed loop in parts of
// warmUpPart, until it has answered warmUpReplies or warmUpParts are over: fast ones
// have seen enough sooner, and time spent here is not spent on slices. At a rate it
// is as many parts as two requests take. Its speed in the last part decides how
// long its slices are.
const (
	warmUpPart    = 100 * time.Millisecond
	warmUpParts   = 3
	warmUpReplies = 5000
)

// A server with fewer places than connections leaves requests without a reply until their
// timeout, though nothing loads it any more. The others are warmed up and begin their passes
// meanwhile. The late candidate is then loaded once more, for longer. If it then leaves
// connections without any reply in time, or ends them, its row would be invalid, and each of
// its slices would take as long: it is out.
const (
	lateAfter = time.Second // beyond the warm-up's own length
	longer    = 2 * time.Second
	maxStarve = 0.10 // of the connections
)

// warmth is what a warm-up came to.
type warmth struct {
	seen    agent.Seen // its last part
	failed  uint64     // requests
	speed   float64    // replies per second in the last part
	slowest time.Duration
	err     error // ctx's, or of what the load generator lacks
}

// starves reports whether so many requests failed on a candidate's connections that its row
// would be invalid.
func (l *lane) starves(w warmth) bool {
	return float64(w.failed) > max(maxStarve*float64(l.block.Load.Connections), maxStuckShare*float64(w.seen.Sent))
}

// warmUpPlan is the length and the number of the warm-up's parts.
func (l *lane) warmUpPlan() (span time.Duration, parts int) {
	if l.rate > 0 {
		return max(warmUpParts*warmUpPart, time.Duration(2/l.rate*float64(time.Second))), 1
	}
	return warmUpPart, warmUpParts
}

// warmUp loads the candidate until it is warm, or does what it is out for. It changes
// nothing of the run: others are warmed up at the same time.
func (l *lane) warmUp(ctx context.Context, span time.Duration, parts int) (w warmth) {
	for answered := uint64(0); answered < warmUpReplies && parts > 0; parts-- {
		if w.seen, w.err = l.session.Slice(ctx, agent.Window{Span: span}); w.err == nil {
			w.err = lacking(w.seen)
		}
		if w.err != nil || amiss(w.seen) != nil {
			return w
		}
		answered += w.seen.Answered
		w.failed += w.seen.Errored()
		w.slowest = max(w.slowest, w.seen.Longest)
		if w.seen.Errors[load.ErrTimeout] > 0 {
			parts = 1 // each would wait as long again
		}
		w.speed = float64(w.seen.Counted) / w.seen.Elapsed.Seconds()
	}
	return w
}

// heat begins a warm-up of so many parts of a length.
func (l *lane) heat(ctx context.Context, span time.Duration, parts int) {
	ctx, l.cool = context.WithCancel(ctx)
	heating := make(chan warmth, 1)
	l.heating = heating
	go func() { heating <- l.warmUp(ctx, span, parts) }()
}

// warmed is what the warm-up that was begun came to, if it ends within d.
func (l *lane) warmed(d time.Duration) (w warmth, ok bool) {
	late := time.NewTimer(d)
	defer late.Stop()
	select { // whatever the time is
	case w = <-l.heating:
		l.heating = nil
		l.cool()
		return w, true
	default:
	}
	select {
	case w = <-l.heating:
		l.heating = nil
		l.cool()
		return w, true
	case <-late.C:
		return w, false
	}
}

// await is what the warm-up that was begun comes to.
func (l *lane) await() warmth {
	w := <-l.heating
	l.heating = nil
	l.cool()
	return w
}

// chill ends a warm-up that nobody waits for.
func (l *lane) chill() {
	if l.heating != nil {
		l.cool()
		l.await()
	}
}

// warm opens connections for a rate, 0 for a closed loop, and warms the candidate
// up, which tells how long its slices are to be.
func (l *lane) warm(ctx context.Context, rate float64) error {
	l.rate = rate
	if err := l.connect(ctx); err != nil || !l.connected {
		return err
	}
	span, parts := l.warmUpPlan()
	l.heat(ctx, span, parts)
	return l.judgeWarmth(l.await())
}

// judgeWarmth takes the candidate out for what it did in its warm-up. An error is that of
// the warm-up.
func (l *lane) judgeWarmth(w warmth) error {
	if w.err != nil || !l.sound(w.seen) {
		l.close()
		return w.err
	}
	l.speed, l.slowest = w.speed, max(l.slowest, w.slowest)
	l.pace()
	return nil
}

// enter passes the candidate through the gate, opens its connections and begins its warm-up.
// The candidate may be out after that; an error is ctx's, or of what the load generator lacks.
func (l *lane) enter(ctx context.Context) error {
	if err := l.gate(ctx, "before the load"); err != nil {
		return err
	}
	l.rate = l.block.Load.Mean()
	if err := l.connect(ctx); err != nil || !l.connected {
		return err
	}
	span, parts := l.warmUpPlan()
	l.heat(ctx, span, parts)
	return nil
}

// settled looks whether a candidate that is warm runs as it was started, and opens what is to
// be open beside its load. An error is as enter's.
func (l *lane) settled(ctx context.Context, w warmth) error {
	if err := l.judgeWarmth(w); err != nil {
		return err
	}
	if l.runs() {
		l.judge(l.Run.Host.Deed(l.ID))
	}
	if err := l.accompany(ctx); err != nil {
		return err
	}
	l.rest()
	return nil
}

// isLate reports whether the lane's warm-up is not over.
func (l *lane) isLate() bool { return l != nil && l.heating != nil }

// catchUp goes on with those who are late, as far as they have come. What they wait for
// costs nothing, so that the others are measured meanwhile.
func (x *Experiment) catchUp(ctx context.Context, lanes []*lane) error {
	for _, l := range lanes {
		for l.isLate() {
			w, came := l.warmed(0)
			if !came {
				break
			}
			if err := l.goOn(ctx, w, lanes); err != nil {
				return err
			}
			x.Host.Beside() // what was up in that is of no trial
		}
	}
	return nil
}

// overdue waits for all who are late. Each is loaded once more before the first of them is
// waited for.
func (x *Experiment) overdue(ctx context.Context, lanes []*lane) error {
	if !slices.ContainsFunc(lanes, (*lane).isLate) {
		return nil
	}
	for range 2 {
		for _, l := range lanes {
			if !l.isLate() {
				continue
			}
			if err := l.goOn(ctx, l.await(), lanes); err != nil {
				return err
			}
		}
	}
	x.Host.Beside() // what was up meanwhile is of no trial
	return nil
}

// goOn takes what the warm-up of a late candidate came to: it loads it once more, for
// longer, and after that takes out who starves its connections.
func (l *lane) goOn(ctx context.Context, w warmth, lanes []*lane) error {
	if !l.again && w.err == nil && amiss(w.seen) == nil && l.rate == 0 {
		l.again = true
		l.heat(ctx, longer, 1)
		var came bool
		if w, came = l.warmed(longer + lateAfter/10); !came {
			return nil // it is waited for as for the first
		}
	}
	if l.again && w.err == nil && l.starves(w) {
		l.fail(fmt.Errorf("requests fail on many of %d connections in %v of a warm-up: %s", l.block.Load.Connections, longer, describe(w.seen)))
	}
	if err := l.settled(ctx, w); err != nil {
		return err
	}
	return l.quieten(ctx, lanes)
}
