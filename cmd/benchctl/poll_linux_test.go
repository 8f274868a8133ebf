package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/benchctl/benchctl/bench/measure"
	"github.com/benchctl/benchctl/results/judge"
	"github.com/benchctl/benchctl/servers/control"
)

// The load generator polls only where it takes nothing from the server by that: where no
// thread of who listens may run on one of its own processors.
func TestPollsBesideABoundServer(t *testing.T) {
	t.Parallel()
	one, other := twoCores(t)
	both := control.CPUs{one, other}
	for _, c := range []struct {
		name                 string
		server, thread, load control.CPUs // thread: of the server's threads one, if it is bound otherwise
		polls                bool
	}{
		{"the server is bound to another core", control.CPUs{one}, nil, control.CPUs{other}, true},
		{"the server is not bound", both, nil, control.CPUs{other}, false},
		{"the load is not bound", control.CPUs{one}, nil, both, false},
		{"both are bound to one core", control.CPUs{one}, nil, control.CPUs{one}, false},
		{"a thread of the server is bound otherwise", control.CPUs{one}, control.CPUs{other}, control.CPUs{other}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			url, pid := serveOn(t, dir, c.server)
			if c.thread != nil {
				bindThread(t, pid, c.thread)
			}
			for _, asked := range [][]string{nil, {"--poll=auto"}} {
				polls, said := polled(t, dir, c.load, append(asked, url)...)
				if polls != c.polls {
					t.Errorf("load %v polls: %v, want %v; it said\n%s", asked, polls, c.polls, said)
				}
			}
			if polls, said := polled(t, dir, c.load, "--poll=0", url); polls {
				t.Errorf("it polls, as nobody asked for; it said\n%s", said)
			}
		})
	}
}

// twoCores are processors of two cores, on a machine where polling is not forbidden for
// another reason.
func twoCores(t *testing.T) (one, other int) {
	t.Helper()
	if measure.ReadConditions().Limited() {
		t.Skip("under a CPU quota nothing polls")
	}
	all := control.Allowed()
	for _, one := range all {
		for _, other := range all {
			if one != other && !control.ShareCore(os.DirFS("/"), control.CPUs{one}, control.CPUs{other}) {
				return one, other
			}
		}
	}
	t.Skip("takes two cores")
	return 0, 0
}

// serveOn serves the suite on these processors until the test ends.
func serveOn(t *testing.T, dir string, cpus control.CPUs) (url string, pid int) {
	t.Helper()
	cmd := benchctl(t, dir, "serve", "--server=nethttp", "--addr=127.0.0.1:0")
	errs, err := cmd.StderrPipe()
	if err == nil {
		err = startOn(cpus, cmd)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(errs).ReadString('\n')
	_, url, ok := strings.Cut(strings.TrimSpace(line), " serves ")
	if err != nil || !ok {
		t.Fatalf("it said %q, %v", line, err)
	}
	return url + "hello", cmd.Process.Pid
}

// polled runs "benchctl load" on these processors. What it found of the server is nobody's
// concern here: a machine that is busy answers late.
func polled(t *testing.T, dir string, cpus control.CPUs, args ...string) (polls bool, said string) {
	t.Helper()
	cmd := benchctl(t, dir, append([]string{"load", "--json", "-c=1", "-d=10ms"}, args...)...)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := startOn(cpus, cmd)
	if err == nil {
		err = cmd.Wait()
	}
	var exit *exec.ExitError
	if err != nil && !(errors.As(err, &exit) && exit.ExitCode() == exitFound) {
		t.Fatalf("%v\n%s", err, errs.String())
	}
	var r judge.LoadSummary
	if err := json.Unmarshal([]byte(out.String()), &r); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	return r.Poll > 0, out.String()
}

// startOn starts a command that may run on these processors only. It inherits that of the
// thread that starts it, which ends with this.
func startOn(cpus control.CPUs, cmd *exec.Cmd) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked
		set := setOf(cpus)
		err := unix.SchedSetaffinity(0, &set)
		if err == nil {
			err = cmd.Start()
		}
		done <- err
	}()
	return <-done
}

// bindThread binds a thread of a process that is not its first.
func bindThread(t *testing.T, pid int, cpus control.CPUs) {
	t.Helper()
	tasks, err := filepath.Glob(filepath.Join("/proc", strconv.Itoa(pid), "task", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		tid, err := strconv.Atoi(filepath.Base(task))
		if err != nil || tid == pid {
			continue
		}
		set := setOf(cpus)
		if err := unix.SchedSetaffinity(tid, &set); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatalf("process %d has one thread only", pid)
}

func setOf(cpus control.CPUs) (set unix.CPUSet) {
	for _, n := range cpus {
		set.Set(n)
	}
	return set
}
