package handover

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// Config says what a supervisor supervises. The zero value of a field is its default.
type Config struct {
	// Argv is the program of the workers and its arguments; nil is this program with its
	// own. A relative path is looked up when the supervisor starts, the file itself each
	// time a worker does: a new version is put in the place of the old one.
	Argv []string
	Env  []string // nil: that of this process
	Dir  string   // "": that of this process
	// Listeners are TCP or Unix sockets that listen. The supervisor does not close them;
	// it has descriptors of its own, until it stops.
	Listeners []net.Listener
	Workers   int // 1

	Ready time.Duration // how long a worker may take until it is ready: 15 s
	Drain time.Duration // how long its connections may take to end: 10 s
	Grace time.Duration // how long it may take to end after that, before it is killed: 10 s

	Restart Restart
	// Output takes what workers write to standard output and standard error, several at a
	// time; nil: this process's standard error.
	Output io.Writer
	// Tell, if not nil, is told what happens. It must return soon,
	// and not ask anything of the supervisor.
	Tell func(Event)

	start starter // of a worker; tests have their own
}

// Restart says how workers are started again that ended unasked.
type Restart struct {
	First time.Duration // how long the first start again waits, twice as long each time: 100 ms
	Most  time.Duration // the longest wait: 5 s
	// The supervisor gives up at the first end beyond Limit (5) within Window (1 min).
	Limit  int
	Window time.Duration
}

// wait is how long to wait after the nth end in the window, from 1.
func (r Restart) wait(n int) time.Duration {
	wait := r.First
	for ; n > 1 && wait < r.Most; n-- {
		wait *= 2
	}
	return min(wait, r.Most)
}

// completed is c with its defaults, or what is wrong with it.
func (c Config) completed() (Config, error) {
	c.Workers = cmp.Or(c.Workers, 1)
	c.Ready = cmp.Or(c.Ready, 15*time.Second)
	c.Drain = cmp.Or(c.Drain, 10*time.Second)
	c.Grace = cmp.Or(c.Grace, 10*time.Second)
	c.Restart.First = cmp.Or(c.Restart.First, 100*time.Millisecond)
	c.Restart.Most = cmp.Or(c.Restart.Most, 5*time.Second)
	c.Restart.Limit = cmp.Or(c.Restart.Limit, 5)
	c.Restart.Window = cmp.Or(c.Restart.Window, time.Minute)
	if c.Output == nil {
		c.Output = os.Stderr
	}
	if c.Tell == nil {
		c.Tell = func(Event) {}
	}
	if c.Argv == nil {
		c.Argv = os.Args
	}
	switch {
	case len(c.Argv) == 0:
		return c, errors.New("handover: no program")
	case c.Workers < 0:
		return c, fmt.Errorf("handover: %d workers", c.Workers)
	case c.Ready < 0 || c.Drain < 0 || c.Grace < 0 || c.Restart.First < 0 || c.Restart.Most < 0 || c.Restart.Window < 0:
		return c, errors.New("handover: a negative time")
	case c.Restart.Limit < 0:
		return c, fmt.Errorf("handover: a limit of %d restarts", c.Restart.Limit)
	}
	if c.start != nil {
		return c, nil
	}
	return c, c.lookUp()
}

// lookUp makes the program's path absolute.
func (c *Config) lookUp() error {
	path, err := exec.LookPath(c.Argv[0])
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return fmt.Errorf("handover: %w", err)
	}
	c.Argv = append([]string{path}, c.Argv[1:]...)
	return nil
}

// Event is something that happened to a worker, or to the supervisor.
type Event struct {
	Time       time.Time
	Kind       Kind
	Worker     int // -1: the supervisor
	Generation int
	PID        int
	Err        error         // of an end or a failure
	Wait       time.Duration // of a restart
}

// Kind is the kind of an event.
type Kind string

// Kinds of events. Every process that started ends.
const (
	Started   Kind = "started"
	Ready     Kind = "ready"
	Draining  Kind = "draining"
	Ended     Kind = "ended"     // Err is how, unless it was asked to and exited with 0
	Killed    Kind = "killed"    // it is about to be, because of Err
	Restarts  Kind = "restarts"  // in Wait, after an end that nobody asked for
	GivingUp  Kind = "giving up" // the supervisor stops all workers because of Err
	Completed Kind = "completed" // what was asked: all workers are of the generation
	Failed    Kind = "failed"    // what was asked, because of Err; the old ones serve on
)
