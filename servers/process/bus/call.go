package bus

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
)

// runAll runs every listener and joins their errors.
func (b *Bus) runAll(ctx context.Context, e Event, listeners []Listener) error {
	var failed []error
	for _, l := range listeners {
		failed = append(failed, b.call(ctx, e, l.Name, l.Run))
	}
	return errors.Join(failed...)
}

// startAll runs the listeners of Start up to the first priority at which one fails, and
// returns those that did not. An interrupted start ends with ErrInterrupted.
func (b *Bus) startAll(ctx context.Context, listeners []Listener) (started []Listener, err error) {
	var failed []error
	for i, l := range listeners {
		if ctx.Err() != nil || len(failed) > 0 && l.Priority != listeners[i-1].Priority {
			break
		}
		if err := b.call(ctx, Start, l.Name, l.Run); err != nil {
			failed = append(failed, err)
			continue
		}
		started = append(started, l)
	}
	if ctx.Err() != nil && len(started) < len(listeners) { // else all has started, and may have said so
		failed = append(failed, fmt.Errorf("%s: %w", Start, context.Cause(ctx)))
	}
	return started, errors.Join(failed...)
}

// wasInterrupted tells whether all errors of a start are those of an interruption.
func wasInterrupted(err error) bool {
	var all interface{ Unwrap() []error }
	if errors.As(err, &all) {
		return !slices.ContainsFunc(all.Unwrap(), func(e error) bool { return !wasInterrupted(e) })
	}
	return errors.Is(err, ErrInterrupted)
}

// undoAll takes back what has started, the last first.
func (b *Bus) undoAll(ctx context.Context, started []Listener) error {
	var failed []error
	for _, l := range slices.Backward(started) {
		failed = append(failed, b.call(ctx, Stop, l.Name, l.Undo))
	}
	return errors.Join(failed...)
}

// call runs a function of a listener. It has a goroutine of its own, so that nothing that
// it does to that, a panic or runtime.Goexit, ends the program.
func (b *Bus) call(ctx context.Context, e Event, name string, do func(context.Context) error) error {
	if do == nil {
		return nil
	}
	result := make(chan error, 1)
	go func() {
		err := errors.New("it ended its goroutine")
		defer func() {
			if v := recover(); v != nil {
				err = fmt.Errorf("panic: %v", v)
				b.log.Error("panic", "event", e, "listener", name, "stack", string(debug.Stack()))
			}
			result <- err
		}()
		err = do(ctx)
	}()
	err := <-result
	if err == nil {
		return nil
	}
	b.log.Error("failed", "event", e, "listener", name, "error", err)
	return fmt.Errorf("%s: %w", name, err)
}
