package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/bench/harness"
	"github.com/benchctl/benchctl/bench/measure"
	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/control"
	"github.com/benchctl/benchctl/servers/process/drain"
)

type serveFlags struct {
	server, app, address string
	serverDirs, env      []string
	runAs                string
	listenerFD           int
	spin                 int
}

func serveCommand(e env) *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:     "serve --server S",
		Short:   "Serve the test apps with one server, in the foreground",
		Example: "  benchctl serve --server fasthttp\n  benchctl serve --server gunicorn-gthread --app hello --addr 127.0.0.1:8000",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return e.serve(cmd.Context(), f) },
	}
	fs := cmd.Flags()
	fs.StringVar(&f.server, "server", "", "server, see benchctl list servers")
	fs.StringVar(&f.app, "app", "", "serve only this app (default all apps)")
	fs.StringVar(&f.address, "addr", "127.0.0.1:8080", "address to listen on")
	fs.StringArrayVar(&f.serverDirs, "server-dir", nil, "directory with manifests of further servers; may be repeated")
	fs.StringArrayVar(&f.env, "env", nil, "NAME=VALUE for the environment of a server that is not a Go engine; may be repeated")
	fs.StringVar(&f.runAs, "run-as", "", runAsUsage)
	fs.IntVar(&f.spin, "spin", 0, "steps of arithmetic, of about 1 ns each, added to each request of a Go engine, to try what a measurement can resolve")
	fs.IntVar(&f.listenerFD, "listener-fd", 0, "file descriptor of a listening socket, instead of --addr")
	return cmd
}

// serve runs until ctx ends and then stops gracefully.
func (e env) serve(ctx context.Context, f serveFlags) error {
	if f.server == "" {
		return usage(errors.New("serve: no server: name one with --server, see benchctl list servers"))
	}
	if err := control.CheckEnv(f.env); err != nil {
		return usage(fmt.Errorf("serve: --env: %w", err))
	}
	user, err := f.user(e)
	if err != nil {
		return err
	}
	choice, err := servers.Find(f.serverDirs, []string{f.server})
	if err != nil {
		return failed(err)
	}
	if len(choice.Candidates) != 1 || !choice.Named[0] {
		return usage(fmt.Errorf("serve: %q is a group, not a server", f.server))
	}
	c := choice.Candidates[0]
	if err := c.Server.Check(ctx); err != nil {
		return unable(err)
	}
	if c.Server.Engine != nil {
		return e.serveEngine(ctx, c.Server, user, f)
	}
	return e.serveExternal(ctx, c, user, f)
}

func (e env) serveEngine(ctx context.Context, s servers.Server, user *control.User, f serveFlags) error {
	app, err := mount(f.app)
	if err != nil {
		return usage(err)
	}
	if f.spin > 0 {
		app = suite.Spin(app, f.spin)
	}
	ln, err := f.listener()
	if err != nil {
		return err
	}
	if err := user.Become(); err != nil {
		return unable(fmt.Errorf("serve %s: %w", s.Name, err))
	}
	if starter, ok := app.(apps.Starter); ok {
		if err := starter.Start(ctx); err != nil {
			return unable(fmt.Errorf("serve %s: start app: %w", s.Name, err))
		}
	}
	fmt.Fprintf(e.stderr, "%s serves http://%s/\n", s.Name, ln.Addr())
	err = s.Engine(ctx, drain.New(ln), app)
	if stopper, ok := app.(apps.Stopper); ok {
		err = errors.Join(err, stopper.Stop(context.WithoutCancel(ctx)))
	}
	return unable(err)
}

// user is who the server runs as. Who handed a listener on has chosen it.
func (f serveFlags) user(e env) (*control.User, error) {
	if f.listenerFD > 0 && f.runAs == "" {
		return nil, nil
	}
	return e.runAs("serve", f.runAs)
}

func (f serveFlags) listener() (net.Listener, error) {
	if f.listenerFD > 0 {
		control.NameSelf("benchctl")
		ln, err := servers.Listener(f.listenerFD)
		return ln, unable(err)
	}
	ln, err := net.Listen("tcp", f.address)
	if err != nil {
		return nil, f.unfit(err)
	}
	return ln, nil
}

// free is the address to listen on, with a port if that was left open. One that is taken
// is told at once: some servers try again for long.
func (f serveFlags) free() (string, error) {
	ln, err := net.Listen("tcp", f.address)
	if err != nil {
		return "", f.unfit(err)
	}
	defer ln.Close()
	host, _, err := net.SplitHostPort(f.address)
	return net.JoinHostPort(host, strconv.Itoa(ln.Addr().(*net.TCPAddr).Port)), err
}

// unfit is that nothing can listen on the address.
func (f serveFlags) unfit(err error) error {
	told := &failure{code: exitEnvironment, err: fmt.Errorf("serve %s: %w", f.server, err)}
	var malformed *net.AddrError
	switch {
	case errors.As(err, &malformed):
		told.code, told.hint = exitUsage, "--addr is of the form host:port, such as 127.0.0.1:8080"
	case errors.Is(err, syscall.EADDRINUSE):
		told.hint = "choose another one with --addr; port 0 is any that is free"
	}
	return told
}

// mount is the whole suite, or one app.
func mount(name string) (apps.App, error) {
	if name == "" {
		return suite.Mux(), nil
	}
	app, err := suite.Parse(name)
	if err != nil {
		return nil, err
	}
	return suite.Only(app), nil
}

func (e env) serveExternal(ctx context.Context, c servers.Candidate, user *control.User, f serveFlags) error {
	if f.app != "" {
		if _, err := suite.Parse(f.app); err != nil {
			return usage(err)
		}
	}
	free, err := f.free()
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
	p, address, err := c.Start(ctx, servers.Launch{
		Guard: []string{e.executable, guardCommand}, Address: free, App: f.app, Dir: dir, Log: control.LogStderr, Env: f.env, User: user,
	})
	if err != nil {
		return unable(err)
	}
	stop := func() error {
		return unable(wrap("serve "+c.Name, p.Stop(context.WithoutCancel(ctx), control.DefaultGrace).Left))
	}
	if err := harness.Await(ctx, c, p, address, f.app); err != nil {
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
