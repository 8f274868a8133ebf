package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/control"
	"github.com/benchctl/benchctl/servers/control/proc"
	"github.com/benchctl/benchctl/servers/service"
)

// Tests of services: "benchctl serve" with a supervisor, and "benchctl ctl".

// place is where services of a test run.
type place struct {
	*testing.T
	dir     string
	program string // "": this test's
}

func newPlace(t *testing.T) *place {
	t.Helper()
	needLinux(t)
	dir, err := os.MkdirTemp("", "svc") // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	s := &place{T: t, dir: dir}
	t.Cleanup(func() {
		for _, pid := range left(t, dir) {
			t.Errorf("left is process %s", pid)
			if n, err := strconv.Atoi(pid); err == nil {
				_ = syscall.Kill(n, syscall.SIGKILL)
			}
		}
		os.RemoveAll(dir)
	})
	return s
}

// command is benchctl as a user would call it.
func (s *place) command(args ...string) *exec.Cmd {
	s.Helper()
	cmd := benchctl(s.T, s.dir, args...)
	if s.program != "" {
		cmd.Path, cmd.Args[0] = s.program, s.program
	}
	cmd.Env = append(cmd.Env, "XDG_RUNTIME_DIR="+s.dir, "GORACE=atexit_sleep_ms=0")
	return cmd
}

// runs runs a command to its end, and returns its exit code and what it said.
func (s *place) runs(args ...string) (code int, out, errs string) {
	s.Helper()
	cmd := s.command(args...)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()
}

// does runs a command that is to succeed.
func (s *place) does(args ...string) string {
	s.Helper()
	code, out, errs := s.runs(args...)
	if code != exitDone {
		s.Fatalf("%v: exit code %d\n%s%s", args, code, out, errs)
	}
	return out
}

// refuses runs a command that is to fail, and to say so.
func (s *place) refuses(want int, says string, args ...string) {
	s.Helper()
	code, _, errs := s.runs(args...)
	if code != want || !strings.Contains(errs, says) {
		s.Errorf("%v: exit code %d, want %d; it lacks %q:\n%s", args, code, want, says, errs)
	}
}

// status is how a running service is.
func (s *place) status(name string) (now service.Status) {
	s.Helper()
	if err := json.Unmarshal([]byte(s.does("ctl", "status", name, "--json")), &now); err != nil {
		s.Fatal(err)
	}
	return now
}

// address is that of a running service.
func (s *place) address(name string) string {
	s.Helper()
	now := s.status(name)
	if len(now.Addresses) != 1 {
		s.Fatalf("it listens on %v", now.Addresses)
	}
	return strings.Trim(strings.TrimPrefix(now.Addresses[0], "http:"), "/")
}

// foreground starts a service in the foreground, whose process is this one's child, and
// waits until it serves.
func (s *place) foreground(args ...string) (cmd *exec.Cmd, address string) {
	s.Helper()
	cmd = s.command(append([]string{"serve", "--addr=127.0.0.1:0"}, args...)...)
	return cmd, s.begin(cmd)
}

// begin starts a command and waits until it says where it serves.
func (s *place) begin(cmd *exec.Cmd) (address string) {
	s.Helper()
	errs, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(errs)
	for lines.Scan() {
		if _, url, ok := strings.Cut(lines.Text(), " serves "); ok {
			go func() {
				for lines.Scan() {
					s.Log(lines.Text())
				}
			}()
			return strings.Trim(strings.TrimPrefix(url, "http:"), "/")
		}
		s.Log(lines.Text())
	}
	s.Fatal("it does not serve")
	return ""
}

// ends waits for the end of a process that was started, and returns how it ended.
func ends(t *testing.T, cmd *exec.Cmd) *os.ProcessState {
	t.Helper()
	done := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("it does not end")
	}
	return cmd.ProcessState
}

// says is what a server answers.
func says(address string) (string, error) {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
	res, err := client.Get("http://" + address + "/hello")
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return string(body), err
}

// A service lives through its verbs, and can be started again as it was.
func TestServiceLife(t *testing.T) {
	t.Parallel()
	s := newPlace(t)
	pidfile := filepath.Join(s.dir, "run", "web.pid")
	if err := os.Mkdir(filepath.Dir(pidfile), 0o755); err != nil {
		t.Fatal(err)
	}
	s.does("ctl", "start", "web", "--", "--server=nethttp", "--addr=127.0.0.1:0", "--workers=2", "--pidfile=run/web.pid", "--log=web.log", "--umask=027")
	first := s.status("web")
	if first.Server != "nethttp" || first.State != "started" || len(first.Processes) != 2 || first.Generation != 1 {
		t.Errorf("%+v", first)
	}
	if text, err := os.ReadFile(pidfile); err != nil || strings.TrimSpace(string(text)) != strconv.Itoa(first.PID) {
		t.Errorf("the pidfile has %q, %v", text, err)
	}
	if info, err := os.Stat(filepath.Join(s.dir, "web.log")); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("%v, %v", info, err)
	}
	if body, err := says(s.address("web")); body != "Hello, World!" || err != nil {
		t.Errorf("%q, %v", body, err)
	}
	for _, verb := range []string{"reload", "upgrade"} {
		s.does("ctl", verb, "web")
	}
	if now := s.status("web"); now.PID != first.PID || now.Generation != 3 {
		t.Errorf("replaced: %+v", now)
	}
	s.does("ctl", "scale-down", "web")
	s.refuses(exitEnvironment, "that is the least", "ctl", "scale-down", "web")
	s.does("ctl", "scale-up", "web")
	s.does("ctl", "restart", "web")
	if now := s.status("web"); now.PID != first.PID || now.Addresses[0] != first.Addresses[0] || len(now.Processes) != 2 {
		t.Errorf("restarted: %+v", now)
	}
	s.refuses(exitEnvironment, "it is running already", "ctl", "start", "web")
	s.refuses(exitEnvironment, fmt.Sprintf("process %d has it", first.PID), "serve", "--server=nethttp", "--name=other", "--addr=127.0.0.1:0", "--pidfile="+pidfile)
	s.does("ctl", "stop", "web")
	noneLeft(t, s.dir)
	s.refuses(exitEnvironment, "service web: it is not running", "ctl", "status", "web")
	s.refuses(exitUsage, `no service "wep" is known`, "ctl", "reload", "wep")
	if list := s.does("ctl", "list"); !strings.Contains(list, "stopped") {
		t.Errorf("listed is\n%s", list)
	}
	s.does("ctl", "start", "web")
	now := s.status("web")
	_ = syscall.Kill(now.PID, syscall.SIGKILL)
	noneLeft(t, s.dir)
	code, list, told := s.runs("ctl", "list")
	if code != exitDone || !strings.Contains(list, "killed") || !strings.Contains(told, "what it left is removed") {
		t.Errorf("exit code %d, listed is\n%s%s", code, list, told)
	}
	s.does("ctl", "start", "web")
	s.does("ctl", "stop-now", "web")
	noneLeft(t, s.dir)
}

// A server of a manifest has the verbs that the manifest declares.
func TestServiceOfManifest(t *testing.T) {
	t.Parallel()
	s := newPlace(t)
	if _, err := exec.LookPath("/usr/bin/gunicorn"); err != nil {
		t.Skip(err)
	}
	s.does("ctl", "start", "app", "--", "--server=gunicorn-sync", "--addr=127.0.0.1:0", "--pidfile=app.pid", "--workers=2")
	if body, err := says(s.address("app")); body != "Hello, World!" || err != nil {
		t.Errorf("%q, %v", body, err)
	}
	first := s.status("app").Processes[0].PID
	s.does("ctl", "restart", "app")
	if now := s.status("app").Processes[0].PID; now == first {
		t.Errorf("restarted, it is process %d still", now)
	}
	s.does("ctl", "reload", "app")
	s.does("ctl", "stop-now", "app") // a worker that has just come up does not hear of a stop
	noneLeft(t, s.dir)

	s.does("ctl", "start", "plain", "--", "--server=wsgiref", "--addr=127.0.0.1:0")
	s.refuses(exitUsage, "not offered by this server", "ctl", "reload", "plain")
	s.does("ctl", "stop", "plain")
	noneLeft(t, s.dir)
}

// A daemon that does not start has its launcher fail with the reason, and leaves nothing.
func TestDaemonFails(t *testing.T) {
	t.Parallel()
	s := newPlace(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	s.refuses(exitEnvironment, "address already in use", "serve", "--server=fasthttp", "--daemon", "--addr="+ln.Addr().String())
	s.refuses(exitEnvironment, "no such file or directory", "serve", "--server=fasthttp", "--daemon", "--addr=127.0.0.1:0", "--pidfile=nowhere/pid")
	s.refuses(exitEnvironment, "no such file or directory", "serve", "--server=fasthttp", "--daemon", "--addr=127.0.0.1:0", "--log=nowhere/log")
	if err := os.WriteFile(filepath.Join(s.dir, "deaf.yaml"), []byte("name: deaf\nclass: baseline\ndoc: it never serves\ncommand: [sleep, \"600\"]\nready: {timeout: 10m}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.dir, "sick.yaml"), []byte("name: sick\nclass: baseline\ndoc: it fails\ncommand: [sh, -c, \"echo out of order; exit 7\"]\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s.refuses(exitEnvironment, "the daemon was not ready in time", "serve", "--server=deaf", "--server-dir=.", "--daemon", "--addr=127.0.0.1:0", "--start-timeout=1s")
	s.refuses(exitEnvironment, "out of order", "serve", "--server=sick", "--server-dir=.", "--daemon", "--addr=127.0.0.1:0")
	noneLeft(t, s.dir)
}

// A second start beside a live pidfile is refused; a stale one does not matter.
func TestServicePidfile(t *testing.T) {
	t.Parallel()
	s := newPlace(t)
	args := []string{"--server=nethttp", "--name=", "--pidfile=pid"}
	cmd, _ := s.foreground(args...)
	s.refuses(exitEnvironment, fmt.Sprintf("process %d has it: it is running already", cmd.Process.Pid), append([]string{"serve", "--addr=127.0.0.1:0"}, args...)...)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	ends(t, cmd)
	if _, err := os.Stat(filepath.Join(s.dir, "pid")); err != nil {
		t.Error(err)
	}
	noneLeft(t, s.dir)
	cmd, _ = s.foreground(args...)
	_ = cmd.Process.Signal(syscall.SIGTERM)
	if state := ends(t, cmd); !state.Success() {
		t.Error(state)
	}
}

// Workers are what the program has become. A version that fails leaves the old one serving.
func TestServiceUpgrade(t *testing.T) {
	t.Parallel()
	s := newPlace(t)
	self, err := filepath.Abs(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	running := filepath.Join(s.dir, "program")
	if err := os.Symlink(self, running); err != nil {
		t.Fatal(err)
	}
	s.program = running
	s.does("serve", "--server=nethttp", "--daemon", "--addr=127.0.0.1:0", "--run-as="+control.OwnName())
	address := s.address("nethttp")
	s.program = ""
	for _, broken := range []string{"echo out of order; exit 7", "kill -9 $$"} {
		s.programAt(running, broken)
		s.refuses(exitEnvironment, "before it was ready", "ctl", "upgrade", "nethttp")
		if now := s.status("nethttp"); now.Generation != 1 || len(now.Processes) != 1 {
			t.Errorf("%+v", now)
		}
		if body, err := says(address); body != "Hello, World!" || err != nil {
			t.Errorf("%q, %v", body, err)
		}
	}
	s.programAt(running, "echo new >&2; exec "+self+` "$@"`)
	s.does("ctl", "upgrade", "nethttp")
	if now := s.status("nethttp"); now.Generation == 1 {
		t.Errorf("%+v", now)
	}
	command, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", s.status("nethttp").Processes[0].PID))
	if err != nil || !strings.HasPrefix(string(command), self+"\x00serve\x00") {
		t.Errorf("a worker runs %q, %v", command, err)
	}
	s.does("ctl", "stop", "nethttp")
	noneLeft(t, s.dir)
}

// programAt puts a script in the place of a program, at once.
func (s *place) programAt(path, script string) {
	s.Helper()
	if err := os.WriteFile(path+".new", []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		s.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		s.Fatal(err)
	}
}

// The real systemd-socket-activate starts a service on the socket that it has opened.
func TestServiceActivated(t *testing.T) {
	t.Parallel()
	s := newPlace(t)
	program, err := exec.LookPath("systemd-socket-activate")
	if err != nil {
		t.Skipf("it comes with systemd: %v", err)
	}
	address, err := control.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	cmd := s.command("serve", "--server=nethttp", "--listen=systemd", "--workers=2", "--name=web")
	args := []string{program, "-l", address}
	for _, v := range cmd.Env {
		if name, _, _ := strings.Cut(v, "="); name == marker || name == "TMPDIR" || name == "GORACE" || name == "XDG_RUNTIME_DIR" {
			args = append(args, "-E", v)
		}
	}
	cmd.Args = append(args, append([]string{cmd.Path}, cmd.Args[1:]...)...)
	cmd.Path = program
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	body := ""
	if !eventually(t, func() bool { body, err = says(address); return err == nil }) || body != "Hello, World!" {
		t.Errorf("%q, %v", body, err)
	}
	if !eventually(t, func() bool { return s.status("web").State == "started" }) { // one worker may answer before
		t.Error("it does not start")
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	if state := ends(t, cmd); !state.Success() {
		t.Errorf("%v\n%s", state, said.String())
	}
	noneLeft(t, s.dir)
}

// A service manager is told over a real socket how the service is, by the supervisor alone.
func TestServiceNotifies(t *testing.T) {
	t.Parallel()
	s := newPlace(t)
	name := "@benchctl-test-" + filepath.Base(s.dir)
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	hears := func(want ...string) {
		t.Helper()
		_ = manager.SetReadDeadline(time.Now().Add(time.Minute))
		for {
			message := make([]byte, 4096)
			n, err := manager.Read(message)
			if err != nil {
				t.Fatalf("%v comes: %v", want, err)
			}
			if first, _, _ := strings.Cut(string(message[:n]), "\n"); first == want[0] {
				if want = want[1:]; len(want) == 0 {
					return
				}
			}
		}
	}
	cmd := s.command("serve", "--server=fasthttp", "--addr=127.0.0.1:0", "--supervised")
	cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+name, "WATCHDOG_USEC=200000")
	s.begin(cmd)
	hears("READY=1")
	hears("WATCHDOG=1", "WATCHDOG=1")
	_ = cmd.Process.Signal(syscall.SIGHUP)
	hears("RELOADING=1", "READY=1")
	_ = cmd.Process.Signal(syscall.SIGTERM)
	hears("STOPPING=1")
	if state := ends(t, cmd); !state.Success() {
		t.Error(state)
	}
	noneLeft(t, s.dir)
}

// A second TERM, and QUIT, end a service whose requests take long.
func TestServiceStopsNow(t *testing.T) {
	t.Parallel()
	for _, signals := range [][]os.Signal{{syscall.SIGQUIT}, {syscall.SIGTERM, syscall.SIGTERM}} {
		s := newPlace(t)
		cmd, address := s.foreground("--server=nethttp", "--supervised", "--drain=10m")
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "GET /stream?chunks=100&bytes=1&ms=10000 HTTP/1.1\r\nHost: a\r\n\r\n")
		if _, err := conn.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		for i, signal := range signals {
			if i > 0 { // the first one has been taken
				if !eventually(t, func() bool { return s.status("nethttp").State == "stopping" }) {
					t.Fatal("it does not stop")
				}
			}
			_ = cmd.Process.Signal(signal)
		}
		ends(t, cmd)
		noneLeft(t, s.dir)
	}
}

// build builds benchctl with cgo or without.
func build(t *testing.T, cgo string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "bin")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "build", "-o", filepath.Join(dir, "benchctl"), ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED="+cgo)
	if out, err := cmd.CombinedOutput(); err != nil {
		if _, none := exec.LookPath("gcc"); cgo == "1" && none != nil {
			t.Skip("there is no C compiler")
		}
		t.Fatalf("%v\n%s", err, out)
	}
	return filepath.Join(dir, "benchctl")
}

// With every Go engine, cgo or none, no thread of any process of a service has a right of
// root's left. That setuid(0) fails, each process has tried, or it would not serve (package
// privileges).
func TestServicePrivileges(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("takes root")
	}
	if testing.Short() {
		t.Skip("builds benchctl twice")
	}
	t.Parallel()
	all, err := servers.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, cgo := range []string{"0", "1"} {
		t.Run("cgo="+cgo, func(t *testing.T) {
			program := build(t, cgo)
			for _, engine := range all {
				if engine.Engine == nil || engine.Check(t.Context()) != nil {
					continue
				}
				t.Run(engine.Name, func(t *testing.T) {
					s := newPlace(t)
					s.program = program
					s.does("serve", "--server="+engine.Name, "--daemon", "--addr=127.0.0.1:0", "--user=nobody", "--workers=2", "--name=e")
					s.does("ctl", "reload", "e")
					var now service.Status
					if !eventually(t, func() bool { now = s.status("e"); return len(now.Processes) == 2 }) {
						t.Fatalf("%+v", now)
					}
					tree, err := proc.Tree(now.PID)
					if err != nil || len(tree) < 3 {
						t.Fatalf("processes %v, %v", tree, err)
					}
					for _, pid := range append(tree, now.PID) {
						unprivileged(t, pid)
					}
					s.does("ctl", "stop", "e")
					noneLeft(t, s.dir)
					if _, err := os.Stat(filepath.Join(s.dir, "benchctl", "e", "control")); err == nil {
						t.Error("its socket is left")
					}
				})
			}
		})
	}
}

// Workers whose user can't reach the program are started all the same, and it is said that
// no later version will be.
func TestServiceOutOfReach(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("takes root")
	}
	t.Parallel()
	s := newPlace(t)
	closed := filepath.Join(s.dir, "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	s.program = filepath.Join(closed, "benchctl")
	if err := os.WriteFile(s.program, text, 0o755); err != nil {
		t.Fatal(err)
	}
	s.does("serve", "--server=nethttp", "--daemon", "--addr=127.0.0.1:0", "--user=nobody", "--log=log")
	s.does("ctl", "reload", "nethttp")
	now := s.status("nethttp")
	if body, err := says(s.address("nethttp")); body != "Hello, World!" || err != nil || now.Generation != 2 {
		t.Errorf("%q, %v, %+v", body, err, now)
	}
	unprivileged(t, now.Processes[0].PID)
	if log, err := os.ReadFile(filepath.Join(s.dir, "log")); err != nil || strings.Count(string(log), "workers can't be upgraded: the user that they run as can't execute "+s.program) != 1 {
		t.Errorf("the log has %s, %v", log, err)
	}
	s.does("ctl", "stop", "nethttp")
	noneLeft(t, s.dir)
}

// unprivileged checks all threads of a process.
func unprivileged(t *testing.T, pid int) {
	t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil || len(threads) == 0 {
		t.Errorf("process %d has no threads, %v", pid, err)
	}
	for _, path := range threads {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		fields := make(map[string]string)
		for line := range strings.Lines(string(text)) {
			name, value, _ := strings.Cut(line, ":")
			fields[name] = strings.Join(strings.Fields(value), " ")
		}
		for _, name := range []string{"Uid", "Gid", "Groups"} {
			for _, id := range strings.Fields(fields[name]) {
				if id == "0" {
					t.Errorf("%s: %s %s", path, name, fields[name])
				}
			}
		}
		for _, name := range []string{"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"} {
			if fields[name] == "" || strings.Trim(fields[name], "0") != "" {
				t.Errorf("%s: %s %s", path, name, fields[name])
			}
		}
		if fields["NoNewPrivs"] != "1" {
			t.Errorf("%s: NoNewPrivs %s", path, fields["NoNewPrivs"])
		}
	}
}

// killsEnv is the environment variable with the number of kills of TestServiceKills.
const killsEnv = "BENCHCTL_TEST_KILLS"

// Whatever process of a service is killed at whatever moment, nothing of it is left, and
// the next start works.
func TestServiceKills(t *testing.T) {
	t.Parallel()
	kills := 6
	if n, err := strconv.Atoi(os.Getenv(killsEnv)); err == nil {
		kills = n
	}
	s := newPlace(t)
	address, err := control.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(13, uint64(kills)))
	flags := []string{"serve", "--name=web", "--pidfile=pid", "--addr=" + address, "--drain=1s", "--workers=2"}
	for i := range kills {
		args := append(flags[:len(flags):len(flags)], "--server=nethttp")
		if _, err := os.Stat("/usr/bin/gunicorn"); err == nil && i%3 == 2 {
			args = append(flags[:len(flags):len(flags)], "--server=gunicorn-sync")
		}
		if i%2 == 1 {
			args = append(args, "--daemon")
		}
		s.killsOne(random, args)
	}
	s.does(append(flags, "--server=nethttp", "--daemon")...)
	s.does("ctl", "stop", "web")
	noneLeft(t, s.dir)
}

// killsOne starts a service and kills one of its processes, or the launcher, at a moment
// and in turn the rest, as far as that does not end by itself.
func (s *place) killsOne(random *rand.Rand, args []string) {
	s.Helper()
	cmd := s.command(args...)
	var said strings.Builder
	cmd.Stderr = &said
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		s.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	time.Sleep(time.Duration(random.Int64N(int64(400 * time.Millisecond)))) // any moment is right
	var pids []int
	for _, text := range left(s.T, s.dir) {
		if pid, err := strconv.Atoi(text); err == nil {
			pids = append(pids, pid)
		}
	}
	if len(pids) > 0 {
		victim := pids[random.IntN(len(pids))]
		s.Logf("%v: killed is %s of %v", args, proc.Describe(victim), pids)
		_ = syscall.Kill(victim, syscall.SIGKILL)
	}
	_ = cmd.Process.Kill() // the supervisor or the launcher
	<-ended
	code, _, errs := s.runs("ctl", "stop-now", "web") // a daemon that got ready all the same
	if code != exitDone && !strings.Contains(errs, "not running") && !strings.Contains(errs, "no service") && !strings.Contains(errs, "before it answered") {
		s.Errorf("stop-now: exit code %d: %s", code, errs)
	}
	noneLeft(s.T, s.dir)
}

// Reloads under load lose no request, neither GET nor POST.
func TestServiceReloadsUnderLoad(t *testing.T) {
	t.Parallel()
	for _, engine := range []string{"nethttp", "fasthttp", "hertz", "nbio", "gnet"} {
		t.Run(engine, func(t *testing.T) {
			s := newPlace(t)
			s.does("serve", "--server="+engine, "--daemon", "--addr=127.0.0.1:0", "--name=web", "--workers=2")
			load := begin(s.address("web"), 8)
			for _, verb := range []string{"reload", "upgrade", "scale-up", "reload", "scale-down", "restart"} {
				load.some()
				s.does("ctl", verb, "web")
				load.some()
			}
			done, lost := load.end()
			if len(lost) > 0 {
				t.Errorf("of %d requests %d were lost: %v", done, len(lost), lost[0])
			}
			s.does("ctl", "stop", "web")
			noneLeft(t, s.dir)
		})
	}
}

// steady is clients that keep their connections and repeat nothing.
type steady struct {
	address string
	all     sync.WaitGroup
	stop    chan struct{}
	answers chan struct{}

	mu   sync.Mutex
	done int
	lost []error
}

func begin(address string, clients int) *steady {
	l := &steady{address: address, stop: make(chan struct{}), answers: make(chan struct{})}
	for i := range clients {
		l.all.Go(func() { l.client(i%2 == 0) })
	}
	return l
}

// some waits for some answers.
func (l *steady) some() {
	for range 100 {
		<-l.answers
	}
}

func (l *steady) end() (done int, lost []error) {
	close(l.stop)
	l.all.Wait()
	return l.done, l.lost
}

func (l *steady) client(post bool) {
	request := "GET /hello HTTP/1.1\r\nHost: test\r\n\r\n"
	if post {
		request = "POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello"
	}
	var conn net.Conn
	var in *bufio.Reader
	for {
		select {
		case <-l.stop:
			if conn != nil {
				conn.Close()
			}
			return
		default:
		}
		var err error
		if conn == nil {
			if conn, err = net.Dial("tcp", l.address); err == nil {
				in = bufio.NewReader(conn)
			}
		}
		last := false
		if err == nil {
			last, err = exchange(conn, in, request)
		}
		l.count(err)
		if (err != nil || last) && conn != nil {
			conn.Close()
			conn = nil
		}
	}
}

func (l *steady) count(err error) {
	l.mu.Lock()
	l.done++
	if err != nil {
		l.lost = append(l.lost, err)
	}
	l.mu.Unlock()
	select {
	case l.answers <- struct{}{}:
	default:
	}
}

// exchange tells whether the reply is the connection's last.
func exchange(conn net.Conn, in *bufio.Reader, request string) (last bool, err error) {
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(conn, request); err != nil {
		return false, err
	}
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		return false, err
	}
	body, err := io.ReadAll(res.Body)
	if err == nil && (res.StatusCode != http.StatusOK || len(body) == 0) {
		err = fmt.Errorf("%s %q", res.Status, body)
	}
	return res.Close, err
}
