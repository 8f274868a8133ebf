package servers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/benchctl/benchctl/apps/stacked"
	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/servers/control"
	"github.com/benchctl/benchctl/servers/external"
	"github.com/benchctl/benchctl/servers/meter"
)

// Launch says where and how a candidate starts.
type Launch struct {
	Benchctl string        // program that serves Go engines
	Guard    []string      // command line of the guard
	Address  string        // host:port to listen on; "" takes a free loopback port
	App      string        // mounted alone; "" mounts the whole suite
	Stack    string        // FILE.ini#NAME, served instead of apps by a server that serves the twins by WSGI; "": none
	Mounts   []stacked.App // with the whole suite
	Workers  int           // processes of a server that forks; 0: 1
	Threads  int           // threads of a worker; 0: DefaultThreads
	CPUs     control.CPUs  // to run on
	Dir      string        // private to the launch, exists; goes with it if this process is killed
	Log      string        // file for the output; "" discards it
	Env      []string      // NAME=VALUE, over what every candidate gets
	// IDs is a file to which the app "ident" appends the id of each request, made if it
	// isn't there; "": none. Servers that answer from their configuration may not do it.
	IDs string
	// Lint is a file to which a Go engine appends the duties that it or an app breaks, as lint.Record
	// writes them; "": none. It is the candidate's user's to write. What is measured must not have it.
	Lint string
	// Meter is a socket on which a Go engine tells its allocations, see package meter; "": it does not.
	Meter   string
	Init    bool                // its main process is process 1 of a pid namespace of its own
	User    *control.User       // to run as, unless the candidate has to be root; nil: this process's own
	Observe func(control.Event) // of control.Spec; nil if nobody wants to know
}

// DefaultThreads is the threads that each worker of a threaded server gets, for
// all servers the same.
const DefaultThreads = 4

// Start starts the candidate and returns its address. It is not ready yet.
func (c Candidate) Start(ctx context.Context, l Launch) (*control.Process, string, error) {
	if err := c.CheckUser(l.User, l.Benchctl); err != nil {
		return nil, "", fmt.Errorf("start %s: %w", c.Name, err)
	}
	l.User = c.RunsAs(l.User)
	if err := l.makeIDs(); err != nil {
		return nil, "", fmt.Errorf("start %s: %w", c.Name, err)
	}
	if c.Server.Manifest != nil {
		return c.startExternal(l)
	}
	return c.startEngine(ctx, l)
}

// startEngine hands the child a socket that listens already: there is no race
// for the port, and nothing but the child can accept on it.
func (c Candidate) startEngine(ctx context.Context, l Launch) (*control.Process, string, error) {
	if l.Address == "" {
		l.Address = "127.0.0.1:0"
	}
	var lc net.ListenConfig
	lc.SetMultipathTCP(false) // plain TCP for every candidate
	ln, err := lc.Listen(ctx, "tcp", l.Address)
	if err != nil {
		return nil, "", fmt.Errorf("start %s: %w", c.Name, err)
	}
	defer ln.Close()
	file, err := ln.(*net.TCPListener).File()
	if err != nil {
		return nil, "", fmt.Errorf("start %s: %w", c.Name, err)
	}
	defer file.Close()
	argv := []string{l.Benchctl, "serve", "--server", c.Served(), "--listener-fd", "3"}
	if c.Profile == Supervised {
		if argv[0], err = l.linkProgram(); err != nil {
			return nil, "", fmt.Errorf("start %s: %w", c.Name, err)
		}
		argv = append(argv, "--supervised", "--workers", strconv.Itoa(max(1, l.Workers)), "--drain", supervisedDrain.String())
	}
	if l.App != "" {
		argv = append(argv, "--app", l.App)
	}
	if l.Lint != "" {
		argv = append(argv, "--lint", l.Lint)
	}
	if len(l.Mounts) > 0 {
		file := filepath.Join(l.Dir, "mounts.json")
		if err := stacked.WriteFile(file, l.Mounts); err != nil {
			return nil, "", fmt.Errorf("start %s: %w", c.Name, err)
		}
		argv = append(argv, "--mounts", file)
	}
	if err := l.User.Own(l.Dir); err != nil {
		return nil, "", fmt.Errorf("start %s: %w", c.Name, err)
	}
	var own []string
	if l.Meter != "" && c.Metered() {
		own = append(own, meter.Env+"="+l.Meter)
	}
	p, err := control.Start(c.Name, control.Spec{
		Command: control.Command{Argv: argv, Env: l.environ(own), Dir: l.Dir, Verbs: actions(c.Server.declared(c.Profile))}, Guard: l.Guard, Listener: file, CPUs: l.CPUs, Init: l.Init, User: l.User, Log: l.Log, Scratch: l.Dir, Observe: l.Observe,
	})
	return p, ln.Addr().String(), err
}

// Metered reports whether the candidate can tell its allocations: it is one process in Go.
func (c Candidate) Metered() bool { return c.Server.Engine != nil && c.Profile != Supervised }

// linkProgram gives the launch a name of its own for the program that serves Go engines.
// Workers are what the name leads to at their start. Of a program that the user can't reach
// it is a copy.
func (l Launch) linkProgram() (string, error) {
	program, err := exec.LookPath(l.Benchctl)
	if err == nil {
		program, err = filepath.Abs(program)
	}
	if err != nil {
		return "", err
	}
	link := filepath.Join(l.Dir, programLink)
	if l.User.Reaches(program) {
		return link, os.Symlink(program, link)
	}
	return link, copyProgram(program, link)
}

// copyProgram copies a program to where nothing is yet.
func copyProgram(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// supervisedDrain is how long connections may take to end in the profile Supervised: less
// than candidates are given to stop.
const supervisedDrain = control.DefaultGrace / 2

// environ is the environment of a candidate whose manifest sets own. Its temporary files
// go with the launch.
func (l Launch) environ(own []string) []string {
	env := control.Environ(l.Dir)
	if l.IDs != "" {
		env = append(env, suite.IDsEnv+"="+l.IDs)
	}
	return slices.Concat(env, l.User.Environ(l.Dir), own, l.Env)
}

// makeIDs makes the file for ids, for servers that give up root's rights too.
func (l Launch) makeIDs() error {
	if l.IDs == "" {
		return nil
	}
	f, err := os.OpenFile(l.IDs, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("file for ids: %w", err)
	}
	defer f.Close()
	if os.Geteuid() != 0 {
		return nil
	}
	return f.Chmod(0o666)
}

func (c Candidate) startExternal(l Launch) (*control.Process, string, error) {
	if l.Address == "" {
		address, err := control.FreeAddress()
		if err != nil {
			return nil, "", err
		}
		l.Address = address
	}
	command, err := c.external(l, external.Launch{User: l.User.String()})
	if err != nil {
		return nil, "", err
	}
	p, err := control.Start(c.Name, control.Spec{Command: command, Guard: l.Guard, CPUs: l.CPUs, Init: l.Init, User: l.User, Log: l.Log, Scratch: l.Dir, Observe: l.Observe})
	return p, l.Address, err
}

// external writes the files of a server that a manifest describes, and says how it is started.
// What m has is not of l.
func (c Candidate) external(l Launch, m external.Launch) (control.Command, error) {
	var none control.Command
	host, port, err := net.SplitHostPort(l.Address)
	if err != nil {
		return none, fmt.Errorf("start %s: %w", c.Name, err)
	}
	if m.Port, err = strconv.Atoi(port); err != nil {
		return none, fmt.Errorf("start %s: port: %w", c.Name, err)
	}
	m.Host, m.Dir, m.Workers, m.Threads, m.App, m.Profile, m.IDs = host, l.Dir, l.Workers, cmp.Or(l.Threads, DefaultThreads), l.App, c.Profile, l.IDs
	m.Stack = l.Stack
	if m.Mounts, err = l.writeTwins(); err != nil {
		return none, fmt.Errorf("start %s: %w", c.Name, err)
	}
	command, err := c.Server.Manifest.Command(m)
	if err != nil {
		return none, err
	}
	if err := l.User.Own(l.Dir); err != nil {
		return none, fmt.Errorf("start %s: %w", c.Name, err)
	}
	command.Env = l.environ(command.Env)
	return command, nil
}

// Listener returns the listening socket that this process was handed as a file
// descriptor.
func Listener(fd int) (net.Listener, error) {
	file := os.NewFile(uintptr(fd), "listener")
	if file == nil {
		return nil, fmt.Errorf("listener: %d is not a file descriptor", fd)
	}
	defer file.Close()
	ln, err := net.FileListener(file)
	if err != nil {
		return nil, fmt.Errorf("listener: file descriptor %d: %w", fd, err)
	}
	return ln, nil
}
