package handover

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// A worker that does not end is killed.
func TestDrainHasALimit(t *testing.T) {
	try(t, Config{Drain: 2 * time.Second, Grace: time.Second}, func(tr *trial) {
		done := tr.going(tr.s.Replace)
		tr.worker(2).to.ready()
		if err := <-done; err != nil {
			tr.Fatal(err)
		}
		time.Sleep(3*time.Second - time.Nanosecond)
		synctest.Wait()
		if tr.workers[0].isEnded() {
			tr.Error("killed too early")
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if !tr.workers[0].isEnded() {
			tr.Error("not killed")
		}
	})
}

func TestScale(t *testing.T) {
	try(t, Config{}, func(tr *trial) {
		done := tr.going(func(ctx context.Context) error { return tr.s.Scale(ctx, 3) })
		tr.worker(2).to.ready()
		tr.pending(done)
		if w := tr.worker(3); w.Worker != 2 || w.Generation != 1 {
			tr.Errorf("the third is %+v", w.role)
		}
		tr.workers[2].to.ready()
		if err := <-done; err != nil {
			tr.Fatal(err)
		}
		done = tr.going(func(ctx context.Context) error { return tr.s.Scale(ctx, 5) })
		tr.worker(4).to.ready()
		tr.worker(5).end(errors.New("exit status 1"), "")
		says(t, <-done, "add", "1 of 2")
		synctest.Wait()
		if !tr.workers[3].drains() || tr.status().Workers != 3 {
			tr.Errorf("status %+v after a failure", tr.status())
		}
		if err := tr.s.Scale(tr.Context(), 1); err != nil {
			tr.Error(err)
		}
		if tr.workers[0].drains() || !tr.workers[1].drains() || !tr.workers[2].drains() {
			tr.Error("others than the last drain")
		}
		tr.workers[2].end(nil, "")
		time.Sleep(time.Minute)
		tr.worker(5) // it is not started again
		if err := tr.s.Scale(tr.Context(), 0); err == nil {
			tr.Error("scaled to none")
		}
	})
}

// Stop waits for those that drain.
func TestStop(t *testing.T) {
	try(t, Config{Workers: 2}, func(tr *trial) {
		replaced := tr.going(tr.s.Replace)
		tr.worker(3)
		done := tr.going(tr.s.Stop)
		if err := <-replaced; !errors.Is(err, ErrStopping) {
			tr.Errorf("replace: %v", err)
		}
		tr.pending(done)
		if !tr.freed {
			tr.Error("clients wait for workers that do not come: the sockets are kept")
		}
		if !tr.workers[2].isEnded() {
			tr.Error("the new one is left to start")
		}
		tr.workers[0].end(nil, "")
		tr.pending(done)
		tr.workers[1].end(nil, "")
		if err := <-done; err != nil {
			tr.Error(err)
		}
		if err := tr.s.Err(); err != nil {
			tr.Errorf("asked to stop, it says %v", err)
		}
	})
}

// Of a failed start nothing is left. What served by then drains.
func TestStartFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &trial{T: t, fake: new(fake)}
		tr.start(Config{Workers: 2})
		done := tr.going(tr.s.Ready)
		first := tr.worker(1)
		first.to.ready()
		tr.worker(2).end(errors.New("exit status 1"), "port taken\n")
		tr.pending(done)
		if !first.drains() || first.isEnded() {
			t.Errorf("the first drains: %v, has ended: %v", first.drains(), first.isEnded())
		}
		first.end(nil, "")
		says(t, <-done, "start", "1 of 2", "exit status 1", "port taken")
		tr.worker(2)
	})
}

// The end of the context ends the wait for a start. A stop then undoes the start: workers that serve
// drain, and others are killed.
func TestStartCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &trial{T: t, fake: new(fake)}
		ctx, cancel := context.WithCancel(t.Context())
		tr.start(Config{Workers: 3})
		done := tr.going(func(context.Context) error { return tr.s.Ready(ctx) })
		first := tr.worker(1)
		first.to.ready()
		coming := tr.worker(2)
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		stopped := tr.going(tr.s.Stop)
		if !first.drains() || first.isEnded() || !coming.isEnded() {
			t.Errorf("the first drains: %v, has ended: %v; the second has ended: %v", first.drains(), first.isEnded(), coming.isEnded())
		}
		first.end(nil, "")
		if err := <-stopped; err != nil {
			t.Error(err)
		}
		says(t, tr.s.Ready(t.Context()), ErrStopping.Error())
		tr.worker(2)
	})
}

func TestBadConfig(t *testing.T) {
	for text, c := range map[string]Config{
		"-1 workers":      {Workers: -1},
		"negative time":   {Drain: -1},
		"limit of -1":     {Restart: Restart{Limit: -1}},
		"no-such-program": {Argv: []string{"no-such-program"}},
		"no program":      {Argv: []string{}},
	} {
		_, err := Start(c)
		says(t, err, text)
	}
}

func TestParseReport(t *testing.T) {
	if ready, _, err := parseReport("ready"); !ready || err != nil {
		t.Errorf("ready: %v, %v", ready, err)
	}
	if _, open, err := parseReport("open 12"); open != 12 || err != nil {
		t.Errorf("open 12: %v, %v", open, err)
	}
	for _, bad := range []string{"", "open", "open x", "open -1", "12", "reader"} {
		if _, _, err := parseReport(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
