package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/benchctl/benchctl/bench/measure"
	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/control"
	"github.com/benchctl/benchctl/servers/process/daemon"
	"github.com/benchctl/benchctl/servers/process/privileges"
	"github.com/benchctl/benchctl/servers/service"
)

// serviceFlags are the flags of "benchctl serve" that make a service of a server.
type serviceFlags struct {
	supervised, daemon, reusePort bool
	log, pidfile, name, stateDir  string
	user, group, umask            string
	startTimeout, drain           time.Duration
	workers                       int

	changed func(flag string) bool
}

// stateDirUsage is the help of --state-dir.
const stateDirUsage = "directory with what is known of services (default by user, see the documentation)"

// isService tells whether a flag or the profile asks for one.
func (f serviceFlags) isService(c servers.Candidate) bool {
	for _, flag := range []string{"supervised", "daemon", "pidfile", "name", "workers", "drain", "user", "group", "reuse-port"} {
		if f.changed(flag) {
			return true
		}
	}
	return c.Server.Engine != nil && c.Profile == servers.Supervised
}

// check tells what of the flags does not fit.
func (f serviceFlags) check(c servers.Candidate) error {
	if f.umask != "" {
		if _, err := strconv.ParseUint(f.umask, 8, 9); err != nil {
			return fmt.Errorf("--umask: %q is not of the form 027, three octal digits", f.umask)
		}
	}
	if f.name != "" {
		if err := service.CheckName(f.name); err != nil {
			return fmt.Errorf("--name: %w", err)
		}
	}
	switch manifest := c.Server.Manifest != nil; {
	case f.workers < 1:
		return fmt.Errorf("--workers: there is at least one, not %d", f.workers)
	case f.drain < 0 || f.startTimeout <= 0:
		return errors.New("--drain and --start-timeout: times are not negative, and a start takes one")
	case f.log != "" && !f.daemon:
		return errors.New("--log is of a daemon; output is yours to redirect")
	case f.group != "" && f.user == "":
		return errors.New("--group goes with --user")
	case manifest && (f.user != "" || f.group != ""):
		return errors.New("--user and --group: a server that is its own program is started as a user: name it with --run-as")
	case manifest && f.reusePort:
		return errors.New("--reuse-port: the server opens its socket itself")
	}
	return f.checkUser()
}

// checkUser tells whether the user exists.
func (f serviceFlags) checkUser() error {
	if f.user == "" {
		return nil
	}
	_, err := privileges.Lookup(f.user, f.group)
	return err
}

// become drops privileges for the user of the flags, or proves that they are.
func (f serviceFlags) become() error {
	if f.user == "" {
		return nil
	}
	t, err := privileges.Lookup(f.user, f.group)
	if err != nil {
		return err
	}
	return privileges.Drop(t)
}

// serveService runs the server as a service.
func (e env) serveService(ctx context.Context, c servers.Candidate, user *control.User, f serveFlags) error {
	if f.umask != "" {
		mask, _ := strconv.ParseUint(f.umask, 8, 9)
		syscall.Umask(int(mask))
	}
	dir, err := os.Getwd()
	if err != nil {
		return unable(err)
	}
	say := func(line string) { e.say("benchctl: serve %s: %s", c.Name, line) }
	s := service.Service{
		Pidfile: f.pidfile, Background: f.daemon, Say: say,
		Daemon: daemon.Options{Dir: dir, Log: f.log, Limit: f.startTimeout}, // its paths are those of who starts it
		Serves: func(address string) { fmt.Fprintf(e.stderr, "%s serves %s\n", c.Name, address) },
	}
	if c.Server.Engine != nil {
		if f.user == "" && user != nil {
			f.user = user.Name
		}
		s.User, s.Group = f.user, f.group
		s.Server, err = e.workersOf(c, f, say)
	} else {
		s.Server, err = e.candidateOf(ctx, c, user, f, say)
	}
	if err != nil {
		return err
	}
	if s.Control, err = f.control(c, dir); err != nil {
		return err
	}
	if s.Run(ctx) != nil {
		return &failure{code: exitEnvironment} // all has been said
	}
	return nil
}

// workersOf are the workers of a Go engine, each of which is this command with less flags.
func (e env) workersOf(c servers.Candidate, f serveFlags, say func(string)) (*service.Workers, error) {
	w := &service.Workers{
		Listen: f.specs(), ReusePort: f.reusePort, Count: f.workers, Drain: f.drain, Say: say,
		Program: service.Program(os.Args[0], e.executable), Args: f.workerArgs(c),
	}
	if f.listenerFD == 0 {
		w.Before = func() { e.warnOf(measure.Leftovers()) }
		return w, nil
	}
	ln, err := servers.Listener(f.listenerFD)
	if err != nil {
		return nil, unable(err)
	}
	w.Listener = ln
	return w, nil
}

// workerArgs are the arguments of a worker.
func (f serveFlags) workerArgs(c servers.Candidate) []string {
	args := []string{"serve", "--server=" + c.Served()}
	if f.app != "" {
		args = append(args, "--app="+f.app)
	}
	if f.mounts != "" {
		args = append(args, "--mounts="+f.mounts)
	}
	if f.spin > 0 {
		args = append(args, fmt.Sprintf("--spin=%d", f.spin))
	}
	if f.lint != "" {
		args = append(args, "--lint="+f.lint)
	}
	if f.user != "" {
		args = append(args, "--user="+f.user)
	}
	if f.group != "" {
		args = append(args, "--group="+f.group)
	}
	return args
}

// candidateOf is a server of a manifest.
func (e env) candidateOf(ctx context.Context, c servers.Candidate, user *control.User, f serveFlags, say func(string)) (*service.Candidate, error) {
	free, err := f.free(ctx)
	if err != nil {
		return nil, err
	}
	served, app, err := f.stack()
	if err != nil {
		return nil, err
	}
	log := control.LogStderr
	if f.daemon && f.log == "" {
		log = "" // a file of its own, of which errors tell
	}
	return &service.Candidate{
		Candidate: c, Grace: f.drain, Say: say,
		Launch: servers.Launch{
			Guard: []string{e.executable, guardCommand}, Address: free, App: app, Stack: served, Workers: f.workers, Log: log, Env: f.env, User: user,
		},
		Await: func(ctx context.Context, p *control.Process, address string) error {
			e.tellRoot(c, user) // here, as the launcher of a daemon comes by above too
			e.warnOf(measure.Leftovers())
			return f.await(ctx, c, p, address)
		},
	}, nil
}

// control is how the service is asked by name. What benchctl has started for itself, and
// what is to have no name, is not.
func (f serveFlags) control(c servers.Candidate, dir string) (*service.Control, error) {
	name := f.name
	if !f.changed("name") && f.listenerFD == 0 {
		name = c.Server.Name
	}
	if name == "" {
		return nil, nil
	}
	state, err := f.dir()
	if err != nil {
		return nil, err
	}
	return &service.Control{
		Dir: state, Name: name, Of: c.Name, Command: service.Command{Dir: dir, Args: os.Args[1:]}, User: f.user, Group: f.group,
	}, nil
}

// dir is the directory of services.
func (f serviceFlags) dir() (service.Dir, error) { return stateDir(f.stateDir) }

func stateDir(flag string) (service.Dir, error) {
	if flag == "" {
		return service.DefaultDir(), nil
	}
	path, err := filepath.Abs(flag)
	return service.Dir(path), unable(err)
}
