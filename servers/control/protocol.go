package control

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"syscall"
	"time"
)

// What crosses the pipes between benchctl and a guard is a JSON object a line: benchctl
// writes an order, and then asks; the guard writes reports.

// Descriptors that a guard inherits.
const (
	fdOrders = 3 + iota
	fdEvents
	fdListener // only if the order says so
)

// order is the first line to a guard: what to start.
type order struct {
	Argv     []string
	Env      []string
	Dir      string
	Verbs    map[Verb]Action
	CPUs     CPUs
	Log      string
	Scratch  string
	Groups   Groups
	Init     bool          // the candidate is process 1 of a pid namespace of its own
	User     *User         // to run as; nil: the guard's own
	Death    time.Duration // how long what was killed may take to be gone
	Command  time.Duration // how long the command of a verb may take
	Listener bool          // descriptor fdListener becomes the candidate's descriptor 3
	Observed bool          // the ends of others than main processes are to be reported too
}

// ask is every further line to a guard.
type ask struct {
	ID   uint64 // of the answer too
	Verb Verb
}

// report is a line of a guard: an event, or that there is no candidate.
type report struct {
	Kind EventKind
	At   int64 // Unix time in ns; of started: before the process existed

	PID        int    `json:",omitempty"` // started, generation: of the main process; ended: of the process
	Job        int    `json:",omitempty"` // started, generation: the main process's group
	Generation int    `json:",omitempty"` // of the main process, from 1; answered: of the one then
	Group      string `json:",omitempty"` // started: the candidate's control group, "" for none
	Main       bool   `json:",omitempty"` // ended: it was the main process
	Code       int    `json:",omitempty"` // ended, exited: exit code, -1 if by a signal; answered: of a command
	Signal     int    `json:",omitempty"` // ended, exited: the signal
	Escaped    int    `json:",omitempty"` // exited: processes the main process left running; they were killed
	Left       bool   `json:",omitempty"` // exited: something could not be killed

	ID      uint64  `json:",omitempty"` // answered: of the ask
	Verb    Verb    `json:",omitempty"` // answered
	Sent    int64   `json:",omitempty"` // answered: when the signal was sent or the command was started
	Ended   int64   `json:",omitempty"` // answered: when the command ended
	Outcome outcome `json:",omitempty"` // answered
	Error   string  `json:",omitempty"` // failed; answered, with outcome failed
}

// eventFailed is the only report of a guard that can't start its candidate.
const eventFailed EventKind = "failed"

// outcome is what came of an ask.
type outcome string

const (
	outcomeDone    outcome = "done"
	outcomeRefused outcome = "refused" // the candidate does not offer it
	outcomeEnded   outcome = "ended"   // there is no candidate any longer
	outcomeFailed  outcome = "failed"
)

// parseOrder reads the first line to a guard.
func parseOrder(line []byte) (order, error) {
	var o order
	if err := json.Unmarshal(line, &o); err != nil {
		return order{}, err
	}
	if len(o.Argv) == 0 {
		return order{}, errors.New("an order without a program")
	}
	return o, nil
}

// parseAsk reads any other.
func parseAsk(line []byte) (ask, error) {
	var a ask
	if err := json.Unmarshal(line, &a); err != nil {
		return ask{}, err
	}
	if a.ID == 0 || a.Verb == "" {
		return ask{}, errors.New("an ask without a number or a verb")
	}
	return a, nil
}

// parseReport reads a line of a guard. PIDs in it are those of processes: to signal 0 or -1
// would mean many (kill(2)).
func parseReport(line []byte) (report, error) {
	var r report
	if err := json.Unmarshal(line, &r); err != nil {
		return report{}, err
	}
	ok := false
	switch r.Kind {
	case EventStarted, EventGeneration:
		ok = r.PID > 1 && r.Job > 1 && r.Generation > 0
	case EventEnded:
		ok = r.PID > 1
	case EventAnswered:
		ok = r.ID > 0
	case EventExited, eventFailed:
		ok = true
	}
	if !ok {
		return report{}, fmt.Errorf("a report %q that lacks something", r.Kind)
	}
	return r, nil
}

// reports are what a guard writes, as benchctl reads it.
type reports struct{ lines *bufio.Reader }

// next waits for a report. If it fails otherwise than errMalformed the guard says nothing
// any more.
func (r reports) next() (report, error) {
	line, err := r.lines.ReadBytes('\n')
	if err != nil {
		return report{}, err
	}
	got, err := parseReport(line)
	if err != nil {
		return report{}, fmt.Errorf("%w: %w", errMalformed, err)
	}
	return got, nil
}

// errMalformed is that a guard wrote what is no report.
var errMalformed = errors.New("its guard can't be understood")

// reporter is where a guard writes its reports. Their times rise: the clock is the system's
// as the guard began, and goes on steadily, whatever the system's is set to.
type reporter struct {
	mu    sync.Mutex
	lines *json.Encoder
	began time.Time
}

func newReporter(w io.Writer) *reporter {
	return &reporter{lines: json.NewEncoder(w), began: time.Now()}
}

// now is a Unix time in ns.
func (r *reporter) now() int64 { return r.began.UnixNano() + int64(time.Since(r.began)) }

// tell writes a report of now, unless it has a time. It waits where benchctl does not
// read, and fails where that has ended.
func (r *reporter) tell(what report) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if what.At == 0 {
		what.At = r.now()
	}
	return r.lines.Encode(what)
}

// endOf is the report that a process ended.
func endOf(kind EventKind, status syscall.WaitStatus) report {
	r := report{Kind: kind, Code: status.ExitStatus()} // -1 if by a signal
	if status.Signaled() {
		r.Signal = int(status.Signal())
	}
	return r
}
