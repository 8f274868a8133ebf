package audit

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/benchctl/benchctl/apps/conform"
	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/control"
	"github.com/benchctl/benchctl/servers/control/proc"
)

// scene is one start of a candidate: its files, its command, and what runs of it.
type scene struct {
	*subject
	user    *control.User // that starts it; nil: this process's own
	address string
	pidfile string // its path; "" if it is started without
	dir     string
	command control.Command
	app     suite.Instance
	process *control.Process // under the guard; nil: nothing runs
	own     []int            // processes of the stage
}

// setting is how a scene differs from others.
type setting struct {
	use     []control.Facility
	address string // "": a free one
	pidfile string // of another scene; "": its own
	root    bool   // root starts it, and it is to become the target
}

// prepare writes the files of a start. Strike is due then, also if it fails.
func (s *subject) prepare(set setting) (*scene, error) {
	sc := &scene{subject: s, user: s.runsAs(), address: set.address, pidfile: set.pidfile}
	var err error
	if sc.app, err = first(s.candidate); err != nil {
		return sc, err
	}
	if sc.dir, err = control.MakeTemp(); err != nil {
		return sc, err
	}
	with := servers.With{Use: set.use}
	if set.root {
		sc.user = nil
		if with.User, with.Group, err = s.target(); err != nil {
			return sc, err
		}
	}
	if sc.address == "" {
		if sc.address, err = control.FreeAddress(); err != nil {
			return sc, err
		}
	}
	if slices.Contains(set.use, control.Pidfile) {
		if sc.pidfile == "" {
			sc.pidfile = filepath.Join(sc.dir, "run", "server.pid")
		}
		with.Pidfile = sc.pidfile
	}
	if err := os.Mkdir(filepath.Join(sc.dir, "run"), 0o755); err != nil {
		return sc, err
	}
	sc.command, err = s.candidate.Command(servers.Launch{
		Benchctl: s.audit.Benchctl, Address: sc.address, App: sc.app.String(), Workers: 1, Dir: sc.dir, Env: s.audit.Env, User: sc.user,
	}, with)
	return sc, err
}

// start starts a command of the scene under a guard. Handed is its descriptor 3, nil for none,
// and log the file for its output.
func (sc *scene) start(command control.Command, handed *os.File, log string) (err error) {
	sc.process, err = control.Start(sc.candidate.Name, control.Spec{
		Command: command, Guard: sc.audit.Guard, Listener: handed, User: sc.user, Log: filepath.Join(sc.dir, log), Scratch: sc.dir,
	})
	return err
}

// strike ends all that was started, and removes the files.
func (sc *scene) strike() {
	if sc.process != nil {
		sc.process.Kill()
		sc.left = append(sc.left, sc.process.Exit().Left)
		sc.process = nil
	}
	if sc.dir != "" {
		sc.left = append(sc.left, os.RemoveAll(sc.dir))
		sc.dir = ""
	}
}

// failure adds the end of the launcher's output to an error.
func (sc *scene) failure(err error) error {
	for _, log := range []string{launcherLog, stageLog} {
		if tail := control.LogTail(filepath.Join(sc.dir, log), 5); tail != "" {
			return fmt.Errorf("%w; its output ends: %s", err, strings.ReplaceAll(tail, "\n", "; "))
		}
	}
	return err
}

// answers tells whether the server answers rightly now.
func (sc *scene) answers(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return conform.Probe(limited, sc.address, sc.app)
}

// up waits until the server answers, and proves that it is this one.
func (sc *scene) up(ctx context.Context) error {
	err := sc.await(ctx, "it does not answer rightly", func() (bool, error) {
		if sc.gone() {
			return false, errors.New("nothing of it runs any more")
		}
		return sc.answers(ctx) == nil, nil
	})
	if err == nil {
		err = sc.process.OwnsSocket(sc.address)
	}
	if err != nil {
		err = sc.failure(err)
	}
	return err
}

// Rest is a server's whose threads were not seen to run for so long. Those that do not rest
// are waited for so long.
const (
	rest     = 500 * time.Millisecond
	restless = 5 * time.Second
)

// settles waits until the server is at rest: it may answer before its start is over, and take
// no verb until then, or have its rights still.
func (sc *scene) settles(ctx context.Context) error {
	began, still := time.Now(), time.Now()
	return sc.await(ctx, "it does not rest", func() (bool, error) {
		all, err := sc.running()
		if slices.ContainsFunc(all, proc.Runs) {
			still = time.Now()
		}
		return time.Since(still) > rest || time.Since(began) > restless, err
	})
}

// gone tells whether nothing of the server runs any more.
func (sc *scene) gone() bool {
	select {
	case <-sc.process.Done():
		return true
	default:
		return false
	}
}

// lateError is that something was waited for in vain, for as long as patience.
type lateError string

func (e lateError) Error() string { return fmt.Sprintf("%s within %v", string(e), patience) }

// await waits until something is so; late is its error if it is not in time. It is for what
// no event tells: the acts of processes that are no children of this one.
func (sc *scene) await(ctx context.Context, late lateError, so func() (bool, error)) error {
	limited, cancel := context.WithTimeoutCause(ctx, patience, late)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		is, err := so()
		if is || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-limited.Done():
			return context.Cause(limited)
		}
	}
}

// running are the living processes of the server.
func (sc *scene) running() ([]int, error) {
	held, err := sc.process.Held()
	return slices.DeleteFunc(held, func(pid int) bool { return slices.Contains(sc.own, pid) || !proc.Alive(pid) }), err
}

// ends waits until no process of the server is left.
func (sc *scene) ends(ctx context.Context) error {
	return sc.await(ctx, "it does not end", func() (bool, error) {
		if sc.gone() {
			return true, nil
		}
		all, err := sc.running()
		return len(all) == 0, err
	})
}

// ask asks the server, whose main process is known, for a verb.
func (sc *scene) ask(ctx context.Context, verb control.Verb, main int) error {
	action, offered := sc.command.Verbs[verb]
	switch {
	case !offered:
		return control.ErrNotOffered
	case action.Signal != 0:
		return syscall.Kill(main, action.Signal)
	}
	_, err := sc.process.Ask(ctx, verb)
	return err
}

// main is the process that the pidfile names.
func (sc *scene) main() (int, error) {
	text, err := os.ReadFile(sc.pidfile)
	if err != nil {
		return 0, err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid <= 1 {
		return 0, fmt.Errorf("it has no number of a process: %q", text[:min(len(text), 40)])
	}
	return pid, nil
}

// port is that of the address.
func (sc *scene) port() (int, error) {
	_, port, err := net.SplitHostPort(sc.address)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(port)
}

// inodes are the sockets that listen on the port.
func (sc *scene) inodes() ([]string, error) {
	port, err := sc.port()
	if err != nil {
		return nil, err
	}
	return proc.ListenerInodes(port)
}

// first is the first app of the suite that the candidate carries.
func first(c servers.Candidate) (suite.Instance, error) {
	for _, name := range suite.Names() {
		if c.Carries(name) {
			return suite.Parse(name)
		}
	}
	return suite.Instance{}, errors.New("it carries no app")
}
