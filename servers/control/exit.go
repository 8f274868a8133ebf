package control

import (
	"fmt"
	"syscall"
)

// Exit tells how a candidate ended.
type Exit struct {
	Code    int            // exit code, -1 if ended by a signal
	Signal  syscall.Signal // 0 if it exited by itself
	Escaped int            // processes that it left behind, which were killed
	Killed  bool           // it did not stop when asked
	// Unasked says why it could not be asked to stop, as where the command for that fails;
	// nil if it was.
	Unasked error
	// Guard says why the guard did not see to the end, as in "its guard was killed"; nil
	// if it did. How the candidate itself ended is not known then.
	Guard error
	// Outside are the processes that were at work for the candidate when it was told to
	// stop and that its guard did not hold, as another process had started them: nothing
	// of what they used was measured. Each is described, as in "PID 12 (x), state S".
	Outside []string
	// Left says what could not be removed; nil if nothing is left.
	Left error
}

// String says it in words.
func (e Exit) String() string {
	if e.Guard != nil {
		return e.Guard.Error()
	}
	s := fmt.Sprintf("exit status %d", e.Code)
	if e.Signal != 0 {
		s = "ended by signal: " + e.Signal.String()
	}
	if e.Escaped > 0 {
		s += fmt.Sprintf(", leaving %d processes behind, which were killed (a server under test must stay in the foreground)", e.Escaped)
	}
	return s
}

// Death is the error of a candidate that ended without being asked to. Where its guard
// ended, that is the cause.
func (e Exit) Death() error {
	if e.Guard != nil {
		return e.Guard
	}
	return fmt.Errorf("died: %s", e)
}
