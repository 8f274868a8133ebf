package handover

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// fake starts workers that do what a test has them do.
type fake struct {
	mu      sync.Mutex
	workers []*fakeWorker
	fails   error // of the next start
	closed  bool
}

type fakeWorker struct {
	role
	id     int
	to     listener
	mu     sync.Mutex
	orders []string
	ended  bool
}

func (f *fake) start(r role, to listener) (process, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.fails; err != nil {
		f.fails = nil
		return nil, err
	}
	w := &fakeWorker{role: r, id: len(f.workers) + 1, to: to}
	f.workers = append(f.workers, w)
	return w, nil
}

// failNext has the next start fail.
func (f *fake) failNext(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fails = err
}

func (f *fake) close() { f.closed = true }

func (w *fakeWorker) pid() int { return w.id }

func (w *fakeWorker) tell(order string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.orders = append(w.orders, order)
}

func (w *fakeWorker) kill() { go w.end(errors.New("signal: killed"), "") }

// end has the worker end, once.
func (w *fakeWorker) end(how error, output string) {
	w.mu.Lock()
	again := w.ended
	w.ended = true
	w.mu.Unlock()
	if !again {
		w.to.ended(how, output)
	}
}

func (w *fakeWorker) drains() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Contains(w.orders, orderDrain)
}

func (w *fakeWorker) isEnded() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ended
}

// trial is a supervisor of fakes, in a bubble of fake time.
type trial struct {
	*testing.T
	*fake
	s      *Supervisor
	events []Event
}

// try starts a supervisor whose first workers become ready, and has it end after test.
func try(t *testing.T, config Config, test func(*trial)) {
	synctest.Test(t, func(t *testing.T) {
		tr := &trial{T: t, fake: new(fake)}
		started := make(chan error, 1)
		go func() {
			var err error
			tr.s, err = Start(t.Context(), tr.with(config))
			started <- err
		}()
		for i := range max(config.Workers, 1) {
			tr.worker(i + 1).to.ready()
		}
		if err := <-started; err != nil {
			t.Fatal(err)
		}
		test(tr)
		tr.s.Kill()
		<-tr.s.Done()
		for _, w := range tr.workers {
			if !w.isEnded() {
				t.Errorf("worker %d is left", w.id)
			}
		}
		if !tr.closed {
			t.Error("the starter is left open")
		}
	})
}

func (tr *trial) with(c Config) Config {
	c.Argv = []string{"fake"}
	c.start = tr.fake
	c.Tell = func(e Event) { tr.events = append(tr.events, e) }
	return c
}

// worker waits until nothing moves and is the nth that was started, which must be the last.
func (tr *trial) worker(n int) *fakeWorker {
	tr.Helper()
	synctest.Wait()
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if len(tr.workers) != n {
		tr.Fatalf("%d workers were started, not %d", len(tr.workers), n)
	}
	return tr.workers[n-1]
}

// going runs what waits for the supervisor beside the test.
func (tr *trial) going(ask func(context.Context) error) <-chan error {
	done := make(chan error, 1)
	go func() { done <- ask(tr.Context()) }()
	synctest.Wait()
	return done
}

func (tr *trial) pending(done <-chan error) {
	tr.Helper()
	synctest.Wait()
	select {
	case err := <-done:
		tr.Fatalf("it is over: %v", err)
	default:
	}
}

// says checks that an error has all the texts.
func says(t *testing.T, err error, texts ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want one with %q", texts)
		return
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error lacks %q: %v", text, err)
		}
	}
}

func (tr *trial) status() Status {
	tr.Helper()
	now, err := tr.s.Status()
	if err != nil {
		tr.Fatal(err)
	}
	return now
}

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

// A failed start undoes what started.
func TestStartFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &trial{T: t, fake: new(fake)}
		done := tr.going(func(ctx context.Context) error {
			_, err := Start(ctx, tr.with(Config{Workers: 2}))
			return err
		})
		tr.worker(1).to.ready()
		tr.worker(2).end(errors.New("exit status 1"), "port taken\n")
		says(t, <-done, "start", "1 of 2", "exit status 1", "port taken")
		if !tr.workers[0].isEnded() {
			t.Error("the first is left")
		}
		tr.worker(2)
	})
}

// The end of the context ends a start.
func TestStartCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &trial{T: t, fake: new(fake)}
		ctx, cancel := context.WithCancel(t.Context())
		done := tr.going(func(context.Context) error {
			_, err := Start(ctx, tr.with(Config{}))
			return err
		})
		tr.worker(1)
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if !tr.workers[0].isEnded() {
			t.Error("the worker is left")
		}
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
		_, err := Start(t.Context(), c)
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
