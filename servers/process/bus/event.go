package bus

import "context"

// State is where a program is in its life.
type State int32

// The states, in the order of a life. A stopped program may start again.
const (
	Idle     State = iota // made, and not started yet: no socket is bound
	Starting              // listeners of Start run
	Started
	Stopping // what started is undone, also after a start that failed
	Stopped
	Exiting // the last one
)

// String implements fmt.Stringer.
func (s State) String() string {
	return [...]string{"idle", "starting", "started", "stopping", "stopped", "exiting"}[s]
}

// Event is what is asked of a program, by name. A program may add its own.
type Event string

// The events that the bus or its plugins know. Start, Stop, Exit and ExitNow change the
// state; all others just run their listeners.
const (
	Start   Event = "start"    // of an idle or stopped program
	Stop    Event = "stop"     // what started is undone. One that is not started has stopped already
	Exit    Event = "exit"     // Stop, and then the end. It goes before all that waits
	ExitNow Event = "exit-now" // Exit whose listeners find their contexts cancelled: they wait for nobody

	Reload  Event = "reload"  // of configuration; the program must be started
	Upgrade Event = "upgrade" // to a successor, which takes over; the program must be started
	Reopen  Event = "reopen"  // of log files, after they were renamed
)

// The priorities that plugins have at Start, in this order; their undoing is in reverse.
const (
	PriorityInstance   = 10 // to be the only one: the pidfile
	PrioritySockets    = 20 // to listen, which may take root
	PriorityPrivileges = 30 // to let go of root
	PriorityServe      = 40 // to accept connections
	PriorityReady      = 50 // to say so
)

// Listener is what runs at an event.
//
// It must return once its context is cancelled, which it is when the program is to stop
// meanwhile, when it is to exit at once, and when the event is over. It may publish events,
// and must not wait for them.
type Listener struct {
	Name     string // for errors
	Priority int    // lower ones run first; of equal ones, the first to subscribe
	Run      func(context.Context) error

	// Undo takes back what Run did at Start, or is nil. It runs when the program stops, and
	// when another listener failed to start, but never if Run itself failed.
	Undo func(context.Context) error
}

// Plugin is a part of a program that lives by the events of its bus.
type Plugin interface {
	// Attach subscribes the plugin's listeners. It is called once, before Start. It does
	// nothing else that can fail: what can, belongs to a listener of Start.
	Attach(*Bus)
}
