package handover

import (
	"errors"
	"testing"
	"time"
)

// A new worker is ready before the old one drains, and the end of the old one is none of
// a failure.
func TestReplace(t *testing.T) {
	try(t, Config{}, func(tr *trial) {
		old := tr.worker(1)
		done := tr.going(tr.s.Replace)
		next := tr.worker(2)
		if old.drains() {
			tr.Error("the old one drains before the new one is ready")
		}
		if next.Generation != 2 || next.Worker != 0 {
			tr.Errorf("the new one is %+v", next.role)
		}
		tr.pending(done)
		next.to.ready()
		if err := <-done; err != nil {
			tr.Fatal(err)
		}
		if !old.drains() {
			tr.Error("the old one does not drain")
		}
		old.to.open(3)
		now := tr.status()
		if len(now.Processes) != 2 || now.Generation != 2 {
			tr.Fatalf("status %+v", now)
		}
		if p := now.Processes[0]; p.State != Leaving || p.Open != 3 || p.PID != 1 {
			tr.Errorf("the old one is %+v", p)
		}
		if p := now.Processes[1]; p.State != Serving || p.Open != -1 || p.Generation != 2 {
			tr.Errorf("the new one is %+v", p)
		}
		old.end(nil, "")
		tr.worker(2)
		if now := tr.status(); len(now.Processes) != 1 {
			tr.Errorf("status %+v", now)
		}
		if last := tr.events[len(tr.events)-1]; last.Kind != Ended || last.Err != nil {
			tr.Errorf("the last event is %+v", last)
		}
	})
}

// A new worker that ends, or is never ready, leaves the old one serving.
func TestReplaceFails(t *testing.T) {
	for name, c := range map[string]struct {
		fail  func(*fakeWorker)
		texts []string
	}{
		"ends":         {func(w *fakeWorker) { w.end(errors.New("exit status 3"), "no\nconfig\n") }, []string{"exit status 3", "before it was ready", "no\nconfig", "0 of 1"}},
		"ends with 0":  {func(w *fakeWorker) { w.end(nil, "") }, []string{"exit status 0"}},
		"is not ready": {func(*fakeWorker) { time.Sleep(time.Minute) }, []string{"not ready within 15s"}},
	} {
		t.Run(name, func(t *testing.T) {
			try(t, Config{}, func(tr *trial) {
				done := tr.going(tr.s.Replace)
				c.fail(tr.worker(2))
				says(t, <-done, c.texts...)
				if tr.workers[0].drains() {
					tr.Error("the old one drains")
				}
				time.Sleep(time.Hour)
				tr.worker(2) // none is started again
				if now := tr.status(); now.Generation != 1 || len(now.Processes) != 1 || now.Replacing {
					tr.Errorf("status %+v", now)
				}
			})
		})
	}
}

// A worker that can't be started at all leaves the old one serving too.
func TestReplaceCannotStart(t *testing.T) {
	try(t, Config{}, func(tr *trial) {
		tr.failNext(errors.New("no such file"))
		says(t, tr.s.Replace(tr.Context()), "not started", "no such file", "0 of 1")
		if tr.workers[0].drains() {
			tr.Error("the old one drains")
		}
	})
}

// Workers are replaced one after the other, and those after one that fails serve on.
func TestReplaceRolls(t *testing.T) {
	try(t, Config{Workers: 3}, func(tr *trial) {
		done := tr.going(tr.s.Replace)
		tr.worker(4).to.ready()
		if w := tr.worker(5); w.Worker != 1 || !tr.workers[0].drains() || tr.workers[1].drains() {
			tr.Errorf("worker %d comes; %v, %v drain", w.Worker, tr.workers[0].drains(), tr.workers[1].drains())
		}
		if err := tr.s.Replace(tr.Context()); !errors.Is(err, ErrBusy) {
			tr.Errorf("replaced meanwhile: %v", err)
		}
		if err := tr.s.Scale(tr.Context(), 5); !errors.Is(err, ErrBusy) {
			tr.Errorf("scaled meanwhile: %v", err)
		}
		tr.workers[4].end(errors.New("exit status 1"), "")
		says(t, <-done, "1 of 3", "worker 1 ")
		if tr.workers[1].drains() || tr.workers[2].drains() {
			tr.Error("others drain")
		}
	})
}

// The old worker may end while its successor is on the way.
func TestOldEndsMeanwhile(t *testing.T) {
	try(t, Config{}, func(tr *trial) {
		done := tr.going(tr.s.Replace)
		tr.worker(2)
		tr.workers[0].end(errors.New("signal: killed"), "")
		time.Sleep(time.Second)
		tr.worker(2).to.ready() // none was started beside it
		if err := <-done; err != nil {
			tr.Error(err)
		}
	})
	try(t, Config{}, func(tr *trial) { // and so may the successor
		done := tr.going(tr.s.Replace)
		tr.worker(2)
		tr.workers[0].end(errors.New("signal: killed"), "")
		tr.workers[1].end(errors.New("exit status 1"), "")
		says(t, <-done, "exit status 1")
		time.Sleep(time.Second)
		if w := tr.worker(3); w.Generation != 1 {
			tr.Errorf("started again is %+v", w.role)
		}
	})
}

// A worker that was started again and is not ready yet gives way to a new version.
func TestReplaceDuringRestart(t *testing.T) {
	try(t, Config{}, func(tr *trial) {
		tr.workers[0].end(errors.New("signal: killed"), "")
		done := tr.going(tr.s.Replace) // while the restart waits
		tr.worker(2).to.ready()
		if err := <-done; err != nil {
			tr.Error(err)
		}
		time.Sleep(time.Minute)
		tr.worker(2).end(errors.New("signal: killed"), "")
		time.Sleep(time.Second)
		tr.worker(3)
		done = tr.going(tr.s.Replace) // while it starts
		next := tr.worker(4)
		if !tr.workers[2].isEnded() {
			tr.Error("two are on the way")
		}
		next.to.ready()
		if err := <-done; err != nil {
			tr.Error(err)
		}
		tr.worker(4)
	})
}
