package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

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

// settled is how a service is once so many processes serve and those before have left.
func (s *place) settled(name string, processes int) (now service.Status) {
	s.Helper()
	if !eventually(s.T, func() bool { now = s.status(name); return len(now.Processes) == processes }) {
		s.Fatalf("%+v", now)
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
