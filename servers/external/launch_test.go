package external

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/benchctl/benchctl/apps/wsgi"
	"github.com/benchctl/benchctl/servers/control"
	"github.com/benchctl/benchctl/servers/control/proc"
)

func TestCommand(t *testing.T) {
	t.Parallel()
	m, err := Read("demo.yaml", []byte(full))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	verbs := map[control.Verb]control.Action{
		control.StopGraceful: {Signal: syscall.SIGQUIT}, control.StopNow: {Signal: syscall.SIGQUIT},
		control.Reload: {Argv: []string{"/usr/bin/democtl", "--port", "8081", "reload"}},
	}
	others := maps.Clone(verbs)
	others[control.StopGraceful] = control.Action{Signal: syscall.SIGINT}
	others[control.ScaleUp] = control.Action{Argv: []string{"/usr/bin/otherctl", "8081"}}
	for _, c := range []struct {
		name   string
		launch Launch
		argv   []string
		env    []string
		conf   string
		verbs  map[control.Verb]control.Action
	}{
		{"zero", Launch{Dir: dir, Port: 8081},
			[]string{"/usr/bin/demo", "--app="},
			[]string{"BENCHCTL_APP=", "DEMO=1", "DEMO_WORKERS=1"}, "listen 127.0.0.1:8081;\nsuite;\n", verbs},
		{"tuned", Launch{Dir: dir, Port: 8081, Host: "::1", Workers: 2, Threads: 3, App: "hello", Profile: "tuned"},
			[]string{"/usr/bin/demo", "--app=hello", "--threaded", "--fast"},
			[]string{"BENCHCTL_APP=hello", "DEMO=2", "DEMO_WORKERS=2"}, "listen ::1:8081;\napp hello;\n", verbs},
		{"other", Launch{Dir: dir, Port: 8081, Profile: "other"},
			[]string{"/usr/bin/other", dir},
			[]string{"BENCHCTL_APP=", "DEMO=1", "DEMO_WORKERS=1"}, "listen 127.0.0.1:8081;\nsuite;\n", others},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := m.Command(c.launch)
			want := control.Command{Argv: c.argv, Env: c.env, Dir: dir, Verbs: c.verbs}
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("Command = %+v, %v\nwant %+v", got, err, want)
			}
			for name, want := range map[string]string{"conf/demo.conf": c.conf, "serve.py": `print("{{")`, wsgi.Name: string(wsgi.Files()[wsgi.Name])} {
				if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
					t.Errorf("%s is %q, %v, want %q", name, got, err, want)
				}
			}
		})
	}
}

// A file for ids below the directory is told as it is from there.
// The first facility in use that has a command has it instead of the manifest's, and all add
// their arguments.
func TestCommandWithFacilities(t *testing.T) {
	t.Parallel()
	m, err := Read("demo.yaml", []byte(full))
	if err != nil {
		t.Fatal(err)
	}
	both := []control.Facility{control.Background, control.Pidfile}
	for _, c := range []struct {
		launch Launch
		want   []string
	}{
		{Launch{Use: both, Pidfile: "/run/demo.pid"}, []string{"/usr/bin/demod", "--app=", "--pid=/run/demo.pid", "--late"}},
		{Launch{Use: both[1:], Pidfile: "/run/demo.pid"}, []string{"/usr/bin/demo", "--app=", "--pid=/run/demo.pid"}},
		{Launch{Use: both[:1], Profile: "tuned"}, []string{"/usr/bin/demod", "--app=", "--fast"}},
		{Launch{Use: both[:1], Profile: "other"}, []string{"/usr/bin/otherd"}},
	} {
		c.launch.Dir, c.launch.Port = t.TempDir(), 8081
		if got, err := m.Command(c.launch); err != nil || !reflect.DeepEqual(got.Argv, c.want) {
			t.Errorf("%v of %q: %q, %v, want %q", c.launch.Use, c.launch.Profile, got.Argv, err, c.want)
		}
	}
	_, err = m.Command(Launch{Dir: t.TempDir(), Port: 8081, Use: []control.Facility{control.Sockets}})
	if want := "launch demo: demo.yaml: sockets is not offered"; err == nil || err.Error() != want {
		t.Errorf("error is %v, want %s", err, want)
	}
}

func TestIDs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for ids, want := range map[string][]string{
		"": {"demo"}, filepath.Join(dir, "ids"): {"demo", "--ids=ids"}, filepath.Join(dir, "a", "ids"): {"demo", "--ids=a/ids"},
		filepath.Dir(dir) + "/ids": {"demo", "--ids=" + filepath.Dir(dir) + "/ids"},
	} {
		m := Manifest{Name: "demo", Argv: []string{"demo", "{{if .IDs}}--ids={{.IDs}}{{end}}"}}
		if c, err := m.Command(Launch{Dir: dir, Port: 80, IDs: ids}); err != nil || !slices.Equal(c.Argv, want) {
			t.Errorf("%q: %q, %v, want %q", ids, c.Argv, err, want)
		}
	}
}

func TestTwinsAreWritten(t *testing.T) {
	t.Parallel()
	for _, twins := range []string{"", TwinsWSGI, TwinsASGI} {
		dir := t.TempDir()
		if _, err := (Manifest{Name: "demo", Argv: []string{"demo"}, Twins: twins}).Command(Launch{Dir: dir, Port: 80}); err != nil {
			t.Fatal(err)
		}
		for name, want := range wsgi.Files() {
			got, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
			if twins == "" && !errors.Is(err, fs.ErrNotExist) || twins != "" && (err != nil || !bytes.Equal(got, want)) {
				t.Errorf("twins %q: %s: %v", twins, name, err)
			}
		}
	}
}

// Stacks are told to the twins by the environment, as they are.
func TestStacks(t *testing.T) {
	t.Parallel()
	m := Manifest{Name: "demo", Argv: []string{"demo"}, Twins: TwinsWSGI}
	l := Launch{Dir: t.TempDir(), Port: 80, Stack: "/a {{b}}.ini#c"}
	c, err := m.Command(l)
	if want := []string{"BENCHCTL_APP=", "BENCHCTL_STACK=/a {{b}}.ini#c"}; err != nil || !slices.Equal(c.Env, want) {
		t.Errorf("%q, %v, want %q", c.Env, err, want)
	}
	l.Stack, l.Mounts = "", map[string]string{"/b": "/b.ini", "/a+b": "/a.ini#main"}
	c, err = m.Command(l)
	if want := []string{"BENCHCTL_APP=", "BENCHCTL_MOUNTS=/a+b /a.ini#main\n/b /b.ini"}; err != nil || !slices.Equal(c.Env, want) {
		t.Errorf("%q, %v, want %q", c.Env, err, want)
	}
	for _, twins := range []string{"", TwinsASGI} {
		m.Twins = twins
		_, err := m.Command(l)
		if errs := m.CheckStacks(t.Context()); !errors.Is(err, ErrNoStacks) || !errors.Is(errs, ErrNoStacks) {
			t.Errorf("twins %q: %v; %v", twins, err, errs)
		}
	}
}

func TestCommandErrors(t *testing.T) {
	t.Parallel()
	m, err := Read("demo.yaml", []byte(full))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	_, err = m.Command(Launch{Dir: dir, Port: 80, Profile: "tunde"})
	if want := `server demo: unknown profile "tunde": did you mean "tuned"?`; err == nil || err.Error() != want {
		t.Errorf("error is %v, want %s", err, want)
	}
	if _, err = m.Command(Launch{Dir: dir}); err == nil || err.Error() != "launch demo: no port 0" {
		t.Errorf("no port: %v", err)
	}
	if _, err = m.Command(Launch{Dir: filepath.Join(dir, "nope"), Port: 80}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no directory: %v", err)
	}
}

// A socket's path that is too long for the system is told before the server is started,
// which would hardly say it.
func TestSocketPaths(t *testing.T) {
	long := filepath.Join(t.TempDir(), strings.Repeat("long and ", 12))
	if err := os.Mkdir(long, 0o755); err != nil {
		t.Fatal(err)
	}
	command := func(dir, arg, file string) error {
		m := Manifest{Name: "demo", File: "demo.yaml", Argv: []string{"demo", arg}, Files: map[string]string{"demo.conf": file}}
		_, err := m.Command(Launch{Dir: dir, Port: 80})
		return err
	}
	tooLong := func(where, path string) string {
		return fmt.Sprintf("launch demo: demo.yaml: %sa unix socket's path has at most %d bytes, and %q has %d: begin it in the directory that the server starts in, as %q",
			where, maxSocketPath, long+"/"+path, len(long+"/"+path), path)
	}
	for _, c := range []struct{ arg, file, want string }{
		{"--bind=unix:{{.Dir}}/app.sock", "", tooLong("", "app.sock")},
		{"--bind=unix:{{.Dir}}/app", "", tooLong("", "app")},
		{"--bind=unix:app.sock", "a {{.Dir}}/log;\nserver \"{{.Dir}}/run/app.socket\";", tooLong("demo.conf: ", "run/app.socket")},
		{"--log={{.Dir}}/log", "bind unix:app.sock; # {{.Dir}}", ""},
	} {
		if err := command(long, c.arg, c.file); fmt.Sprint(err) != cmp.Or(c.want, "<nil>") {
			t.Errorf("%q, %q:\ngot  %v\nwant %s", c.arg, c.file, err, c.want)
		}
		for _, text := range []string{c.arg, c.file} {
			if _, err := complete(text, Launch{Dir: "/tmp"}); err != nil {
				t.Errorf("%q in /tmp: %v", text, err)
			}
		}
	}
}

func TestFilesStayInside(t *testing.T) {
	t.Parallel()
	m, err := Read("demo.yaml", []byte(full))
	if err != nil {
		t.Fatal(err)
	}
	dir, outside := t.TempDir(), t.TempDir()
	if err := os.Symlink(outside, filepath.Join(dir, "conf")); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Command(Launch{Dir: dir, Port: 80}); err == nil {
		t.Error("a file was written through a symbolic link")
	}
	if left, err := os.ReadDir(outside); err != nil || len(left) > 0 {
		t.Errorf("outside are %v, %v", left, err)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	sh := []string{"/bin/sh"}
	for _, c := range []struct {
		name       string
		m          Manifest
		want, hint string
	}{
		{"there", Manifest{Argv: sh, Requires: []Requirement{{Command: "sh"}, {File: "/"}}}, "", ""},
		{"program", Manifest{Name: "demo", Argv: []string{"no-such-program"}}, `server demo: not installed: command "no-such-program"`, ""},
		{"more", Manifest{Name: "demo", Argv: sh, Requires: []Requirement{
			{Command: "no-such-program", Install: "apt-get install a"}, {File: "/no/such/file", Install: "apt-get install b"},
		}}, `server demo: not installed: command "no-such-program", file "/no/such/file"`, "install it with: apt-get install a && apt-get install b"},
	} {
		err := c.m.Check(t.Context())
		var missing *NotInstalledError
		if c.want == "" && err == nil {
			continue
		}
		if !errors.As(err, &missing) || err.Error() != c.want || missing.Hint() != c.hint {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
}

func TestCheckPython(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat(Python); err != nil {
		missing(t, Python)
	}
	m := Manifest{Name: "demo", Argv: []string{"/bin/sh"}, Requires: []Requirement{{Python: "wsgiref"}}}
	if err := m.Check(t.Context()); err != nil {
		t.Error(err)
	}
	m.Requires = append(m.Requires, Requirement{Python: "no_such_module.inside"})
	if want := `server demo: not installed: python module "no_such_module.inside"`; fmt.Sprint(m.Check(t.Context())) != want {
		t.Errorf("error is %v, want %s", m.Check(t.Context()), want)
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	sh := func(script string) []string { return []string{"/bin/sh", "-c", script} }
	for _, c := range []struct {
		name      string
		probe     []string
		want, err string
	}{
		{"none", nil, "", ""},
		{"gunicorn", sh("echo 'gunicorn (version 20.1.0)'"), "20.1.0", ""},
		{"nginx", sh("echo nginx version: nginx/1.22.1 >&2"), "1.22.1", ""},
		{"pre-release", sh("echo v2.0.0-rc.1+git"), "2.0.0-rc.1+git", ""},
		{"debian", sh("echo 'HAProxy version 2.6.12-1+deb12u2 2025/04'"), "2.6.12-1+deb12u2", ""},
		{"with failure", sh("echo demo 1.2; exit 1"), "1.2", ""},
		{"nothing", sh("echo demo 7"), "", "version of demo: sh printed none"},
		{"failure", sh("exit 2"), "", "version of demo: exit status 2"},
	} {
		got, err := Manifest{Name: "demo", Probe: c.probe}.Version(t.Context())
		if got != c.want || (err == nil) != (c.err == "") || err != nil && err.Error() != c.err {
			t.Errorf("%s: %q, %v, want %q, %s", c.name, got, err, c.want, c.err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := (Manifest{Name: "demo", Probe: sh("while :; do echo demo 4.5.6; done")}).Version(t.Context()); got != "4.5.6" || err != nil {
		t.Errorf("of one that floods: %q, %v", got, err)
	}
	left := filepath.Join(t.TempDir(), "pid")
	if got, err := (Manifest{Name: "demo", Probe: sh("sleep 1000 & echo $! >" + left + "; echo demo 7.8")}).Version(t.Context()); got != "7.8" || err != nil {
		t.Errorf("of one that leaves a child: %q, %v", got, err)
	}
	text, err := os.ReadFile(left)
	pid, notNumber := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || notNumber != nil {
		t.Fatal(err, notNumber)
	}
	ended(t, pid)
	if _, err := (Manifest{Name: "demo", Probe: sh("sleep 60")}).Version(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("ended: %v", err)
	}
}

// missing skips the test, or fails it where everything must be there.
func missing(t *testing.T, what string) {
	t.Helper()
	if ci, _ := strconv.ParseBool(os.Getenv("CI")); ci {
		t.Fatalf("%s is not installed", what)
	}
	t.Skipf("%s is not installed", what)
}

// TestBuiltinsServe starts every built-in server that is installed, asks it for an
// app, and stops it gracefully.
func TestBuiltinsServe(t *testing.T) {
	t.Parallel()
	list, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range list {
		for _, profile := range m.ProfileNames() {
			t.Run(m.Name+":"+profile, func(t *testing.T) {
				t.Parallel()
				if testing.Short() && profile != Default {
					t.Skip("starts each server once alone")
				}
				if err := m.Check(t.Context()); err != nil {
					missing(t, m.Name)
				}
				if v, err := m.Version(t.Context()); err != nil || v == "" {
					t.Errorf("version is %q, %v", v, err)
				}
				serves(t, m, Launch{Host: "127.0.0.1", Dir: launchDir(t, os.TempDir()), Profile: profile})
			})
		}
	}
}

// hostile is a directory's name that means something else wherever it is not quoted, and
// is longer than the path of a unix socket may be.
const hostile = `it's a "place" #1 {x} $HOME ${PATH} $(HOME) %{y} %h\n; é 世界 &<|>, 0123456789 0123456789 0123456789 0123456789 0123456789`

// TestBuiltinsServeAnywhere starts every built-in server that is installed in a directory
// whose name nothing is prepared for, on an IPv6 address.
func TestBuiltinsServeAnywhere(t *testing.T) {
	if testing.Short() {
		t.Skip("starts all servers once more")
	}
	parent := filepath.Join(launchDir(t, os.TempDir()), hostile)
	if err := os.Mkdir(parent, 0o755); err != nil {
		t.Fatal(err)
	}
	list, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	host := "::1"
	if ln, err := net.Listen("tcp", "[::1]:0"); err == nil {
		ln.Close()
	} else {
		t.Logf("without IPv6: %v", err)
		host = "127.0.0.1"
	}
	t.Run("all", func(t *testing.T) { // so that the directory outlasts them
		for _, m := range list {
			t.Run(m.Name, func(t *testing.T) {
				t.Parallel()
				if err := m.Check(t.Context()); err != nil {
					missing(t, m.Name)
				}
				dir := launchDir(t, parent)
				serves(t, m, Launch{Host: host, Dir: dir, IDs: filepath.Join(dir, "ids")})
			})
		}
	})
}

// launchDir makes a directory for a launch. t.TempDir is not for servers with other rights.
func launchDir(t *testing.T, parent string) string {
	t.Helper()
	dir, err := os.MkdirTemp(parent, "benchctl-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// launchLog is a file for what a server says; a test that fails tells it.
func launchLog(t *testing.T) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		f.Close()
		if text, err := os.ReadFile(f.Name()); t.Failed() {
			t.Logf("it said %q, %v", text, err)
		}
	})
	return f
}

func serves(t *testing.T, m Manifest, l Launch) {
	l.Port, l.Workers, l.Threads = freePort(t), 1, 2
	c, err := m.Command(l)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.Command(c.Argv[0], c.Argv[1:]...)
	cmd.Env, cmd.Dir = append(control.Environ(l.Dir), c.Env...), c.Dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	said := launchLog(t)
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	defer syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)

	if got := untilServed(ctx, fmt.Sprintf("http://%s/hello", net.JoinHostPort(l.Host, strconv.Itoa(l.Port))), exited); got != "Hello, World!" {
		t.Errorf("/hello is %q", got)
	}
	settle(ctx, t, cmd.Process.Pid)
	ask(t, c, cmd.Process.Pid, control.StopGraceful)
	select {
	case err := <-exited:
		var exit *exec.ExitError
		asked := c.Verbs[control.StopGraceful].Signal
		if err != nil && !(errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == asked) {
			t.Errorf("graceful stop: %v", err)
		}
	case <-time.After(2 * time.Minute): // uwsgi gives its threads one
		t.Error("graceful stop: still running")
	}
}

// settle waits until a server has all its threads: uWSGI serves before that, and
// hangs if it is stopped then. No event tells it.
func settle(ctx context.Context, t *testing.T, pid int) {
	for before, now := -1, 0; before != now; before, now = now, threads(t, pid) {
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return
		}
	}
}

func threads(t *testing.T, pid int) (n int) {
	pids, err := proc.Tree(pid)
	if errors.Is(err, proc.ErrUnsupported) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, pid := range pids {
		tasks, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
		n += len(tasks)
	}
	return n
}

// ask asks a server for what a verb says.
func ask(t *testing.T, c control.Command, pid int, verb control.Verb) {
	t.Helper()
	action := c.Verbs[verb]
	if len(action.Argv) == 0 {
		syscall.Kill(pid, action.Signal)
		return
	}
	cmd := exec.Command(action.Argv[0], action.Argv[1:]...)
	cmd.Dir = c.Dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", verb, err, out)
	}
}

// untilServed asks until there is an answer, the server exits or ctx ends.
func untilServed(ctx context.Context, url string, exited chan error) string {
	retry := time.NewTicker(20 * time.Millisecond)
	defer retry.Stop()
	client := http.Client{Timeout: 5 * time.Second}
	defer client.CloseIdleConnections()
	for {
		if res, err := client.Get(url); err == nil {
			defer res.Body.Close()
			body, _ := io.ReadAll(res.Body)
			return string(body)
		}
		select {
		case err := <-exited:
			exited <- err
			return fmt.Sprintf("not served: exited: %v", err)
		case <-ctx.Done():
			return "not served in time"
		case <-retry.C:
		}
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	address, err := control.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := net.SplitHostPort(address)
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// ended waits until a process has ended, or is a zombie of somebody else's.
func ended(t *testing.T, pid int) {
	t.Helper()
	for t.Context().Err() == nil {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
		runtime.Gosched()
	}
}
