// Package control is process control for candidates: it starts them, proves that
// they are ready and that the socket is theirs, stops them by asking, waiting and
// killing, and sees to it that none outlives benchctl, whatever ends benchctl.
package control

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Command says how to start a candidate and how to talk to it.
type Command struct {
	Argv []string // program and arguments; no shell is involved
	Env  []string // "KEY=value", the whole environment; of two of a name the last counts
	Dir  string   // working directory, "" for benchctl's own
	// Verbs maps what can be asked of the running server to how it is asked. The
	// same signal means opposite things to different servers, so nothing outside
	// a server's own description speaks in signals. A verb that is neither here
	// nor in StopVerbs is refused.
	Verbs map[Verb]Action
}

// Verb is something that can be asked of a running server.
type Verb string

// Verbs of a server. StopGraceful lets requests in flight finish. After Upgrade another
// main process may go on where the present one ends. ScaleUp and ScaleDown change the number
// of workers by one.
const (
	StopGraceful Verb = "stop-graceful"
	StopNow      Verb = "stop-now"
	Reload       Verb = "reload"
	Upgrade      Verb = "upgrade"
	ScaleUp      Verb = "scale-up"
	ScaleDown    Verb = "scale-down"
)

// Verbs is every Verb, in the order of their documentation.
var Verbs = []Verb{StopGraceful, StopNow, Reload, Upgrade, ScaleUp, ScaleDown}

// Action is how a Verb reaches the server: a signal to its main process, or a
// command to run.
type Action struct {
	Signal syscall.Signal // 0 if Argv is used
	Argv   []string
}

// String is the signal's name, "SIGHUP", or the command.
func (a Action) String() string {
	if a.Signal != 0 {
		return unix.SignalName(a.Signal)
	}
	return strings.Join(a.Argv, " ")
}

// Declared is a Verb as the description of a server has it.
type Declared struct {
	Action
	Promise string // what the vendor documents of it, in one sentence; "" if that is not known
	Source  string // URL of where the vendor does
}

// StopVerbs are how a server is stopped that does not say otherwise: SIGTERM asks a program
// to end, and SIGKILL ends any (signal(7)). No other verb has a signal that fits all.
func StopVerbs() map[Verb]Declared {
	return map[Verb]Declared{
		StopGraceful: {Action: Action{Signal: syscall.SIGTERM}},
		StopNow: {
			Action:  Action{Signal: syscall.SIGKILL},
			Promise: "the system ends the process at once: the signal can't be caught, blocked or ignored",
			Source:  "https://man7.org/linux/man-pages/man7/signal.7.html",
		},
	}
}

// verbs is all that can be asked of the server.
func (c Command) verbs() (map[Verb]Action, error) {
	all := make(map[Verb]Action)
	for verb, stop := range StopVerbs() {
		all[verb] = stop.Action
	}
	for verb, action := range c.Verbs {
		if (action.Signal == 0) == (len(action.Argv) == 0) {
			return nil, fmt.Errorf("verb %s: is either a signal or a command", verb)
		}
		all[verb] = action
	}
	return all, nil
}

// signals are those that servers use as verbs, by name without "SIG".
var signals = map[string]syscall.Signal{
	"HUP": syscall.SIGHUP, "INT": syscall.SIGINT, "QUIT": syscall.SIGQUIT, "TERM": syscall.SIGTERM,
	"KILL": syscall.SIGKILL, "USR1": syscall.SIGUSR1, "USR2": syscall.SIGUSR2, "WINCH": syscall.SIGWINCH,
	"TTIN": syscall.SIGTTIN, "TTOU": syscall.SIGTTOU,
}

// SignalNames are the names that ParseSignal takes, sorted, without "SIG".
func SignalNames() []string { return slices.Sorted(maps.Keys(signals)) }

// ParseSignal reads a signal name such as "TERM" or "SIGTERM".
func ParseSignal(name string) (syscall.Signal, error) {
	if s, ok := signals[strings.TrimPrefix(name, "SIG")]; ok {
		return s, nil
	}
	return 0, fmt.Errorf("unknown signal %q", name)
}
