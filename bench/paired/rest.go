package paired

import (
	"context"
	"fmt"
	"time"

	"github.com/benchctl/benchctl/bench/agent"
	"github.com/benchctl/benchctl/bench/measure"
	"github.com/benchctl/benchctl/results"
)

// A candidate must be at rest while others are loaded on the same processors. Every slice
// measures its CPU time then. Once it was seen at work, it is waited for after each of its
// slices. Work that ends within restLimit was deferred by the requests of the slice, and is
// charged to them. Work that does not end follows from no request, and such a candidate is
// taken out.
const (
	// glance is the length of one observation of a candidate: several of the kernel's
	// ticks, as the kernel accounts for CPU time only at ticks.
	glance = 20 * time.Millisecond
	// glances is how many observations in a row a candidate must be at rest: a busy one
	// looks idle in some of them, if others have its processors.
	glances = 2
	// atRest is the share of a processor that a candidate at rest may use in a glance.
	atRest = 0.10
	// restLimit is how long a candidate is waited for, and restTimes how many times as long
	// as it was loaded if that is more: what was put off takes its time.
	restLimit = 2 * time.Second
	restTimes = 5
	// restStarved is how many times as long it may take where others have its processors.
	restStarved = 10
	// maxRestless is in how many slices in a row a candidate may not come to rest.
	maxRestless = 2
	// seenAtWork is the least CPU time, and workShare the share of the time, by which a
	// candidate is seen at work in another's slice.
	seenAtWork = 2 * time.Millisecond
	workShare  = 0.02
	// recorded is the share of the time from which on others' CPU time is recorded.
	recorded = 0.002
)

// running are the lanes whose candidates run, as they were at a moment.
type running struct {
	ids []agent.ID
	of  []*lane
}

func runningOf(lanes []*lane) (r running) {
	for _, l := range lanes {
		if l != nil && l.ID != 0 {
			r.ids, r.of = append(r.ids, l.ID), append(r.of, l)
		}
	}
	return r
}

// spent is the CPU time of each lane's candidate so far, in ns.
func (r running) spent(host agent.Host) map[*lane]*int64 {
	all := make(map[*lane]*int64, len(r.of))
	for i, ns := range host.CPU(r.ids) {
		all[r.of[i]] = ns
	}
	return all
}

// spent is the CPU time of the lane's candidate so far, in ns.
func (l *lane) spent() *int64 { return runningOf([]*lane{l}).spent(l.Run.Host)[l] }

// idled tells what the candidate used since its last slice of the block.
func (l *lane) idled(t *results.Trial, now meters) {
	if l.rested.IsZero() {
		return
	}
	if t.Idle = measure.Between(l.used, now.of(l)); t.Idle != nil {
		t.IdleWall = now.at.Sub(l.rested)
	}
}

// beside tells what the other candidates used in a slice.
func (l *lane) beside(t *results.Trial, before, after meters, lanes []*lane) {
	for _, other := range lanes {
		if other == nil || other == l {
			continue
		}
		used := measure.Between(before.of(other), after.of(other))
		if used == nil || float64(*used) < recorded*float64(t.Wall) {
			continue
		}
		if t.Others == nil {
			t.Others = make(map[string]int64)
		}
		t.Others[other.Name] = *used
		if *used > max(seenAtWork.Nanoseconds(), int64(workShare*float64(t.Wall))) {
			other.working.Store(true)
		}
	}
}

// calm waits for the candidate to come to rest, after a pass and where it was seen at
// work before, and charges what it used meanwhile.
func (l *lane) calm(ctx context.Context, t *results.Trial) error {
	var err error
	if t.Pass != nil || l.working.Load() {
		var used int64
		used, t.Restless, err = l.settle(ctx, l.patience(t.Wall))
		if t.Restless == 0 && used > 0 && t.ServerCPU != nil {
			t.Deferred = &used
			*t.ServerCPU += used
		}
	}
	l.used, l.rested = l.spent(), time.Now()
	return err
}

// patience is how long the candidate is waited for after a load of such a length, within
// the run's budget.
func (l *lane) patience(loaded time.Duration) time.Duration {
	limit := max(restLimit, restTimes*loaded)
	if end := l.Run.Deadline; !end.IsZero() {
		limit = max(restLimit, min(limit, l.Run.Until(end)/2))
	}
	return limit
}

// settle waits until the candidate is at rest, but no longer than the limit, and tells
// what it used, in ns, and if it did not come to rest, which share of a processor it
// goes on using. While it could run and others have its processors, no more time counts
// than it got.
func (l *lane) settle(ctx context.Context, limit time.Duration) (used int64, restless float64, err error) {
	began, first := time.Now(), l.spent()
	last, had, calm, most := first, time.Duration(0), 0, l.most(limit)
	for {
		from := time.Now()
		if err := pause(ctx, glance); err != nil {
			return 0, 0, err
		}
		now := l.spent()
		in, all := measure.Between(last, now), measure.Between(first, now)
		if in == nil || all == nil {
			return 0, 0, nil // it is not known, or the candidate ended
		}
		took, runs := time.Since(from), l.Run.Host.Runs(l.ID)
		if had += took; runs {
			had -= max(0, took-time.Duration(*in))
		}
		if calm++; runs || float64(*in) > atRest*float64(took) {
			calm = 0
		}
		switch {
		case calm == glances:
			return *all, 0, nil
		case had >= limit || time.Since(began) >= most:
			return 0, float64(*all) / float64(time.Since(began)), nil
		}
		last = now
	}
}

// most is how long a wait of such a limit takes at most, within the run's budget.
func (l *lane) most(limit time.Duration) time.Duration {
	most := restStarved * limit
	if end := l.Run.Deadline; !end.IsZero() {
		most = max(limit, min(most, l.Run.Until(end)/2))
	}
	return most
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// quiet waits until all candidates are at rest before anything is measured of any, but for
// those who are late, and takes out who does not come to rest.
func (x *Experiment) quiet(ctx context.Context, lanes []*lane) error {
	for _, l := range lanes {
		if l.isLate() {
			continue
		}
		if err := l.quieten(ctx, lanes); err != nil {
			return err
		}
	}
	return nil
}

// quieten waits until the candidate is at rest, and takes it out if it does not come to
// that beside others.
func (l *lane) quieten(ctx context.Context, lanes []*lane) error {
	if !l.runs() || alone(l, lanes) {
		return nil
	}
	_, restless, err := l.settle(ctx, restLimit)
	if err == nil && restless > 0 {
		l.evict(restless)
	}
	return err
}

// dismiss takes out a candidate that does not come to rest between its slices where
// others are measured beside it.
func (l *lane) dismiss(t results.Trial, lanes []*lane) {
	l.restless++
	if t.Restless == 0 {
		l.restless = 0
	}
	if l.runs() && l.restless >= maxRestless && !alone(l, lanes) {
		l.evict(t.Restless)
	}
}

// evict ends a candidate that uses a share of a processor with nothing to do.
func (l *lane) evict(share float64) {
	l.FailStart(fmt.Errorf("busy while idle: it used %.0f %% of a processor with nothing to do, which the others would pay for; measure it alone", 100*share))
	l.close()
	l.Stop()
}

// alone reports whether no other candidate is measured beside l.
func alone(l *lane, lanes []*lane) bool {
	for _, other := range lanes {
		if other != l && other.runs() {
			return false
		}
	}
	return true
}
