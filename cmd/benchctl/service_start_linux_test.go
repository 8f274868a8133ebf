package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/benchctl/benchctl/servers/control"
)

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
	_ = cmd.Process.Signal(syscall.SIGTERM) // perhaps before the second worker is ready
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
