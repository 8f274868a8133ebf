package control

import (
	"syscall"
	"time"
)

// EventKind says what happened.
type EventKind string

// Kinds of Event, with the fields that they have beside At.
const (
	// EventStarted is the first: PID is that of the main process, Generation 1. At is
	// right before the process existed.
	EventStarted EventKind = "started"
	// EventAnswered is that a verb was sent, or that its command has ended: Ack tells of
	// it, PID is Ack's, and Err is what Ask returns as its error, nil if it was done.
	EventAnswered EventKind = "answered"
	// EventEnded is that a process ended, PID, with Code and Signal. Main says whether it
	// was the main process. Of other processes the guard sees those end that are its
	// children, as their parents ended before them: not workers of a main process that
	// is there, of which only their parent is told, nor that a process began. To see
	// these the process table would have to be read again and again.
	EventEnded EventKind = "ended"
	// EventGeneration is that the main process has ended and a successor, which came up
	// after it was asked for Upgrade, is the main process now: PID, Generation.
	EventGeneration EventKind = "generation"
	// EventExited is the last, always: the candidate has ended, and all its processes are
	// killed and reaped, or given up. Code and Signal are those of the last main process. If the
	// guard did not tell, Err says why, and At is by this process's clock.
	EventExited EventKind = "exited"
)

// Event is something that happened to a candidate, as its guard saw it.
type Event struct {
	Kind EventKind
	// At is when the guard saw it. These times never fall from one event to the next of a
	// candidate: they go by the system's clock as it was when the guard began, and on
	// steadily.
	At         time.Time
	PID        int
	Generation int // of the main process, from 1
	Main       bool
	Code       int            // exit code, -1 if ended by a signal
	Signal     syscall.Signal // 0 if it exited by itself
	Ack        Ack
	Err        error
}

// event is a guard's report as an event.
func (r report) event() Event {
	e := Event{
		Kind: r.Kind, At: time.Unix(0, r.At), PID: r.PID, Generation: r.Generation, Main: r.Main,
		Code: r.Code, Signal: syscall.Signal(r.Signal),
	}
	if r.Kind == EventAnswered {
		e.Ack, e.Err = r.answer()
		e.Code = e.Ack.Code
	}
	return e
}
