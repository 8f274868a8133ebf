package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/control"
)

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
	for range 2 {
		if list := s.does("ctl", "list"); !strings.Contains(list, "killed") {
			t.Errorf("listed is\n%s", list)
		}
	}
	s.does("ctl", "start", "web")
	s.refuses(exitEnvironment, "stop it first (benchctl ctl stop web)", "ctl", "forget", "web")
	s.does("ctl", "stop-now", "web")
	noneLeft(t, s.dir)
	s.does("ctl", "forget", "web")
	if list := s.does("ctl", "list", "--json"); list != "[]\n" {
		t.Errorf("listed is %s", list)
	}
	s.refuses(exitUsage, `no service "web" is known`, "ctl", "forget", "web")
}

// falling are servers that may end when they reload, and why.
var falling = map[string]string{
	"cherrypy": "it executes itself anew, and ends with exit status 70 if it can't listen again at once",
}

// A server of a manifest is a service like others, which has the verbs that its manifest
// declares.
func TestServiceOfManifest(t *testing.T) {
	if testing.Short() {
		t.Skip("starts every server that can be reloaded")
	}
	t.Parallel()
	all, err := servers.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, server := range all {
		c := servers.Candidate{Name: server.Name, Server: server, Profile: "default"}
		if server.Manifest == nil || !c.Offers(control.Reload) || falling[server.Name] != "" || server.Check(t.Context()) != nil {
			continue
		}
		t.Run(server.Name, func(t *testing.T) {
			t.Parallel()
			s := newPlace(t)
			s.does("ctl", "start", "app", "--", "--server="+server.Name, "--addr=127.0.0.1:0", "--pidfile=app.pid", "--workers=2", "--drain=2s")
			s.answers("app")
			first := s.status("app")
			if len(first.Processes) != 1 || first.Server != server.Name || first.State != "started" {
				t.Fatalf("%+v", first)
			}
			for _, verb := range []control.Verb{control.Reload, control.Upgrade, control.ScaleUp, control.ScaleDown} {
				if !c.Offers(verb) {
					s.refuses(exitUsage, "not offered by this server", "ctl", string(verb), "app")
					continue
				}
				s.does("ctl", string(verb), "app")
				s.answers("app")
			}
			s.does("ctl", "restart", "app")
			s.answers("app")
			if now := s.status("app"); now.PID != first.PID || now.Processes[0].PID == first.Processes[0].PID || now.Addresses[0] != first.Addresses[0] {
				t.Errorf("%+v, restarted it is %+v", first, now)
			}
			s.does("ctl", "stop", "app")
			noneLeft(t, s.dir)
			s.tidy("a stop")
			s.does("ctl", "start", "app") // as it was
			s.answers("app")
			s.does("ctl", "stop-now", "app")
			noneLeft(t, s.dir)
			s.tidy("stop-now")
		})
	}
}

// answers waits until a service answers, as those do not at once that reload by stopping.
func (s *place) answers(name string) {
	s.Helper()
	address, body, err := s.address(name), "", error(nil)
	if !eventually(s.T, func() bool { body, err = says(address); return err == nil && body == "Hello, World!" }) {
		s.Errorf("%s at %s says %q, %v", name, address, body, err)
	}
}

// A server is started by its name alone where no service of the name is known.
func TestServiceByServer(t *testing.T) {
	t.Parallel()
	s := newPlace(t)
	var ln net.Listener // where it would listen
	var err error
	if !eventually(t, func() bool { ln, err = net.Listen("tcp", "127.0.0.1:8080"); return err == nil }) {
		t.Skip(err)
	}
	defer ln.Close()
	for _, server := range []string{"nethttp", "wsgiref"} {
		s.refuses(exitEnvironment, "127.0.0.1:8080: bind: address already in use", "ctl", "start", server)
	}
	s.refuses(exitUsage, `no service "wsgi" is known`, "ctl", "start", "wsgi") // which is a group
	s.does("ctl", "start", "wsgiref", "--", "--server=nethttp", "--addr=127.0.0.1:0")
	if now := s.status("wsgiref"); now.Server != "nethttp" {
		t.Errorf("%+v", now)
	}
	s.does("ctl", "stop", "wsgiref")
	s.does("ctl", "start", "wsgiref") // what is known comes first
	if now := s.status("wsgiref"); now.Server != "nethttp" {
		t.Errorf("%+v", now)
	}
	s.does("ctl", "stop", "wsgiref")
	noneLeft(t, s.dir)
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
	now := s.settled("nethttp", 1)
	if now.Generation == 1 {
		t.Errorf("%+v", now)
	}
	command, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", now.Processes[0].PID))
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
