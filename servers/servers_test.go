package servers_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/conform"
	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/control"
	"github.com/benchctl/benchctl/servers/external"
	"github.com/benchctl/benchctl/servers/process/drain"
	"github.com/benchctl/benchctl/servers/process/handover"
	"github.com/benchctl/benchctl/servers/service"
)

// The test binary plays the guard, and benchctl as it serves an engine.
func TestMain(m *testing.M) {
	switch {
	case len(os.Args) == 2 && os.Args[1] == "guard":
		os.Exit(control.RunGuard())
	case len(os.Args) > 1 && os.Args[1] == "serve":
		os.Exit(serve(os.Args[2:]))
	}
	os.Setenv("GORACE", "atexit_sleep_ms=0") // of the parts: they end often
	os.Exit(m.Run())
}

// serve is "serve" with the flags that candidates are started by, and those of workers.
func serve(args []string) int {
	fmt.Println("serve", strings.Join(args, " "))
	if err := play(args); err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

func play(args []string) error {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	fs := flag.NewFlagSet("serve", flag.ContinueOnError)
	name, one := fs.String("server", "", ""), fs.String("app", "", "")
	fd, supervised := fs.Int("listener-fd", 0, ""), fs.Bool("supervised", false, "")
	workers, drains := fs.Int("workers", 0, ""), fs.Duration("drain", 0, "")
	if err := fs.Parse(args); err != nil {
		return err
	}
	worker, err := handover.Inherit()
	if err != nil {
		return err
	}
	if worker != nil {
		return served(ctx, *name, *one, worker.Serve)
	}
	ln, err := servers.Listener(*fd)
	if err != nil {
		return err
	}
	if *supervised {
		say := func(line string) { fmt.Println(line) }
		return service.Service{Say: say, Serves: say, Server: &service.Workers{
			Listener: ln, Program: os.Args[0], Args: []string{"serve", "--server", *name}, Count: *workers, Drain: *drains, Say: say,
		}}.Run(ctx)
	}
	return served(ctx, *name, *one, func(ctx context.Context, serve drain.Serve) error { return serve(ctx, drain.New(ln)) })
}

// served has the apps served by an engine.
func served(ctx context.Context, name, one string, by func(context.Context, drain.Serve) error) error {
	all, err := servers.All()
	if err != nil {
		return err
	}
	choice, err := servers.Choose(all, []string{name})
	if err != nil {
		return err
	}
	server := choice.Candidates[0].Server
	if choice.Candidates[0].Profile == servers.Native {
		serve, err := server.Behind(nil, server.Native)
		if err != nil {
			return err
		}
		return by(ctx, serve)
	}
	app := suite.Mux()
	if one != "" {
		i, err := suite.Parse(one)
		if err != nil {
			return err
		}
		app = suite.Only(i)
	}
	if err := app.(apps.Starter).Start(ctx); err != nil {
		return err
	}
	serve, err := server.Behind(nil, func(ctx context.Context, ln *drain.Listener) error { return server.Engine(ctx, ln, app) })
	if err != nil {
		return err
	}
	return by(ctx, serve)
}

// manifests makes a directory of manifests, each a name and the rest.
func manifests(t *testing.T, texts ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i, text := range texts {
		text = strings.ReplaceAll(text, "; ", "\n") + "\n"
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.yaml", i)), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const (
	alpha = "name: alpha; class: baseline; doc: first; command: [alpha]; profiles: {tuned: {doc: faster, args: [-t]}}"
	beta  = "name: beta; class: wsgi; doc: second; command: [beta]"
)

func all(t *testing.T, dirs ...string) []servers.Server {
	t.Helper()
	list, err := servers.All(dirs...)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// list is the servers that tests choose from: four engines and two manifests.
func list(t *testing.T) []servers.Server {
	return slices.DeleteFunc(all(t, manifests(t, alpha, beta)), func(s servers.Server) bool {
		return !slices.Contains([]string{"nethttp", "fasthttp", "hertz", "nbio", "alpha", "beta"}, s.Name)
	})
}

func TestAllWithManifests(t *testing.T) {
	builtin := all(t)
	if i := slices.IndexFunc(builtin, func(s servers.Server) bool { return s.Manifest != nil }); i < 0 || slices.ContainsFunc(builtin[i:], func(s servers.Server) bool { return s.Engine != nil }) {
		t.Fatal("engines do not come first, or no manifest does")
	}
	last := builtin[len(builtin)-1]
	override := fmt.Sprintf("name: %s; class: baseline; doc: another; command: [mine]", last.Name)
	got := all(t, manifests(t, alpha, override), manifests(t, strings.Replace(alpha, "first", "later", 1)))
	if len(got) != len(builtin)+1 {
		t.Fatalf("%d servers, want %d", len(got), len(builtin)+1)
	}
	if s := got[len(builtin)-1]; s.Name != last.Name || s.Doc != "another" || s.Manifest.Argv[0] != "mine" {
		t.Errorf("the built-in %s was not replaced: %+v", last.Name, s)
	}
	if s := got[len(builtin)]; s.Name != "alpha" || s.Doc != "later" {
		t.Errorf("the later directory does not count: %+v", s)
	}
	for _, s := range got {
		if s.Name == "" || s.Class == "" || s.Doc == "" || (s.Engine == nil) == (s.Manifest == nil) || s.Profiles()[0] != "default" || s.ReadyTimeout() <= 0 {
			t.Errorf("%+v", s)
		}
		if _, err := s.Version(t.Context()); s.Engine != nil && err != nil {
			t.Errorf("version of %s: %v", s.Name, err)
		}
		var missing *external.NotInstalledError
		if err := s.Check(t.Context()); s.Engine != nil && err != nil && !errors.As(err, &missing) {
			t.Errorf("check of %s: %v", s.Name, err)
		}
	}
	for _, c := range []struct{ dir, want string }{
		{manifests(t, "name: nethttp; class: baseline; doc: x; command: [x]"), `name "nethttp" belongs to a Go engine`},
		{manifests(t, "name: all; class: baseline; doc: x; command: [x]"), `name "all" stands for a group of servers`},
		{manifests(t, "name: wsgi; class: baseline; doc: x; command: [x]"), `name "wsgi" stands for a group of servers`},
		{manifests(t, "name: x; class: baseline; doc: x; comand: [x]"), `0.yaml:4: `},
		{manifests(t), "no file *.yaml"},
		{filepath.Join(t.TempDir(), "nowhere"), "nowhere"},
	} {
		if _, err := servers.All(c.dir); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}

// start starts a candidate of the test binary as benchctl.
func start(t *testing.T, name string, l servers.Launch) (*control.Process, string) {
	t.Helper()
	choice, err := servers.Choose(all(t), []string{name})
	if err != nil {
		t.Fatal(err)
	}
	l.Env = []string{"GORACE=atexit_sleep_ms=0"}
	l.Benchctl, l.Guard = os.Args[0], []string{os.Args[0], "guard"}
	if l.Dir == "" {
		l.Dir = t.TempDir()
	}
	p, address, err := choice.Candidates[0].Start(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p, address
}

// underRace tells whether the test binary reports data races.
func underRace() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

func TestLaunchOfEveryEngine(t *testing.T) {
	hello, err := suite.Parse("hello")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all(t) {
		if s.Engine == nil {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			if s.Check(t.Context()) != nil {
				t.Skip("not installed")
			}
			if strings.HasPrefix(s.Name, "nbio") && underRace() {
				t.Skip("the engine has races of its own")
			}
			log := filepath.Join(t.TempDir(), "log")
			p, address := start(t, s.Name, servers.Launch{Log: log})
			_, err := p.Ready(t.Context(), address, s.ReadyTimeout(), func(ctx context.Context) error { return conform.Probe(ctx, address, hello) })
			if err != nil {
				t.Fatal(err)
			}
			if err := conform.Gated(conform.App(t.Context(), conform.Target{Address: address, HTTP2: s.Protocol == servers.H2C}, hello)); err != nil {
				t.Error(err)
			}
			if exit := p.Stop(t.Context(), time.Minute); exit.Code != 0 || exit.Killed || exit.Escaped != 0 {
				t.Errorf("stop: %+v", exit)
			}
			if text, err := os.ReadFile(log); err != nil || !strings.HasPrefix(string(text), "serve --server "+s.Name+" --listener-fd 3\n") {
				t.Errorf("log is %q, %v", text, err)
			}
		})
	}
}

// A native candidate is started by its name, and serves what it carries and no more.
func TestLaunchNative(t *testing.T) {
	hello, err := suite.Parse("hello")
	if err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(t.TempDir(), "log")
	p, address := start(t, "nethttp:native", servers.Launch{Log: log})
	probe := func(ctx context.Context) error { return conform.Probe(ctx, address, hello) }
	if _, err := p.Ready(t.Context(), address, external.DefaultReadyTimeout, probe); err != nil {
		t.Fatal(err)
	}
	json, err := suite.Parse("json")
	if err != nil {
		t.Fatal(err)
	}
	if err := conform.Probe(t.Context(), address, json); err == nil || !strings.Contains(err.Error(), "status is 404") {
		t.Errorf("another app: %v", err)
	}
	if exit := p.Stop(t.Context(), time.Minute); exit.Code != 0 || exit.Killed {
		t.Errorf("stop: %+v", exit)
	}
	if text, err := os.ReadFile(log); err != nil || !strings.HasPrefix(string(text), "serve --server nethttp:native --listener-fd 3\n") {
		t.Errorf("log is %q, %v", text, err)
	}
}

// The ids of requests are noted by engines, by twins, and by those others that can, in
// whatever process.
func TestLaunchWithIDs(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"nethttp", "fasthttp", "gunicorn-sync", "uvicorn", "mod-wsgi", "nginx", "node"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			choice, err := servers.Choose(all(t), []string{name})
			if err != nil {
				t.Fatal(err)
			}
			server := choice.Candidates[0].Server
			if server.Check(t.Context()) != nil {
				t.Skip("not installed")
			}
			dir, err := os.MkdirTemp("", "benchctl-ids-") // t.TempDir is not for servers with other rights
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.RemoveAll(dir) })
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			ids := filepath.Join(dir, "ids")
			log := filepath.Join(t.TempDir(), "log")
			p, address := start(t, name, servers.Launch{Dir: dir, IDs: ids, Workers: 2, Log: log})
			app, err := suite.Parse("ident")
			if err != nil {
				t.Fatal(err)
			}
			probe := func(ctx context.Context) error { return conform.Probe(ctx, address, app) }
			if _, err := p.Ready(t.Context(), address, server.ReadyTimeout(), probe); err != nil {
				said, _ := os.ReadFile(log)
				t.Fatalf("%v\n%s", err, said)
			}
			want := map[string]bool{"1": true} // the probe's
			for _, x := range app.Exchanges(7)[:20] {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+x.Target, strings.NewReader("body"))
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set(x.Header[0][0], x.Header[0][1])
				res, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(res.Body)
				res.Body.Close()
				if err != nil || !x.Whole(body) {
					t.Errorf("reply is %q, %v", body, err)
				}
				want[x.Header[0][1]] = true
			}
			p.Stop(t.Context(), time.Minute)
			noted, err := os.ReadFile(ids)
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]bool{}
			for line := range strings.Lines(string(noted)) {
				got[strings.TrimSuffix(line, "\n")] = true
			}
			if !maps.Equal(got, want) {
				t.Errorf("noted are %v, want %v", got, want)
			}
		})
	}
	choice, err := servers.Choose(all(t), []string{"nethttp"})
	if err != nil {
		t.Fatal(err)
	}
	ids := filepath.Join(t.TempDir(), "nowhere", "ids")
	if _, _, err := choice.Candidates[0].Start(t.Context(), servers.Launch{IDs: ids}); err == nil || !strings.HasPrefix(err.Error(), "start nethttp: file for ids: open "+ids) {
		t.Errorf("no directory: %v", err)
	}
}

func TestLaunchOfOneApp(t *testing.T) {
	size, err := suite.Parse("size?bytes=5")
	if err != nil {
		t.Fatal(err)
	}
	address, err := control.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	p, got := start(t, "nethttp", servers.Launch{Address: address, App: "size?bytes=5"})
	if got != address {
		t.Fatalf("listens on %s, not %s", got, address)
	}
	probe := func(ctx context.Context) error { return conform.Probe(ctx, address, size) }
	if _, err := p.Ready(t.Context(), address, external.DefaultReadyTimeout, probe); err != nil {
		t.Fatal(err)
	}
	hello, err := suite.Parse("hello")
	if err != nil {
		t.Fatal(err)
	}
	if err := conform.Probe(t.Context(), address, hello); err == nil || !strings.Contains(err.Error(), "status is 404") {
		t.Errorf("another app: %v", err)
	}
	// The address is taken now.
	choice, err := servers.Choose(all(t), []string{"nethttp"})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := choice.Candidates[0].Start(t.Context(), servers.Launch{Address: address}); err == nil || !strings.Contains(err.Error(), "start nethttp: ") {
		t.Errorf("a second start: %v", err)
	}
}

func TestListener(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	fd, err := syscall.Dup(int(null.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range []int{-1, fd, 1 << 20} {
		if _, err := servers.Listener(fd); err == nil || !strings.HasPrefix(err.Error(), "listener: ") {
			t.Errorf("descriptor %d: %v", fd, err)
		}
	}
}
