package bus_test

import (
	"context"
	"errors"
	"testing"

	"github.com/benchctl/benchctl/servers/process/bus"
)

// A failed start undoes what has started, the last first, and the status tells of it. Those
// of the same priority ran, those of a later one did not.
func TestFailedStart(t *testing.T) {
	var r record
	b := bus.New(nil)
	cause, undo := errors.New("in use"), errors.New("gone")
	part := func(name string, priority int, err, undone error) {
		b.On(bus.Start, bus.Listener{Name: name, Priority: priority, Run: r.does(name, err), Undo: r.does("-"+name, undone)})
	}
	part("one", 1, nil, nil)
	part("two", 2, nil, undo)
	part("fails", 3, cause, nil)
	part("beside", 3, nil, nil)
	part("later", 4, nil, nil)
	b.On(bus.Stop, bus.Listener{Name: "stop", Run: r.does("stop", nil)})
	b.On(bus.Exit, bus.Listener{Name: "exit", Run: r.does("exit", nil)})
	err := wait(t, b.Publish(bus.Start))
	if !errors.Is(err, cause) || !errors.Is(err, undo) || err.Error() != "fails: in use\ntwo: gone" {
		t.Errorf("error %v", err)
	}
	if got := b.State(); got != bus.Stopped {
		t.Errorf("state %v", got)
	}
	b.Publish(bus.Exit)
	if status := b.Wait(); status != bus.StatusStartFailed {
		t.Errorf("status %d", status)
	}
	if got := r.take(); got != "one two fails beside -beside -two -one exit" {
		t.Errorf("did %s", got)
	}
}

// A start that succeeds makes up for one that failed.
func TestSecondStart(t *testing.T) {
	b := bus.New(nil)
	fails := errors.New("not yet")
	b.On(bus.Start, bus.Listener{Name: "part", Run: func(context.Context) error {
		err := fails
		fails = nil
		return err
	}})
	if err := wait(t, b.Publish(bus.Start)); err == nil {
		t.Error("it started")
	}
	if err := wait(t, b.Publish(bus.Start)); err != nil {
		t.Error(err)
	}
	b.Publish(bus.Exit)
	if status := b.Wait(); status != bus.StatusOK {
		t.Errorf("status %d", status)
	}
}

// The status tells of what failed after the start.
func TestStatus(t *testing.T) {
	for name, spoil := range map[string]func(*bus.Bus){
		"stop": func(b *bus.Bus) {
			b.On(bus.Stop, bus.Listener{Name: "part", Run: func(context.Context) error { panic("oh") }})
		},
		"exit": func(b *bus.Bus) {
			b.On(bus.Exit, bus.Listener{Name: "part", Run: func(context.Context) error { return errors.New("oh") }})
		},
		"undo": func(b *bus.Bus) {
			b.On(bus.Start, bus.Listener{Name: "part", Undo: func(context.Context) error { return errors.New("oh") }})
		},
		"fail": func(b *bus.Bus) {
			b.On("own", bus.Listener{Name: "part", Run: func(context.Context) error { b.Fail("server", errors.New("oh")); return nil }})
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := bus.New(nil)
			spoil(b)
			if err := wait(t, b.Publish(bus.Start)); err != nil {
				t.Fatal(err)
			}
			if err := wait(t, b.Publish("own")); err != nil {
				t.Fatal(err)
			}
			if name != "fail" {
				b.Publish(bus.Exit)
			}
			if status := b.Wait(); status != bus.StatusFailed {
				t.Errorf("status %d", status)
			}
		})
	}
}

// A start that fails as it is interrupted has failed.
func TestFailsInterrupted(t *testing.T) {
	b := bus.New(nil)
	b.On(bus.Start, bus.Listener{Name: "server", Run: func(ctx context.Context) error {
		b.Publish(bus.Exit)
		<-ctx.Done()
		return errors.Join(context.Cause(ctx), errors.New("oh"))
	}})
	b.On(bus.Start, bus.Listener{Name: "part", Run: func(ctx context.Context) error { return context.Cause(ctx) }})
	if err := wait(t, b.Publish(bus.Start)); !errors.Is(err, bus.ErrInterrupted) {
		t.Error(err)
	}
	if status := b.Wait(); status != bus.StatusStartFailed {
		t.Errorf("status %d", status)
	}
}

// What breaks down while others start ends the start.
func TestFailWhileStarting(t *testing.T) {
	b := bus.New(nil)
	b.On(bus.Start, bus.Listener{Name: "server", Priority: 1, Run: func(context.Context) error { b.Fail("server", errors.New("oh")); return nil }})
	b.On(bus.Start, bus.Listener{Name: "ready", Priority: 2, Run: func(context.Context) error { t.Error("told ready"); return nil }})
	if err := wait(t, b.Publish(bus.Start)); !errors.Is(err, bus.ErrInterrupted) {
		t.Error(err)
	}
	if status := b.Wait(); status != bus.StatusStartFailed {
		t.Errorf("status %d", status)
	}
}
