package bus_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/benchctl/benchctl/servers/process/bus"
)

// record is what listeners did, in order.
type record struct {
	mu   sync.Mutex
	done []string
}

func (r *record) add(what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done = append(r.done, what)
}

func (r *record) take() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := strings.Join(r.done, " ")
	r.done = nil
	return all
}

// does is a function of a listener that is recorded and fails with err.
func (r *record) does(what string, err error) func(context.Context) error {
	return func(context.Context) error { r.add(what); return err }
}

func wait(t *testing.T, p *bus.Pending) error {
	t.Helper()
	return p.Wait(t.Context())
}

// Every event in every state in which nothing runs: what it leads to.
func TestTransitions(t *testing.T) {
	to := map[bus.State][]bus.Event{
		bus.Idle:    nil,
		bus.Started: {bus.Start},
		bus.Stopped: {bus.Start, bus.Stop},
		bus.Exiting: {bus.Exit},
	}
	for _, c := range []struct {
		from  bus.State
		event bus.Event
		to    bus.State
		did   string
		err   error
	}{
		{bus.Idle, bus.Start, bus.Started, "start", nil},
		{bus.Idle, bus.Stop, bus.Idle, "", nil},
		{bus.Idle, bus.Exit, bus.Exiting, "exit", nil},
		{bus.Idle, bus.ExitNow, bus.Exiting, "exit", nil},
		{bus.Idle, bus.Reload, bus.Idle, "", bus.ErrState},
		{bus.Idle, bus.Upgrade, bus.Idle, "", bus.ErrState},
		{bus.Idle, bus.Reopen, bus.Idle, "reopen", nil},
		{bus.Idle, "own", bus.Idle, "own", nil},
		{bus.Started, bus.Start, bus.Started, "", bus.ErrState},
		{bus.Started, bus.Stop, bus.Stopped, "stop undo", nil},
		{bus.Started, bus.Exit, bus.Exiting, "stop undo exit", nil},
		{bus.Started, bus.ExitNow, bus.Exiting, "stop undo exit", nil},
		{bus.Started, bus.Reload, bus.Started, "reload", nil},
		{bus.Started, bus.Upgrade, bus.Started, "upgrade", nil},
		{bus.Started, bus.Reopen, bus.Started, "reopen", nil},
		{bus.Started, "own", bus.Started, "own", nil},
		{bus.Stopped, bus.Start, bus.Started, "start", nil},
		{bus.Stopped, bus.Stop, bus.Stopped, "", nil},
		{bus.Stopped, bus.Exit, bus.Exiting, "exit", nil},
		{bus.Stopped, bus.ExitNow, bus.Exiting, "exit", nil},
		{bus.Stopped, bus.Reload, bus.Stopped, "", bus.ErrState},
		{bus.Stopped, bus.Upgrade, bus.Stopped, "", bus.ErrState},
		{bus.Stopped, bus.Reopen, bus.Stopped, "reopen", nil},
		{bus.Stopped, "own", bus.Stopped, "own", nil},
		{bus.Exiting, bus.Start, bus.Exiting, "", bus.ErrExiting},
		{bus.Exiting, bus.Stop, bus.Exiting, "", nil},
		{bus.Exiting, bus.Exit, bus.Exiting, "", nil},
		{bus.Exiting, bus.ExitNow, bus.Exiting, "", nil},
		{bus.Exiting, bus.Reload, bus.Exiting, "", bus.ErrExiting},
		{bus.Exiting, bus.Upgrade, bus.Exiting, "", bus.ErrExiting},
		{bus.Exiting, bus.Reopen, bus.Exiting, "", bus.ErrExiting},
		{bus.Exiting, "own", bus.Exiting, "", bus.ErrExiting},
	} {
		t.Run(c.from.String()+" "+string(c.event), func(t *testing.T) {
			var r record
			b := bus.New(nil)
			b.On(bus.Start, bus.Listener{Name: "part", Run: r.does("start", nil), Undo: r.does("undo", nil)})
			for _, e := range []bus.Event{bus.Stop, bus.Exit, bus.Reload, bus.Upgrade, bus.Reopen, "own"} {
				b.On(e, bus.Listener{Name: "part", Run: r.does(string(e), nil)})
			}
			for _, e := range to[c.from] {
				if err := wait(t, b.Publish(e)); err != nil {
					t.Fatal(err)
				}
			}
			r.take()
			if err := wait(t, b.Publish(c.event)); !errors.Is(err, c.err) {
				t.Errorf("error %v, want %v", err, c.err)
			}
			if got := b.State(); got != c.to {
				t.Errorf("state %v, want %v", got, c.to)
			}
			if got := r.take(); got != c.did {
				t.Errorf("did %q, want %q", got, c.did)
			}
			b.Publish(bus.Exit)
			if status := b.Wait(); status != bus.StatusOK {
				t.Errorf("status %d", status)
			}
		})
	}
}

// What is asked for while something runs.
func TestMeanwhile(t *testing.T) {
	for _, c := range []struct {
		running, asked bus.Event
		during         bus.State
		interrupted    bool
		to             bus.State
		status         int
	}{
		{bus.Start, bus.Stop, bus.Starting, true, bus.Stopped, bus.StatusOK},
		{bus.Start, bus.Exit, bus.Starting, true, bus.Exiting, bus.StatusOK},
		{bus.Start, bus.ExitNow, bus.Starting, true, bus.Exiting, bus.StatusOK},
		{bus.Start, bus.Reload, bus.Starting, false, bus.Started, bus.StatusOK},
		{bus.Reload, bus.Stop, bus.Started, true, bus.Stopped, bus.StatusOK},
		{bus.Reload, bus.Exit, bus.Started, true, bus.Exiting, bus.StatusOK},
		{bus.Reload, bus.ExitNow, bus.Started, true, bus.Exiting, bus.StatusOK},
		{bus.Reload, bus.Reload, bus.Started, false, bus.Started, bus.StatusOK},
		{bus.Stop, bus.Start, bus.Stopping, false, bus.Started, bus.StatusOK},
		{bus.Stop, bus.Exit, bus.Stopping, false, bus.Exiting, bus.StatusOK},
		{bus.Stop, bus.ExitNow, bus.Stopping, true, bus.Exiting, bus.StatusFailed},
		{bus.Exit, bus.Exit, bus.Exiting, false, bus.Exiting, bus.StatusOK},
		{bus.Exit, bus.ExitNow, bus.Exiting, true, bus.Exiting, bus.StatusFailed},
	} {
		t.Run(string(c.running)+" "+string(c.asked), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := bus.New(nil)
				if c.running != bus.Start {
					if err := wait(t, b.Publish(bus.Start)); err != nil {
						t.Fatal(err)
					}
				}
				release, held := make(chan struct{}), false
				b.On(c.running, bus.Listener{Name: "slow", Run: func(ctx context.Context) error {
					if held { // an earlier time
						return nil
					}
					held = true
					select {
					case <-release:
						return nil
					case <-ctx.Done():
						return context.Cause(ctx)
					}
				}})
				first := b.Publish(c.running)
				synctest.Wait()
				if got := b.State(); got != c.during {
					t.Errorf("meanwhile %v, want %v", got, c.during)
				}
				second := b.Publish(c.asked)
				synctest.Wait()
				close(release)
				if err := wait(t, first); errors.Is(err, bus.ErrInterrupted) != c.interrupted {
					t.Errorf("the first: %v", err)
				}
				if err := wait(t, second); err != nil {
					t.Errorf("the second: %v", err)
				}
				if got := b.State(); got != c.to {
					t.Errorf("state %v, want %v", got, c.to)
				}
				b.Publish(bus.Exit)
				if got := b.Wait(); got != c.status {
					t.Errorf("status %d, want %d", got, c.status)
				}
			})
		})
	}
}

// Every listener of an event runs, in order, whatever happens to the others.
func TestEveryListenerRuns(t *testing.T) {
	var r record
	var logged bytes.Buffer
	b := bus.New(slog.New(slog.NewTextHandler(&logged, nil)))
	cause := errors.New("no such thing")
	b.On("own", bus.Listener{Name: "last", Priority: 9, Run: r.does("last", nil)})
	b.On("own", bus.Listener{Name: "fails", Priority: 1, Run: r.does("fails", cause)})
	b.On("own", bus.Listener{Name: "panics", Priority: 2, Run: func(context.Context) error { r.add("panics"); panic("oh") }})
	b.On("own", bus.Listener{Name: "ends", Priority: 2, Run: func(context.Context) error { r.add("ends"); runtime.Goexit(); return nil }})
	b.On("own", bus.Listener{Name: "index", Priority: 2, Run: func(context.Context) error { r.add("index"); return []error{}[len(r.done)] }})
	b.On("own", bus.Listener{Name: "first", Priority: -1, Run: r.does("first", nil)})
	err := wait(t, b.Publish("own"))
	const want = "fails: no such thing\npanics: panic: oh\nends: it ended its goroutine\nindex: panic: runtime error: index out of range [5] with length 0"
	if err == nil || err.Error() != want || !errors.Is(err, cause) {
		t.Errorf("error %v, want %s", err, want)
	}
	if got := r.take(); got != "first fails panics ends index last" {
		t.Errorf("did %s", got)
	}
	b.Publish(bus.Exit)
	if status := b.Wait(); status != bus.StatusOK {
		t.Errorf("status %d after an event of one's own that failed", status)
	}
	if text := logged.String(); strings.Count(text, "msg=failed") != 4 || !strings.Contains(text, "bus_test.go") {
		t.Errorf("logged:\n%s", text)
	}
}

// A listener may publish anything, subscribe and look, and nothing hangs. It can't wait for
// what it published.
func TestWithinListeners(t *testing.T) {
	for _, e := range []bus.Event{bus.Start, bus.Stop, bus.Exit, bus.ExitNow, bus.Reload, "own", "other"} {
		for _, within := range []bus.Event{bus.Start, bus.Stop, bus.Exit, bus.Reload, "own"} {
			var p *bus.Pending
			b := bus.New(nil)
			var once sync.Once
			b.On(within, bus.Listener{Name: "part", Run: func(ctx context.Context) error {
				once.Do(func() {
					b.On("other", bus.Listener{Name: "new", Run: func(context.Context) error { return nil }})
					p = b.Publish(e)
					if err := p.Wait(ctx); !errors.Is(err, bus.ErrWithin) {
						t.Errorf("%s within %s: waited: %v", e, within, err)
					}
					_ = b.State()
				})
				return nil
			}})
			for _, e := range []bus.Event{bus.Start, bus.Reload, "own", bus.Stop, bus.Exit} {
				<-b.Publish(e).Done()
			}
			<-p.Done()
			b.Wait()
		}
	}
}

// A restart is a Stop and a Start, also from within.
func TestRestart(t *testing.T) {
	var r record
	b := bus.New(nil)
	b.On(bus.Start, bus.Listener{Name: "part", Run: r.does("start", nil), Undo: r.does("undo", nil)})
	again := make(chan *bus.Pending, 1)
	b.On("restart", bus.Listener{Name: "part", Run: func(context.Context) error {
		b.Publish(bus.Stop)
		again <- b.Publish(bus.Start)
		return nil
	}})
	if err := wait(t, b.Publish(bus.Start)); err != nil {
		t.Fatal(err)
	}
	b.Publish("restart")
	if err := wait(t, <-again); err != nil {
		t.Error(err)
	}
	b.Publish(bus.Exit)
	b.Wait()
	if got := r.take(); got != "start undo start undo" {
		t.Errorf("did %s", got)
	}
}

// The bus answers while a listener takes its time, and no more when it has exited.
func TestAlive(t *testing.T) {
	b := bus.New(nil)
	within, release := make(chan struct{}), make(chan struct{})
	b.On("slow", bus.Listener{Name: "slow", Run: func(context.Context) error { close(within); <-release; return nil }})
	b.Publish("slow")
	<-within
	if !b.Alive(t.Context()) {
		t.Error("it does not answer")
	}
	close(release)
	b.Publish(bus.Exit)
	b.Wait()
	if b.Alive(t.Context()) {
		t.Error("it answers after its exit")
	}
}

// An exit goes before what waits, which is refused.
func TestExitGoesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r record
		b := bus.New(nil)
		release := make(chan struct{})
		b.On("slow", bus.Listener{Name: "slow", Run: func(context.Context) error { <-release; return nil }})
		b.On("own", bus.Listener{Name: "part", Run: r.does("own", nil)})
		b.Publish("slow")
		var refused []*bus.Pending
		for range 10 {
			refused = append(refused, b.Publish("own"))
		}
		b.Publish(bus.Exit)
		close(release)
		if status := b.Wait(); status != bus.StatusOK {
			t.Errorf("status %d", status)
		}
		for _, p := range refused {
			if err := wait(t, p); !errors.Is(err, bus.ErrExiting) {
				t.Error(err)
			}
		}
		if got := r.take(); got != "" {
			t.Errorf("did %s", got)
		}
	})
}

// Many ask for everything at once: listeners never overlap, each start is undone once, and
// all who asked get an answer. The race detector sees the rest.
func TestAtOnce(t *testing.T) {
	b := bus.New(nil)
	var inside sync.Mutex
	starts, undos := 0, 0
	alone := func(count *int) func(context.Context) error {
		return func(context.Context) error {
			if !inside.TryLock() {
				t.Error("two listeners at once")
				return nil
			}
			defer inside.Unlock()
			*count++
			return nil
		}
	}
	other := 0
	b.On(bus.Start, bus.Listener{Name: "part", Run: alone(&starts), Undo: alone(&undos)})
	events := []bus.Event{bus.Start, bus.Stop, bus.Reload, "own", bus.Start}
	for _, e := range events[1:4] {
		b.On(e, bus.Listener{Name: "part", Run: alone(&other)})
	}
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for j := range 200 {
				e := events[(i+j)%len(events)]
				if j == 190 && i == 7 {
					e = bus.Exit
				}
				p := b.Publish(e)
				b.On("own", bus.Listener{Name: "more"})
				_ = b.State()
				if j%2 == 0 {
					<-p.Done()
				}
			}
		})
	}
	wg.Wait()
	b.Wait()
	if starts == 0 || starts != undos {
		t.Errorf("%d starts and %d undone", starts, undos)
	}
}

// A program that is asked to exit while its last listener starts has started, as that one may
// have said, and ends as any other.
func TestExitAtTheEndOfStart(t *testing.T) {
	b := bus.New(slog.New(slog.DiscardHandler))
	b.On(bus.Start, bus.Listener{Name: "last", Run: func(ctx context.Context) error {
		b.Publish(bus.Exit)
		<-ctx.Done() // it has been taken
		return nil
	}})
	if err := wait(t, b.Publish(bus.Start)); err != nil {
		t.Error(err)
	}
	if status := b.Wait(); status != bus.StatusOK {
		t.Errorf("exit status %d", status)
	}
}
