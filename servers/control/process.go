package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
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
	// Scratch is a directory that the guard removes, if this process lets go of the
	// candidate without stopping it: when it is killed. "" for none.
	Scratch string
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
	// PID of the candidate's main process.
	PID int
	// Guard is the PID of its guard, which holds it: on Linux everything that the
	// candidate starts descends from the guard as long as it lives, whatever ends.
	Guard int
	// Group is the control group that the candidate and all it starts run in, and
	// nothing else; "" for none. It is removed when the candidate has ended.
	Group proc.Group
	// Started is when it was about to be spawned.
	Started time.Time

	name   string
	log    string
	guard  *exec.Cmd
	orders io.WriteCloser
	done   chan struct{} // closed when the candidate has ended and everything is reaped
	exit   Exit          // valid when done is closed
}

// Exit tells how a candidate ended.
type Exit struct {
	Code    int            // exit code, -1 if ended by a signal
	Signal  syscall.Signal // 0 if it exited by itself
	Escaped int            // descendants that it left behind, which were killed
	Killed  bool           // it did not stop when asked
}

// String says it in words.
func (e Exit) String() string {
	s := fmt.Sprintf("exit status %d", e.Code)
	if e.Signal != 0 {
		s = "ended by signal: " + e.Signal.String()
	}
	if e.Escaped > 0 {
		s += fmt.Sprintf(", leaving %d processes behind, which were killed (a server under test must stay in the foreground)", e.Escaped)
	}
	return s
}

// Start starts a candidate under a guard. name stands in errors.
func Start(name string, s Spec) (*Process, error) {
	p, events, err := startGuard(name, s)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	first, err := p.firstEvent(events)
	if err != nil {
		p.orders.Close()
		_ = p.guard.Wait()
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	p.PID, p.Group, p.Started = first.PID, proc.Group(first.Group), time.Unix(0, first.At)
	go p.wait(events)
	return p, nil
}

func startGuard(name string, s Spec) (*Process, *json.Decoder, error) {
	if len(s.Argv) == 0 {
		return nil, nil, errors.New("empty command")
	}
	ordersR, ordersW, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	defer ordersR.Close()
	eventsR, eventsW, err := os.Pipe()
	if err != nil {
		ordersW.Close()
		return nil, nil, err
	}
	defer eventsW.Close()
	guard := exec.Command(s.Guard[0], s.Guard[1:]...)
	guard.ExtraFiles = []*os.File{ordersR, eventsW}
	if s.Listener != nil {
		guard.ExtraFiles = append(guard.ExtraFiles, s.Listener)
	}
	guard.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a terminal's Ctrl-C is not for it
	if s.Log == LogStderr {
		guard.Stderr = os.Stderr
	}
	if err := guard.Start(); err != nil {
		ordersW.Close()
		eventsR.Close()
		return nil, nil, fmt.Errorf("guard: %w", err)
	}
	p := &Process{Guard: guard.Process.Pid, name: name, log: s.Log, guard: guard, orders: ordersW, done: make(chan struct{})}
	err = json.NewEncoder(ordersW).Encode(order{
		Argv: s.Argv, Env: s.Env, Dir: s.Dir, Verbs: s.Verbs, CPUs: s.CPUs, Log: s.Log, Scratch: s.Scratch, Groups: s.Groups, Listener: s.Listener != nil,
	})
	if err != nil {
		ordersW.Close()
		_ = guard.Wait()
		return nil, nil, fmt.Errorf("guard: %w", err)
	}
	return p, json.NewDecoder(eventsR), nil
}

func (p *Process) firstEvent(events *json.Decoder) (event, error) {
	var e event
	if err := events.Decode(&e); err != nil {
		return e, fmt.Errorf("guard ended: %w", err)
	}
	if e.Kind == eventFailed {
		return e, errors.New(e.Error)
	}
	return e, nil
}

// wait owns the end of the process: it is the only one that writes exit.
func (p *Process) wait(events *json.Decoder) {
	var e event
	if err := events.Decode(&e); err != nil {
		e = event{Code: -1, Signal: int(syscall.SIGKILL)} // the guard itself was killed
	}
	p.exit.Code, p.exit.Signal, p.exit.Escaped = e.Code, syscall.Signal(e.Signal), e.Escaped
	_ = p.guard.Wait()
	_ = p.Group.End() // what a killed guard left
	close(p.done)
}

// Held lists the processes that the guard holds: the candidate and all that it
// started, also what its parents abandoned.
func (p *Process) Held() ([]int, error) { return proc.Held(p.Guard, p.Group) }

// Done is closed when the candidate has ended and all its processes are reaped.
func (p *Process) Done() <-chan struct{} { return p.done }

// Exit tells how the candidate ended. It may be called once Done is closed.
func (p *Process) Exit() Exit { return p.exit }

// Ask sends a verb to the running candidate.
func (p *Process) Ask(v Verb) error {
	if err := json.NewEncoder(p.orders).Encode(v); err != nil {
		return fmt.Errorf("%s %s: %w", v, p.name, err)
	}
	return nil
}

// Stop asks the candidate to stop gracefully, waits at most grace, and then kills
// everything that is left. It returns when all of it is reaped.
func (p *Process) Stop(ctx context.Context, grace time.Duration) Exit {
	_ = p.Ask(StopGraceful) // if it fails, the guard is gone and so is the candidate
	timer := time.NewTimer(grace)
	defer timer.Stop()
	killed := false
	select {
	case <-p.done:
	case <-ctx.Done():
		killed = true
	case <-timer.C:
		killed = true
	}
	p.orders.Close() // the guard kills at the end of the pipe
	<-p.done
	exit := p.exit
	exit.Killed = killed
	return exit
}

// Kill ends the candidate and everything it started at once.
func (p *Process) Kill() {
	p.orders.Close()
	<-p.done
}

// DefaultGrace is how long a server may take to stop when asked.
const DefaultGrace = 10 * time.Second

// ErrNotReady is returned by Ready when the time is up.
var ErrNotReady = errors.New("not ready in time")

// ErrHopeless in the error of a probe ends the waiting of Ready at once: the
// candidate answers, and wrongly.
var ErrHopeless = errors.New("answers wrongly")

// Ready waits until probe succeeds, and then proves that every socket that
// listens on address belongs to what the guard holds: a server left over
// from somebody else would answer plausibly and wrongly. It fails as soon as the
// candidate ends. It returns the time from spawn to the first success of probe.
func (p *Process) Ready(ctx context.Context, address string, timeout time.Duration, probe func(context.Context) error) (time.Duration, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, ErrNotReady)
	defer cancel()
	ready := make(chan error, 1)
	go func() { ready <- poll(ctx, probe) }()
	select {
	case <-p.done:
		return 0, p.failure(fmt.Errorf("ended before it was ready: %s", p.exit))
	case err := <-ready:
		if err != nil {
			return 0, p.failure(err)
		}
	}
	took := time.Since(p.Started)
	if err := p.ownsSocket(address); err != nil {
		return 0, p.failure(err)
	}
	return took, nil
}

// poll calls probe each ms until it succeeds or ctx ends; the error then tells
// what the last probe saw.
func poll(ctx context.Context, probe func(context.Context) error) error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		err := probe(ctx)
		if err == nil || errors.Is(err, ErrHopeless) {
			return err
		}
		if ctx.Err() == nil || last == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), last)
		case <-tick.C:
		}
	}
}

// failure adds the end of the candidate's log to an error.
func (p *Process) failure(err error) error {
	if tail := LogTail(p.log, 5); tail != "" {
		err = fmt.Errorf("%w; its log ends:\n%s", err, tail)
	}
	return err
}

// FreeAddress finds a loopback port that nothing listens on now. Ready proves
// later that nobody else took it.
func FreeAddress() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}
