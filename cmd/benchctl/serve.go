package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/stack"
	"github.com/benchctl/benchctl/apps/stack/files"
	"github.com/benchctl/benchctl/apps/stacked"
	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/bench/harness"
	"github.com/benchctl/benchctl/bench/measure"
	"github.com/benchctl/benchctl/internal/misuse"
	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/control"
	"github.com/benchctl/benchctl/servers/meter"
	"github.com/benchctl/benchctl/servers/process/drain"
	"github.com/benchctl/benchctl/servers/process/handover"
	"github.com/benchctl/benchctl/servers/process/listen"
	"github.com/benchctl/benchctl/servers/service"
)

type serveFlags struct {
	server, app, address string
	listen               []string
	mounts, layers       string
	serverDirs, env      []string
	runAs                string
	listenerFD           int
	spin                 int
	lint                 string
	serviceFlags
}

func serveCommand(e env) *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "serve --server S",
		Short: "Serve the test apps with one server, in the foreground or as a service",
		Long: `Serve the test apps with one server, in the foreground or as a service.

A Go engine as a service has a supervisor, which keeps the sockets, and workers, which
serve. HUP reloads and USR2 upgrades: new workers take the place of the old ones and no
request is lost. TTIN and TTOU start and stop a worker. TERM and INT stop when requests
under way are answered. QUIT, and a second TERM, stop at once. A server of a manifest as a
service has the verbs that its manifest declares, and those of its signals alike.

Any of --supervised, --daemon, --pidfile, --name, --workers, --drain, --user, --group,
--reuse-port makes a service. "benchctl ctl" asks services by name.`,
		Example: "  benchctl serve --server fasthttp\n  benchctl serve --server gunicorn-gthread --app hello --addr 127.0.0.1:8000\n  benchctl serve --server hertz --daemon --pidfile hertz.pid --workers 2\n  benchctl serve --server nethttp --listen systemd --supervised",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.changed = cmd.Flags().Changed
			return e.serve(cmd.Context(), f)
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&f.server, "server", "", "server, see benchctl list servers; with layers around all apps, as fasthttp+compress+etag")
	fs.StringVar(&f.app, "app", "", "serve only this app, or the stack of FILE[#NAME] (default all apps)")
	fs.StringVar(&f.address, "addr", "127.0.0.1:8080", "address to listen on")
	fs.StringArrayVar(&f.listen, "listen", nil, "socket to listen on, instead of --addr: tcp:HOST:PORT, unix:PATH, fd:N, systemd or systemd:NAME; may be repeated")
	fs.StringArrayVar(&f.serverDirs, "server-dir", nil, "directory with manifests of further servers; may be repeated")
	fs.StringArrayVar(&f.env, "env", nil, "NAME=VALUE for the environment of a server that is not a Go engine; may be repeated")
	fs.StringVar(&f.runAs, "run-as", "", runAsUsage)
	fs.IntVar(&f.spin, "spin", 0, "add this many steps of arithmetic, about 1 ns each, to each request of a Go engine, to test what a measurement can resolve")
	fs.StringVar(&f.lint, "lint", "", "append the duties that a Go engine or an app breaks to this file, as lines of JSON")
	_ = fs.MarkHidden("lint") // for verify --lint
	fs.IntVar(&f.listenerFD, "listener-fd", 0, "listen on this inherited file descriptor, instead of --addr")
	fs.StringVar(&f.mounts, "mounts", "", "serve the apps of this file beside the others, as benchctl run writes it")
	_ = fs.MarkHidden("mounts") // it is there
	f.define(fs)
	return cmd
}

// define adds the flags of services.
func (f *serviceFlags) define(fs *pflag.FlagSet) {
	fs.BoolVar(&f.supervised, "supervised", false, "run as a service in the foreground")
	fs.BoolVar(&f.daemon, "daemon", false, "run as a service in the background; exit when it serves, or report why it does not")
	fs.StringVar(&f.log, "log", "", "with --daemon: append output to this file (default none)")
	fs.DurationVar(&f.startTimeout, "start-timeout", 90*time.Second, "with --daemon: time limit of the start")
	fs.StringVar(&f.pidfile, "pidfile", "", "write the process number to this file; refuse to start if its process is alive, replace a stale file")
	fs.StringVar(&f.name, "name", "", `name of the service, for benchctl ctl (default the server's; "" without --daemon for none)`)
	fs.StringVar(&f.stateDir, "state-dir", "", stateDirUsage)
	fs.StringVar(&f.user, "user", "", "user of a Go engine once its sockets are open (default that of --run-as)")
	fs.StringVar(&f.group, "group", "", "group for --user (default the user's own)")
	fs.StringVar(&f.umask, "umask", "", "file mode creation mask, octal, such as 027")
	fs.BoolVar(&f.reusePort, "reuse-port", false, "let other processes listen on the port too (SO_REUSEPORT); when one ends, its queued connections are lost")
	fs.IntVar(&f.workers, "workers", 1, "number of processes that serve")
	fs.DurationVar(&f.drain, "drain", 10*time.Second, "time limit for connections to end when a process is stopped or replaced")
}

// serve runs until ctx ends and then stops gracefully.
func (e env) serve(ctx context.Context, f serveFlags) error {
	c, err := f.candidate()
	if err != nil {
		return err
	}
	f.layers = c.Layers
	control.NameSelf("benchctl")
	if err := f.checkServer(ctx, c); err != nil {
		return unable(err)
	}
	worker, err := handover.Inherit()
	if err != nil {
		return unable(fmt.Errorf("serve %s: %w", c.Name, err))
	}
	if worker != nil {
		return e.work(ctx, worker, c, f)
	}
	user, err := f.runsAs(e)
	if err != nil {
		return err
	}
	switch {
	case f.isService(c):
		return e.serveService(ctx, c, user, f)
	case c.Server.Engine != nil:
		return e.serveEngine(ctx, c, user, f)
	}
	return e.serveExternal(ctx, c, user, f)
}

// candidate is the server that is asked for, if all else is asked for rightly.
func (f serveFlags) candidate() (servers.Candidate, error) {
	var none servers.Candidate
	if f.server == "" {
		return none, usage(errors.New("serve: no server: name one with --server, see benchctl list servers"))
	}
	if err := control.CheckEnv(f.env); err != nil {
		return none, usage(fmt.Errorf("serve: --env: %w", err))
	}
	layered, err := f.layered()
	if err != nil {
		return none, usage(fmt.Errorf("serve: %w", err))
	}
	choice, err := servers.Find(f.serverDirs, []string{f.server})
	if err != nil {
		return none, failed(err)
	}
	if len(choice.Candidates) != 1 || !choice.Named[0] {
		return none, usage(fmt.Errorf("serve: %q is a group, not a server", f.server))
	}
	c := choice.Candidates[0]
	if err := cmp.Or(f.checkStack(c, layered), f.checkListen(c), f.checkNative(c), f.check(c)); err != nil {
		return none, usage(fmt.Errorf("serve %s: %w", c.Name, err))
	}
	return c, nil
}

// layered reports whether the app that is asked for has layers. An error is that there is no such app.
func (f serveFlags) layered() (bool, error) {
	switch {
	case f.app == "":
		return false, nil
	case stacked.IsFile(f.app):
		_, _, err := stacked.Open(f.app)
		return true, err
	}
	app, err := stacked.Parse(f.app)
	return app.Stacked(), err
}

// checkServer tells what is missing here for the server, and for a stack on it.
func (f serveFlags) checkServer(ctx context.Context, c servers.Candidate) error {
	err := c.Server.Check(ctx)
	if err == nil && stacked.IsFile(f.app) && c.Server.Manifest != nil {
		err = c.Server.Manifest.CheckStacks(ctx)
	}
	return err
}

// checkStack tells what keeps a server from serving layers, if there are any.
func (f serveFlags) checkStack(c servers.Candidate, layered bool) error {
	file, _, _ := strings.Cut(f.app, "#")
	switch {
	case !layered || c.Server.Manifest == nil || strings.EqualFold(filepath.Ext(file), "."+files.INI):
		return nil
	case !stacked.IsFile(f.app):
		return fmt.Errorf("app %s: servers that are no Go engines carry the layers of a file alone", f.app)
	}
	return &misuse.Error{
		Err:    fmt.Errorf("app %s: a server of a manifest serves stacks of files of Paste Deploy", f.app),
		Remedy: "convert it with: benchctl stack convert " + shellQuote(f.app) + " --to " + files.INI,
	}
}

// stack is the file of the stack that is asked for, for processes in other directories, and the app
// that is asked for by its name; "" for the other one.
func (f serveFlags) stack() (served, app string, err error) {
	if !stacked.IsFile(f.app) {
		return "", f.app, nil
	}
	file, name, named := strings.Cut(f.app, "#")
	path, err := filepath.Abs(file)
	if named {
		path += "#" + name
	}
	return path, "", unable(err)
}

// checkListen tells what is wrong with the sockets that are asked for.
func (f serveFlags) checkListen(c servers.Candidate) error {
	if f.listen != nil && f.changed("addr") {
		return errors.New("--addr and --listen say where to listen: give one of them")
	}
	for _, spec := range f.specs() {
		kind, _, _ := strings.Cut(spec, ":")
		inherited := kind == "fd" || kind == "systemd"
		switch err := listen.Check(spec); {
		case err != nil && f.listen == nil:
			return &misuse.Error{Err: err, Remedy: "--addr is of the form host:port, such as 127.0.0.1:8080"}
		case err != nil:
			return err
		case f.daemon && inherited:
			return fmt.Errorf("--listen %s: a daemon has no sockets of who started it: stay in the foreground", spec)
		case c.Server.Manifest != nil && (kind != "tcp" || len(f.listen) > 1):
			return fmt.Errorf("--listen %s: the server opens its socket itself, and gets one of the form tcp:HOST:PORT", spec)
		}
	}
	return nil
}

// checkNative tells which flags are of the contract, where it is left out.
func (f serveFlags) checkNative(c servers.Candidate) error {
	switch {
	case c.Server.Engine == nil || c.Profile != servers.Native:
		return nil
	case f.lint != "":
		return fmt.Errorf("--lint: profile %s does not carry apps by the contract", servers.Native)
	case f.app != "":
		return fmt.Errorf("--app: profile %s serves %s, all of them", servers.Native, strings.Join(c.Apps(), ", "))
	case f.spin > 0:
		return fmt.Errorf("--spin is added to the app contract, which profile %s leaves out", servers.Native)
	}
	return nil
}

// specs are the sockets to listen on, as of package listen.
func (f serveFlags) specs() []string {
	if f.listen != nil {
		return f.listen
	}
	return []string{"tcp:" + f.address}
}

// runsAs is who the server runs as. Who handed a listener on has chosen it, and --user does.
func (f serveFlags) runsAs(e env) (*control.User, error) {
	if f.runAs == "" && (f.listenerFD > 0 || f.user != "") {
		return nil, nil
	}
	return e.runAs("serve", f.runAs)
}

func (e env) serveEngine(ctx context.Context, c servers.Candidate, user *control.User, f serveFlags) error {
	listeners, err := f.listeners(ctx)
	if err != nil {
		return err
	}
	if err := user.Become(); err != nil {
		return unable(fmt.Errorf("serve %s: %w", c.Name, err))
	}
	if f.listenerFD == 0 { // else who handed it on has a directory for the candidate
		remove, err := e.ownTemp()
		if err != nil {
			return unable(fmt.Errorf("serve %s: %w", c.Name, err))
		}
		defer remove()
	}
	if path := os.Getenv(meter.Env); path != "" {
		told, err := meter.Serve(path)
		if err != nil {
			return unable(fmt.Errorf("serve %s: %w", c.Name, err))
		}
		defer told.Close()
	}
	return e.withApp(ctx, c, f, func(serve drain.Serve) error {
		var all []*drain.Listener
		for _, ln := range listeners {
			fmt.Fprintf(e.stderr, "%s serves %s\n", c.Name, service.Address(ln.Addr()))
			all = append(all, drain.New(ln))
		}
		return drain.Run(ctx, drain.Config{}, serve, all...)
	})
}

// ownTemp has the temporary files of this process where they are known to be its own, so
// that a later one removes them if it is killed. What earlier ones have left it removes.
func (e env) ownTemp() (remove func(), err error) {
	e.warnOf(measure.Leftovers())
	dir, err := control.MakeTemp()
	if err != nil {
		return nil, err
	}
	if err := os.Setenv("TMPDIR", dir); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return func() { e.discard(dir) }, nil
}

// work serves on the sockets of a supervisor, as the user that it has become.
func (e env) work(ctx context.Context, w *handover.Worker, c servers.Candidate, f serveFlags) error {
	if err := f.become(); err != nil {
		return unable(fmt.Errorf("serve %s: %w", c.Name, err))
	}
	return e.withApp(ctx, c, f, func(serve drain.Serve) error { return w.Serve(ctx, serve) })
}

// withApp starts the app, has it served, and stops it. Native handlers are their own apps.
func (e env) withApp(ctx context.Context, c servers.Candidate, f serveFlags, do func(drain.Serve) error) (err error) {
	if c.Profile == servers.Native {
		serve, err := c.Server.Behind(nil, c.Server.Native)
		if err == nil {
			err = do(serve)
		}
		return unable(err)
	}
	app, proxy, err := f.mount()
	if err != nil {
		return usage(err)
	}
	serve, err := c.Server.Behind(proxy, func(ctx context.Context, ln *drain.Listener) error { return c.Server.Engine(ctx, ln, app) })
	if err != nil {
		return usage(fmt.Errorf("serve: %w", err))
	}
	if f.spin > 0 {
		app = suite.Spin(app, f.spin)
	}
	if f.lint != "" {
		var done func() error
		if app, done, err = linted(app, f.lint); err != nil {
			return unable(fmt.Errorf("serve %s: --lint: %w", c.Name, err))
		}
		defer func() { err = errors.Join(err, unable(done())) }()
	}
	if starter, ok := app.(apps.Starter); ok {
		if err := starter.Start(ctx); err != nil {
			return unable(fmt.Errorf("serve %s: start app: %w", c.Name, err))
		}
	}
	err = do(serve)
	if stopper, ok := app.(apps.Stopper); ok {
		err = errors.Join(err, stopper.Stop(context.WithoutCancel(ctx)))
	}
	return unable(err)
}

// listeners are the sockets to serve on.
func (f serveFlags) listeners(ctx context.Context) ([]net.Listener, error) {
	if f.listenerFD > 0 {
		ln, err := servers.Listener(f.listenerFD)
		return []net.Listener{ln}, unable(err)
	}
	all, err := listen.Open(ctx, listen.Options{}, f.specs()...)
	if err != nil {
		return nil, f.unfit(err)
	}
	var listeners []net.Listener
	for _, l := range all {
		listeners = append(listeners, l.Listener)
	}
	return listeners, nil
}

// free is the address to listen on, with a port if that was left open. One that is taken
// is told at once: some servers try again for long.
func (f serveFlags) free(ctx context.Context) (string, error) {
	all, err := listen.Open(ctx, listen.Options{}, f.specs()...)
	if err != nil {
		return "", f.unfit(err)
	}
	defer all[0].Close()
	_, asked, _ := strings.Cut(all[0].Spec, ":")
	host, _, err := net.SplitHostPort(asked)
	if err != nil {
		return "", unable(err)
	}
	_, port, err := net.SplitHostPort(all[0].Addr().String())
	return net.JoinHostPort(host, port), unable(err)
}

// unfit is that nothing can listen where it is asked for.
func (f serveFlags) unfit(err error) error {
	told := &failure{code: exitEnvironment, err: fmt.Errorf("serve %s: %w", f.server, err)}
	if errors.Is(err, syscall.EADDRINUSE) {
		told.hint = "choose another one with --addr; port 0 is any that is free"
	}
	return told
}

// mount is the whole suite, with stacks beside it, or one app, or a stack, with the layers that are around
// all of it; and what stands before it.
func (f serveFlags) mount() (apps.App, stack.Proxy, error) {
	app, proxy, err := f.inner()
	if err != nil {
		return nil, nil, err
	}
	app, err = stacked.Around(f.layers, app)
	return app, proxy, err
}

// inner is what is mounted, without the layers that are around all of it.
func (f serveFlags) inner() (apps.App, stack.Proxy, error) {
	var mounts []stacked.App
	switch {
	case stacked.IsFile(f.app):
		return stacked.Open(f.app)
	case f.app != "":
		app, err := stacked.Only(stacked.App{Name: f.app})
		return app, nil, err
	case f.mounts != "":
		var err error
		if mounts, err = stacked.ReadFile(f.mounts); err != nil {
			return nil, nil, err
		}
	}
	proxy, err := stacked.FrontOf(mounts)
	if err != nil {
		return nil, nil, err
	}
	app, err := stacked.Mount(mounts)
	return app, proxy, err
}

// await waits until the candidate at address serves.
func (f serveFlags) await(ctx context.Context, c servers.Candidate, p *control.Process, address string) error {
	if stacked.IsFile(f.app) {
		return harness.AwaitStack(ctx, c, p, address)
	}
	return harness.Await(ctx, c, p, address, f.app)
}

func (e env) serveExternal(ctx context.Context, c servers.Candidate, user *control.User, f serveFlags) error {
	free, err := f.free(ctx)
	if err != nil {
		return err
	}
	e.tellRoot(c, user)
	dir, err := control.MakeTemp()
	if err != nil {
		return unable(err)
	}
	defer e.discard(dir)
	e.warnOf(measure.Leftovers())
	served, app, err := f.stack()
	if err != nil {
		return err
	}
	p, address, err := c.Start(ctx, servers.Launch{
		Guard: []string{e.executable, guardCommand}, Address: free, App: app, Stack: served, Dir: dir, Log: control.LogStderr, Env: f.env, User: user,
	})
	if err != nil {
		return unable(err)
	}
	stop := func() error {
		return unable(wrap("serve "+c.Name, p.Stop(context.WithoutCancel(ctx), control.DefaultGrace).Left))
	}
	if err := f.await(ctx, c, p, address); err != nil {
		left := stop()
		if ctx.Err() != nil {
			return left
		}
		return unable(errors.Join(fmt.Errorf("serve %s: %w", c.Name, err), left))
	}
	fmt.Fprintf(e.stderr, "%s serves http://%s/\n", c.Name, address)
	select {
	case <-p.Done():
		return unable(errors.Join(fmt.Errorf("serve %s: %s", c.Name, p.Exit()), stop()))
	case <-ctx.Done():
		return stop()
	}
}
