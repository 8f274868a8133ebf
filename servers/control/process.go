package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/benchctl/benchctl/servers/control/proc"
)

// Spec is a Command with where it runs and what it is given.
type Spec struct {
	Command
	// Guard is the command line that runs RunGuard, usually {benchctl, "guard"}.
	Guard []string
	// Listener is handed to the candidate as descriptor 3; nil for servers that
	// bind by themselves.
	Listener *os.File
	CPUs     CPUs   // processors to run on; empty: any
	Log      string // file that takes stdout and stderr; "" discards them, LogStderr shows them
	Groups   Groups // control groups that may be made for it
	// Init has the candidate's main process be process 1 of a pid namespace of its own
	// (pid_namespaces(7)), as in a container; see CanInit.
	Init bool
	User *User // it runs as, and the commands of its verbs; nil: this process's own
	// Scratch is a directory that the guard removes, if this process lets go of the
	// candidate without stopping it: when it is killed. "" for none.
	Scratch  string
	Patience Patience
	// Observe is told what happens to the candidate, in order and by one goroutine, until
	// EventExited. An EventAnswered comes before Ask returns, and all come before Done is
	// closed. It must return soon, and ask, stop and wait for nothing of this process: nothing
	// of the guard is heard until then. nil if nobody wants to know.
	Observe func(Event)
}

// Groups says which control groups (cgroups(7)) may be made to count the candidate's
// CPU time. Where none can be made, as without the rights, the candidate runs without.
type Groups string

// Kinds of Groups: of the version that works here, none, and of one version alone.
const (
	AnyGroup Groups = ""
	NoGroup  Groups = "none"
	GroupV1  Groups = "v1"
	GroupV2  Groups = "v2"
)

// Process is a started candidate with its guard.
type Process struct {
	// Guard is the PID of its guard, which holds it: on Linux everything that the
	// candidate starts descends from the guard as long as it lives, whatever ends.
	Guard int
	// Group is the control group that the candidate and all it starts run in, and
	// nothing else; "" for none. It is removed when the candidate has ended.
	Group proc.Group
	// Started is when it was about to be spawned.
	Started time.Time

	name     string
	log      string
	mark     proc.Mark // of the guard, the candidate and all that it starts
	verbs    map[Verb]Action
	patience Patience
	observe  func(Event)
	main     atomic.Pointer[report] // of the main process; nil until the guard has told
	began    chan struct{}          // has an element when a generation has begun
	asks     asks
	guard    *exec.Cmd
	ended    chan struct{} // closed when the guard has ended
	orders   *os.File
	events   *os.File
	done     chan struct{} // closed when the candidate has ended and everything is reaped
	exit     Exit          // valid when done is closed
}

// Start starts a candidate under a guard. name stands in errors.
func Start(name string, s Spec) (*Process, error) {
	p, err := startGuard(name, s)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	told := reports{bufio.NewReader(p.events)}
	first, err := p.firstReport(told)
	if err != nil {
		p.orders.Close()
		if left := p.clear(first.Kind == eventFailed); left != nil {
			err = fmt.Errorf("%w; %w", err, left)
		}
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	p.Group, p.Started = proc.Group(first.Group), time.Unix(0, first.At)
	p.lead(first)
	go p.wait(first, told)
	return p, nil
}

// lead takes over what a report says of the main process.
func (p *Process) lead(r report) { p.main.Store(&r) }

// PID is that of the candidate's main process, or of the last one. It changes when a main
// process that was asked for Upgrade ends and its successor goes on.
func (p *Process) PID() int { return p.main.Load().PID }

// startGuard starts the guard and tells it what to start.
func startGuard(name string, s Spec) (*Process, error) {
	if len(s.Argv) == 0 {
		return nil, errors.New("empty command")
	}
	verbs, err := s.verbs()
	if err != nil {
		return nil, err
	}
	ordersR, ordersW, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer ordersR.Close()
	eventsR, eventsW, err := os.Pipe()
	if err != nil {
		ordersW.Close()
		return nil, err
	}
	defer eventsW.Close()
	p := &Process{
		name: name, log: s.Log, mark: proc.NewMark(), verbs: verbs, patience: s.Patience.orDefault(), observe: s.Observe,
		orders: ordersW, events: eventsR, began: make(chan struct{}, 1), ended: make(chan struct{}), done: make(chan struct{}),
	}
	if p.observe == nil {
		p.observe = func(Event) {}
	}
	p.guard = exec.Command(s.Guard[0], s.Guard[1:]...)
	p.guard.Env = append(os.Environ(), p.mark.Variable())
	p.guard.ExtraFiles = []*os.File{ordersR, eventsW}
	if s.Listener != nil {
		p.guard.ExtraFiles = append(p.guard.ExtraFiles, s.Listener)
	}
	p.guard.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a terminal's Ctrl-C is not for it
	if s.Log == LogStderr {
		p.guard.Stderr = os.Stderr
	}
	if err := p.spawn(); err != nil {
		ordersW.Close()
		eventsR.Close()
		return nil, fmt.Errorf("guard: %w", err)
	}
	// Where it can't be written the guard does not run, of which firstReport tells.
	_ = p.tell(p.patience.Start, order{
		Argv: s.Argv, Env: append(slices.Clip(s.Env), p.mark.Variable()), Dir: s.Dir, Verbs: verbs, CPUs: s.CPUs, Log: s.Log, Scratch: s.Scratch,
		Groups: s.Groups, Init: s.Init, User: s.User, Death: p.patience.Death, Command: p.patience.Command, Listener: s.Listener != nil, Observed: s.Observe != nil,
	})
	return p, nil
}

// tell sends the guard a line. One that does not run leaves it in the pipe, and once
// that is full it is tried for so long.
func (p *Process) tell(most time.Duration, line any) error {
	_ = p.orders.SetWriteDeadline(time.Now().Add(most))
	return json.NewEncoder(p.orders).Encode(line)
}

// firstReport waits for what the guard says of the start.
func (p *Process) firstReport(told reports) (report, error) {
	_ = p.events.SetReadDeadline(time.Now().Add(p.patience.Start))
	r, err := told.next()
	_ = p.events.SetReadDeadline(time.Time{})
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return r, silent(p.patience.Start)
	case errors.Is(err, errMalformed):
		return r, err
	case err != nil:
		return r, p.fate()
	case r.Kind == eventFailed:
		return r, errors.New(r.Error)
	case r.Kind != EventStarted:
		return report{}, fmt.Errorf("%w: it began with %q", errMalformed, r.Kind)
	}
	return r, nil
}

// Held lists the processes that the guard holds: the candidate and all that it
// started, also what its parents abandoned.
func (p *Process) Held() ([]int, error) { return proc.Held(p.Guard, p.Group) }

// DefaultGrace is how long a server may take to stop when asked.
const DefaultGrace = 10 * time.Second

// ErrNotReady is in the error of Ready when the time is up, with what the probes saw.
var ErrNotReady = errors.New("not ready")

// ErrHopeless in the error of a probe ends the waiting of Ready at once: the
// candidate answers, and wrongly.
var ErrHopeless = errors.New("answers wrongly")

// Ready waits until probe succeeds, and then proves that every socket that
// listens on address belongs to what the guard holds: a server left over
// from somebody else would answer plausibly and wrongly. It fails as soon as the
// candidate ends. It returns the time from spawn to the first success of probe. If ctx ends
// before, the error is its cause alone.
func (p *Process) Ready(ctx context.Context, address string, timeout time.Duration, probe func(context.Context) error) (time.Duration, error) {
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	ready := make(chan error, 1)
	go func() { ready <- poll(limited, probe) }()
	select {
	case <-p.done:
		return 0, p.early()
	case err := <-ready:
		switch {
		case err != nil && ctx.Err() != nil:
			return 0, context.Cause(ctx)
		case errors.Is(err, ErrHopeless):
			return 0, p.failure(err)
		case err != nil:
			return 0, p.failure(fmt.Errorf("%w in %v: %w", ErrNotReady, timeout.Round(time.Millisecond), err))
		}
	}
	took := time.Since(p.Started)
	if err := p.OwnsSocket(address); err != nil {
		select { // whose guard has just ended owns nothing any more
		case <-p.done:
			return 0, p.early()
		case <-time.After(lastMoment):
			return 0, p.failure(err)
		}
	}
	return took, nil
}

// lastMoment is how long it may take at most until the end of a candidate is known.
const lastMoment = 500 * time.Millisecond

// early is that the candidate has ended and was not ready.
func (p *Process) early() error {
	return p.failure(fmt.Errorf("ended before it was ready: %s", p.exit))
}

// poll calls probe each ms until it succeeds or ctx ends; the error then tells what the
// probes saw.
func poll(ctx context.Context, probe func(context.Context) error) error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	var saw sight
	for {
		began := time.Now()
		err := probe(ctx)
		if err == nil || errors.Is(err, ErrHopeless) {
			return err
		}
		saw.add(err, began)
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
		if ctx.Err() != nil {
			return saw.tell(time.Now())
		}
	}
}

// sight is what probes saw: the last error that was not for their own end, and since when
// they waited for nothing.
type sight struct {
	last   error
	silent time.Time // zero: the last probe saw something
}

// add takes the error of a probe that began then.
func (s *sight) add(err error, began time.Time) {
	switch {
	case !isOwnEnd(err):
		s.last, s.silent = err, time.Time{}
	case s.silent.IsZero():
		s.silent = began
	}
}

// isOwnEnd tells whether a probe was ended by its context or a deadline, and not by what
// the candidate did.
func isOwnEnd(err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// errSilent is that no probe saw anything.
var errSilent = errors.New("no reply in time")

// tell sums up what was seen until now.
func (s *sight) tell(now time.Time) error {
	switch {
	case s.last == nil:
		return errSilent
	case s.silent.IsZero():
		return s.last
	}
	return fmt.Errorf("%w, then no reply for %v", s.last, now.Sub(s.silent).Round(time.Millisecond))
}

// failure adds the end of the candidate's log to an error.
func (p *Process) failure(err error) error {
	if tail := LogTail(p.log, 5); tail != "" {
		err = fmt.Errorf("%w; its log ends:\n%s", err, tail)
	}
	return err
}
