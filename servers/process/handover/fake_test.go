package handover

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

// fake starts workers that do what a test has them do.
type fake struct {
	mu      sync.Mutex
	workers []*fakeWorker
	fails   error // of the next start
	freed   bool  // the sockets are
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

func (f *fake) release() { f.freed = true }

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
		tr.start(config)
		for i := range max(config.Workers, 1) {
			tr.worker(i + 1).to.ready()
		}
		if err := tr.s.Ready(t.Context()); err != nil {
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
		if !tr.freed || !tr.closed {
			t.Error("the starter is left open")
		}
	})
}

func (tr *trial) start(c Config) {
	tr.Helper()
	c.Argv = []string{"fake"}
	c.start = tr.fake
	c.Tell = func(e Event) { tr.events = append(tr.events, e) }
	var err error
	if tr.s, err = Start(c); err != nil {
		tr.Fatal(err)
	}
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
