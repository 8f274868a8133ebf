package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/control/proc"
)

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
					now := s.settled("e", 2)
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
	now := s.settled("nethttp", 1)
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
