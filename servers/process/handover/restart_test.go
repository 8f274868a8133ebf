package handover

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// Workers that end are started again, later each time, and too often ends all.
func TestCrashes(t *testing.T) {
	try(t, Config{Workers: 2, Restart: Restart{Limit: 3}}, func(tr *trial) {
		n := 2
		for _, wait := range []time.Duration{100, 200, 400} {
			tr.workers[n-1].end(errors.New("signal: killed"), "oh")
			tr.worker(n)
			time.Sleep(wait*time.Millisecond - time.Nanosecond)
			tr.worker(n)
			time.Sleep(time.Nanosecond)
			n++
			tr.worker(n).to.ready()
			synctest.Wait()
		}
		tr.workers[n-1].end(errors.New("exit status 2"), "oh\n")
		synctest.Wait()
		if !tr.workers[0].drains() {
			tr.Error("the other one does not drain")
		}
		tr.workers[0].end(nil, "")
		<-tr.s.Done()
		says(t, tr.s.Err(), "4 times in 1m0s", "exit status 2", "unasked", "oh")
		if _, err := tr.s.Status(); !errors.Is(err, ErrStopping) {
			tr.Errorf("status of one that has ended: %v", err)
		}
		if err := tr.s.Replace(tr.Context()); !errors.Is(err, ErrStopping) {
			tr.Errorf("replace of one that has ended: %v", err)
		}
	})
}

// One that is started again and fails before it is ready counts too.
func TestCrashesBeforeReady(t *testing.T) {
	try(t, Config{Restart: Restart{Limit: 2}}, func(tr *trial) {
		tr.workers[0].end(nil, "")
		time.Sleep(time.Second)
		tr.worker(2).end(errors.New("exit status 1"), "")
		synctest.Wait()
		tr.failNext(errors.New("no such file"))
		time.Sleep(time.Second)
		<-tr.s.Done()
		says(t, tr.s.Err(), "3 times", "no such file")
	})
}

// Ends that are long ago are forgotten.
func TestCrashesSeldom(t *testing.T) {
	try(t, Config{Restart: Restart{Limit: 1}}, func(tr *trial) {
		for n := 1; n < 20; n++ {
			tr.worker(n).end(errors.New("signal: killed"), "")
			time.Sleep(100 * time.Millisecond) // as after the first
			tr.worker(n + 1).to.ready()
			time.Sleep(time.Minute)
		}
	})
}

// The wait has a limit.
func TestWait(t *testing.T) {
	r := Restart{First: 100 * time.Millisecond, Most: 5 * time.Second}
	for n, want := range map[int]time.Duration{1: 100 * time.Millisecond, 3: 400 * time.Millisecond, 6: 3200 * time.Millisecond, 7: 5 * time.Second, 1000: 5 * time.Second} {
		if got := r.wait(n); got != want {
			t.Errorf("after %d ends: %v, want %v", n, got, want)
		}
	}
}
