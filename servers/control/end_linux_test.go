package control_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/benchctl/benchctl/servers/control"
	"github.com/benchctl/benchctl/servers/control/proc"
)

func init() {
	if os.Getenv("CONTROL_TEST_PART") == "headless" {
		runtime.LockOSThread() // main runs on the first thread
	}
	// One that its guard's death does not kill, with a child, and a grandchild in a session
	// of its own whose parent has ended, which answers.
	otherParts["deathless"] = func() {
		if err := unix.Prctl(unix.PR_SET_PDEATHSIG, 0, 0, 0, 0); err != nil {
			os.Exit(7)
		}
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), "CONTROL_TEST_PART=hang")
		if err := child.Start(); err != nil {
			os.Exit(7)
		}
		play("fork-twice")
	}
	// One whose first thread ends before the others.
	otherParts["headless"] = func() {
		go forever()
		_, _, _ = syscall.Syscall(syscall.SYS_EXIT, 0, 0, 0)
	}
}

// ending is a process that is to end.
type ending struct {
	pid  int
	file *os.File // of pidfd_open(2), readable once it has ended
}

// watch is to be called while the process lives.
func watch(t *testing.T, pids ...int) (all []ending) {
	t.Helper()
	for _, pid := range pids {
		fd, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			t.Fatalf("process %d: %v", pid, err)
		}
		e := ending{pid, os.NewFile(uintptr(fd), "process")}
		t.Cleanup(func() { e.file.Close() })
		all = append(all, e)
	}
	return all
}

// ended waits until all have ended, within reason.
func ended(t *testing.T, all []ending) {
	t.Helper()
	for _, e := range all {
		fds := []unix.PollFd{{Fd: int32(e.file.Fd()), Events: unix.POLLIN}}
		n, err := unix.Poll(fds, 30_000)
		for errors.Is(err, unix.EINTR) {
			n, err = unix.Poll(fds, 30_000)
		}
		if n != 1 || err != nil {
			t.Errorf("%s is still there: %v", proc.Describe(e.pid), err)
		}
	}
}

// halt stops a process, and waits until it is: a signal that is sent meanwhile may come
// before.
func halt(pid int) {
	_ = syscall.Kill(pid, syscall.SIGSTOP)
	for proc.Alive(pid) && !strings.HasSuffix(proc.Describe(pid), "state T") {
		runtime.Gosched()
	}
}

// markOf is the mark that a process was started with, NAME=VALUE.
func markOf(t *testing.T, pid int) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Split(string(text), "\x00")
	at := slices.IndexFunc(all, func(v string) bool { return strings.HasPrefix(v, "BENCHCTL_CANDIDATE=") })
	if at < 0 {
		t.Fatalf("process %d has no mark", pid)
	}
	return all[at]
}

// startMarked starts another process with the mark of one, that plays a part, and waits
// until its environment can be read, which is a moment after it executes.
func startMarked(t *testing.T, as int, part string, files ...*os.File) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env, cmd.ExtraFiles = []string{"CONTROL_TEST_PART=" + part, markOf(t, as)}, files
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", cmd.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		if len(text) > 0 {
			return cmd
		}
	}
}

// unmarked checks that no process carries the mark.
func unmarked(t *testing.T, variable string) {
	t.Helper()
	_, mark, _ := strings.Cut(variable, "=")
	pids, err := proc.Marked(proc.Mark(mark))
	if err != nil {
		t.Fatal(err)
	}
	for _, pid := range pids {
		t.Errorf("%s is still there, and marked", proc.Describe(pid))
	}
}

// deathless starts a candidate that does not die with its guard, and waits until all of it
// is there.
func deathless(t *testing.T, change func(*control.Spec)) (p *control.Process, all []ending, mark string) {
	t.Helper()
	address, err := control.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	p = start(t, "deathless", func(s *control.Spec) { s.Env = append(s.Env, "TEST_ADDRESS="+address); change(s) })
	if _, err := p.Ready(t.Context(), address, time.Minute, probe(address)); err != nil {
		t.Fatal(err)
	}
	return p, watch(t, append(heldBy(t, p, 3), p.Guard)...), markOf(t, p.PID())
}

// lost checks that a candidate and its guard are gone, and what is said of that.
func lost(t *testing.T, p *control.Process, all []ending, mark, why string) {
	t.Helper()
	exit := p.Exit()
	if exit.Guard == nil || !strings.Contains(exit.String(), why) || !strings.Contains(exit.Death().Error(), why) || strings.Contains(exit.Death().Error(), "died") {
		t.Errorf("exit: %s; %v", exit, exit.Death())
	}
	if exit.Left != nil {
		t.Errorf("left: %v", exit.Left)
	}
	ended(t, all)
	unmarked(t, mark)
	removed(t, p.Group)
	if err := syscall.Kill(p.PID(), 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the main process is not reaped: %v", err)
	}
}

// Whatever the candidate does, its end does not depend on the guard.
func TestKilledGuard(t *testing.T) {
	everyGroup(t, func(t *testing.T, groups control.Groups) {
		p, all, mark := deathless(t, func(s *control.Spec) { s.Groups = groups })
		needGroup(t, p, groups)
		_ = syscall.Kill(p.Guard, syscall.SIGKILL)
		<-p.Done()
		lost(t, p, all, mark, "its guard was killed (signal: killed)")
	})
}

// A guard that does not run is not waited for.
func TestStoppedGuard(t *testing.T) {
	for name, end := range map[string]func(*control.Process){
		"stop": func(p *control.Process) { p.Stop(t.Context(), time.Millisecond) },
		"kill": func(p *control.Process) { p.Kill() },
	} {
		t.Run(name, func(t *testing.T) {
			everyGroup(t, func(t *testing.T, groups control.Groups) {
				p, all, mark := deathless(t, func(s *control.Spec) { s.Groups, s.Patience.Guard = groups, time.Millisecond })
				needGroup(t, p, groups)
				halt(p.Guard)
				end(p)
				lost(t, p, all, mark, "its guard did not answer within 1ms and was killed")
			})
		})
	}
}

func TestGuardStopsAtOnce(t *testing.T) {
	s := spec("hang", "")
	s.Guard, s.Patience.Start = []string{os.Args[0], "stopped-guard"}, time.Millisecond
	_, err := control.Start("still", s)
	if err == nil || !strings.Contains(err.Error(), "start still: its guard did not answer within 1ms and was killed") {
		t.Errorf("start: %v", err)
	}
	if tree, err := proc.Tree(os.Getpid()); err != nil || len(tree) > 1 {
		t.Errorf("processes are left: %v, %v", tree[1:], err)
	}
}

func TestGuardFails(t *testing.T) {
	program, err := exec.LookPath("false")
	if err != nil {
		t.Skip(err)
	}
	s := spec("hang", "")
	s.Guard = []string{program}
	if _, err := control.Start("lone", s); err == nil || !strings.Contains(err.Error(), "start lone: its guard failed (exit status 1)") {
		t.Errorf("start: %v", err)
	}
}

// A server that stops itself, as by SIGSTOP, does not hear that it is to stop.
func TestStoppedServer(t *testing.T) {
	p := start(t, "hang", nil)
	all := watch(t, p.PID())
	halt(p.PID())
	if exit := p.Stop(t.Context(), time.Millisecond); !exit.Killed || exit.Signal != syscall.SIGKILL || exit.Left != nil {
		t.Errorf("stop: %+v", exit)
	}
	ended(t, all)
}

// A process whose first thread has ended looks like a zombie.
func TestServerWithoutFirstThread(t *testing.T) {
	everyGroup(t, func(t *testing.T, groups control.Groups) {
		p := start(t, "headless", func(s *control.Spec) { s.Groups = groups })
		needGroup(t, p, groups)
		all := watch(t, p.PID())
		for !strings.HasSuffix(proc.Describe(p.PID()), "state Z") {
			runtime.Gosched()
		}
		if held, err := p.Held(); err != nil || !slices.Equal(held, []int{p.PID()}) {
			t.Errorf("held are %v, %v", held, err)
		}
		_ = syscall.Kill(p.Guard, syscall.SIGKILL)
		<-p.Done()
		ended(t, all)
		if err := syscall.Kill(p.PID(), 0); !errors.Is(err, syscall.ESRCH) || p.Exit().Left != nil {
			t.Errorf("it is left: %v, %v", err, p.Exit().Left)
		}
	})
}

// What another process starts for a candidate is told and killed.
func TestOutsideOfTheTree(t *testing.T) {
	p := start(t, "hang", nil)
	other := startMarked(t, p.PID(), "hang")
	exit := p.Stop(t.Context(), time.Minute)
	if want := fmt.Sprintf("PID %d (", other.Process.Pid); len(exit.Outside) != 1 || !strings.HasPrefix(exit.Outside[0], want) || exit.Escaped != 1 || exit.Left != nil {
		t.Errorf("stop: %v; outside of the tree %q, %d escaped, left %v", exit, exit.Outside, exit.Escaped, exit.Left)
	}
	if err := other.Wait(); err == nil || err.Error() != "signal: killed" {
		t.Errorf("the other process: %v", err)
	}
}

// What listens on the port as a candidate's without descending from its guard is told.
func TestOutsideAnswers(t *testing.T) {
	p := start(t, "hang", nil)
	f, address := listen(t)
	other := startMarked(t, p.PID(), "serve", f)
	f.Close()
	_, err := p.Ready(t.Context(), address, time.Minute, probe(address))
	if want := fmt.Sprintf("started for it by another process, and so not to be measured: PID %d (", other.Process.Pid); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("ready: %v", err)
	}
	p.Kill()
	_ = other.Wait()
}

// A process that the kernel does not let die, as one that waits for a disk, is named.
func TestUndying(t *testing.T) {
	p := start(t, "hang", func(s *control.Spec) { s.Groups, s.Patience.Death = control.NoGroup, 10*time.Millisecond })
	thaw := freeze(t, p.PID())
	all := watch(t, p.PID())
	p.Kill()
	exit := p.Exit()
	if want := fmt.Sprintf("left running: PID %d (", p.PID()); exit.Left == nil || !strings.HasPrefix(exit.Left.Error(), want) || !strings.HasSuffix(exit.Left.Error(), "state D") {
		t.Errorf("left: %v", exit.Left)
	}
	if exit.Guard != nil {
		t.Errorf("of its guard it is said: %v", exit.Guard)
	}
	thaw()
	ended(t, all)
	_, _ = syscall.Wait4(p.PID(), nil, 0, nil)
}

// freeze keeps a process from running, and from dying, by the freezer of version 1 of
// control groups, until thaw.
func freeze(t *testing.T, pid int) (thaw func()) {
	t.Helper()
	homes := proc.Homes(os.DirFS("/"))
	at := slices.IndexFunc(homes, func(h proc.Home) bool { return slices.Equal(h.Controllers, []string{"freezer"}) && h.Seen })
	if at < 0 {
		t.Skip("no freezer is mounted")
	}
	dir, err := os.MkdirTemp(filepath.Join("/", homes[at].Dir), "frozen-")
	if err != nil {
		t.Skip(err)
	}
	write := func(file, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if err := proc.Group(dir).End(); err != nil {
			t.Error(err)
		}
	})
	write("cgroup.procs", fmt.Sprint(pid))
	write("freezer.state", "FROZEN")
	for {
		if state, err := os.ReadFile(filepath.Join(dir, "freezer.state")); err != nil || string(state) == "FROZEN\n" {
			return func() { write("freezer.state", "THAWED") }
		}
	}
}

// Where benchctl and the guard are killed at once, what the kernel does not kill is told
// to the next benchctl, which removes the control group once all in it is dead.
func TestLeftovers(t *testing.T) {
	for part, survives := range map[string]bool{"hang": false, "deathless": true} {
		t.Run(part, func(t *testing.T) {
			everyGroup(t, func(t *testing.T, groups control.Groups) {
				o, pids := abandon(t, part, groups)
				all := watch(t, pids...)
				if survives {
					_ = syscall.Kill(o.guard, syscall.SIGKILL)
					left := proc.Leftovers()
					for _, pid := range pids {
						if !slices.Contains(left, pid) {
							t.Errorf("left are %v; of the candidate's %v there is not %d", left, pids, pid)
						}
						_ = syscall.Kill(pid, syscall.SIGKILL)
					}
				}
				_ = syscall.Kill(o.guard, syscall.SIGKILL)
				ended(t, all)
				left := proc.Leftovers()
				if slices.ContainsFunc(pids, func(pid int) bool { return slices.Contains(left, pid) }) {
					t.Errorf("left are %v; of the candidate's %v there should be none", left, pids)
				}
				removed(t, o.group)
				if groups != control.NoGroup && o.group == "" {
					t.Skipf("no control group of %s can be made here", groups)
				}
			})
		})
	}
}

// abandon kills the owner of a candidate whose guard does not run, and tells what that
// holds.
func abandon(t *testing.T, part string, groups control.Groups) (owned, []int) {
	t.Helper()
	address, err := control.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("TEST_ADDRESS", address)
	o := own(t, part, groups)
	for part == "deathless" && probe(address)(t.Context()) != nil {
		runtime.Gosched()
	}
	n := map[string]int{"hang": 1, "deathless": 3}[part]
	var held []int
	for len(held) != n { // those between them end
		if held, err = proc.Held(o.guard, o.group); err != nil {
			t.Fatal(err)
		}
	}
	halt(o.guard)
	o.kill()
	return o, held
}
