package main

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// temporary lists what is in the directory for temporary files.
func (s *place) temporary() (names []string) {
	s.Helper()
	all, err := os.ReadDir(filepath.Join(s.dir, "tmp"))
	if err != nil {
		s.Fatal(err)
	}
	for _, e := range all {
		names = append(names, e.Name())
	}
	return names
}

// tidy fails if temporary files are left.
func (s *place) tidy(after string) {
	s.Helper()
	if names := s.temporary(); len(names) > 0 {
		s.Errorf("%s leaves %v", after, names)
	}
}

// Workers that end at once or are killed leave no temporary files: the supervisor removes them.
func TestServiceTemporary(t *testing.T) {
	t.Parallel()
	s := newPlace(t)
	start := []string{"serve", "--server=nethttp", "--daemon", "--addr=127.0.0.1:0", "--workers=2", "--name=web"}
	s.does(start...)
	if names := s.temporary(); len(names) != 1 { // static files are in it
		t.Errorf("the service has %v", names)
	}
	victim := s.status("web").Processes[0].PID
	_ = syscall.Kill(victim, syscall.SIGKILL)
	if !eventually(t, func() bool {
		all := s.status("web").Processes
		return len(all) == 2 && all[0].PID != victim && all[1].PID != victim
	}) {
		t.Error("the worker is not started again")
	}
	s.does("ctl", "restart", "web")
	if names := s.temporary(); len(names) != 1 {
		t.Errorf("restarted, the service has %v", names)
	}
	s.does("ctl", "stop-now", "web")
	noneLeft(t, s.dir)
	s.tidy("stop-now")
}

// What a process leaves that is killed itself, the next one removes.
func TestServeTemporary(t *testing.T) {
	t.Parallel()
	for name, flags := range map[string][]string{"direct": {"--server=nethttp"}, "supervised": {"--server=nethttp", "--supervised", "--name="}} {
		t.Run(name, func(t *testing.T) {
			s := newPlace(t)
			cmd, _ := s.foreground(flags...)
			_ = cmd.Process.Kill()
			ends(t, cmd)
			noneLeft(t, s.dir)
			left := s.temporary()
			if len(left) != 1 {
				t.Errorf("killed, it leaves %v", left)
			}
			cmd, _ = s.foreground(flags...)
			if now := s.temporary(); len(now) != 1 || now[0] == left[0] {
				t.Errorf("the next one has %v", now)
			}
			_ = cmd.Process.Signal(syscall.SIGTERM)
			if state := ends(t, cmd); !state.Success() {
				t.Error(state)
			}
			s.tidy("a stop")
		})
	}
}
