package control_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/benchctl/benchctl/servers/control"
	"github.com/benchctl/benchctl/servers/control/proc"
)

// given starts a candidate on the first processor and tells what it was given.
func given(t *testing.T, part string, change func(*control.Spec)) (*control.Process, control.Given) {
	t.Helper()
	all := control.Allowed()
	if len(all) < 2 {
		t.Skip("takes two processors")
	}
	p := start(t, part, func(s *control.Spec) {
		s.CPUs = all[:1]
		if change != nil {
			change(s)
		}
	})
	g, err := p.Given(all[:1])
	if err != nil {
		t.Fatal(err)
	}
	return p, g
}

// permitted skips a test of what takes a privilege.
func permitted(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Skipf("not permitted here: %v", err)
	}
}

// What a candidate does to its scheduling is told, with who did it; what takes nothing from
// others is not.
func TestDeeds(t *testing.T) {
	everyGroup(t, func(t *testing.T, groups control.Groups) {
		all := control.Allowed()
		var both unix.CPUSet
		for _, n := range all {
			both.Set(n)
		}
		priority, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
		if err != nil {
			t.Fatal(err)
		}
		own := 20 - priority // getpriority(2) tells it so
		for name, c := range map[string]struct {
			do   func(pid int) error
			want string // "" for no deed
		}{
			"nothing":         {do: func(int) error { return nil }},
			"nicer to others": {do: func(pid int) error { return unix.Setpriority(unix.PRIO_PROCESS, pid, 19) }},
			"batch":           {do: func(pid int) error { return schedule(pid, unix.SchedAttr{Policy: unix.SCHED_BATCH, Nice: int32(own)}) }},
			"moved": {
				do:   func(pid int) error { return unix.SchedSetaffinity(pid, &both) },
				want: fmt.Sprintf("moved to processors %s (given %d): ", all, all[0]),
			},
			"nice": {
				do:   func(pid int) error { return unix.Setpriority(unix.PRIO_PROCESS, pid, -5) },
				want: fmt.Sprintf("raised its priority: nice -5 (given %d): ", own),
			},
			"real time": {
				do: func(pid int) error {
					return schedule(pid, unix.SchedAttr{Policy: unix.SCHED_RR, Priority: 1, Nice: int32(own)})
				},
				want: "real-time scheduling: SCHED_RR 1: ",
			},
		} {
			t.Run(name, func(t *testing.T) {
				p, g := given(t, "hang", func(s *control.Spec) { s.Groups = groups })
				needGroup(t, p, groups)
				permitted(t, c.do(p.PID()))
				told(t, g.Deeds([]int{p.PID()}), c.want, p.PID())
			})
		}
	})
}

func schedule(pid int, attr unix.SchedAttr) error {
	attr.Size = unix.SizeofSchedAttr
	return unix.SchedSetAttr(pid, &attr, 0)
}

// told checks that there is this deed of a process and no other, or none.
func told(t *testing.T, deeds []string, want string, pid int) {
	t.Helper()
	if want == "" && len(deeds) > 0 || want != "" && (len(deeds) != 1 || !strings.HasPrefix(deeds[0], want) || !strings.Contains(deeds[0], fmt.Sprintf("PID %d (", pid))) {
		t.Errorf("deeds %q, want %q of PID %d", deeds, want, pid)
	}
}

// A session of a candidate's own has a nice value of its own (sched(7), autogroup).
func TestNiceOfASession(t *testing.T) {
	needProc(t)
	address, err := control.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	p, g := given(t, "fork-twice", func(s *control.Spec) { s.Env = append(s.Env, "TEST_ADDRESS="+address) })
	if _, err := p.Ready(t.Context(), address, time.Minute, probe(address)); err != nil {
		t.Fatal(err)
	}
	held, err := p.Held()
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(held, func(pid int) bool { session, err := unix.Getsid(pid); return err == nil && session == pid })
	if at < 0 {
		t.Fatalf("none of %v has a session of its own", held)
	}
	told(t, g.Deeds(held), "", 0)
	permitted(t, os.WriteFile(fmt.Sprintf("/proc/%d/autogroup", held[at]), []byte("-5"), 0))
	told(t, g.Deeds(held), "raised its priority: nice -5 of its session (given 0): ", held[at])
}

// Who leaves the control group that counts its time, or gets more of a processor by another
// one, is told, be it a single thread.
func TestLeavesItsControlGroup(t *testing.T) {
	needProc(t)
	p, g := given(t, "hang", nil)
	told(t, g.Deeds([]int{p.PID()}), "", 0)
	for _, home := range proc.Homes(os.DirFS("/")) {
		if !home.Seen || !home.Unified && !slices.Contains(home.Controllers, "cpu") {
			continue
		}
		dir, err := os.MkdirTemp(filepath.Join("/", home.Dir), "benchctl-test-")
		if err != nil {
			continue
		}
		t.Cleanup(func() { // it is empty when the candidate, that is killed first, is gone
			p.Kill()
			_ = proc.Group(dir).End()
		})
		file := "cgroup.procs"
		if !home.Unified {
			file = "tasks" // of threads
		}
		permitted(t, os.WriteFile(filepath.Join(dir, file), fmt.Append(nil, p.PID()), 0))
		told(t, g.Deeds([]int{p.PID()}), "left its control group: runs in "+strings.Join(home.Controllers, ",")+":", p.PID())
		return
	}
	t.Skip("no control group to be had")
}

// To read the threads back takes no more than a small part of a slice: it is done after
// each one, before the next begins.
func BenchmarkDeeds(b *testing.B) {
	for _, threads := range []int{4, 64} {
		b.Run(fmt.Sprint(threads, " threads"), func(b *testing.B) {
			s := spec("threads", filepath.Join(b.TempDir(), "log"))
			s.Env = append(s.Env, fmt.Sprintf("TEST_THREADS=%d", threads))
			p, err := control.Start("threads", s)
			if err != nil {
				b.Fatal(err)
			}
			defer p.Kill()
			for control.LogTail(s.Log, 1) != "there" {
				runtime.Gosched()
			}
			g, err := p.Given(nil)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if deeds := g.Deeds([]int{p.PID()}); len(deeds) > 0 {
					b.Fatal(deeds)
				}
			}
		})
	}
}

// BenchmarkOwnership is what the proof takes on this machine, with all its processes.
func BenchmarkOwnership(b *testing.B) {
	address, err := control.FreeAddress()
	if err != nil {
		b.Fatal(err)
	}
	s := spec("bind", filepath.Join(b.TempDir(), "log"))
	s.Env = append(s.Env, "TEST_ADDRESS="+address)
	p, err := control.Start("bind", s)
	if err != nil {
		b.Fatal(err)
	}
	defer p.Kill()
	if _, err := p.Ready(b.Context(), address, time.Minute, probe(address)); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := p.OwnsSocket(address); err != nil {
			b.Fatal(err)
		}
	}
}
