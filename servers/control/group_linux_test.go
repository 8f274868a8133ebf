package control_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/benchctl/benchctl/servers/control"
	"github.com/benchctl/benchctl/servers/control/proc"
)

// everyGroup runs a test with each kind of control group, and without.
func everyGroup(t *testing.T, test func(*testing.T, control.Groups)) {
	needProc(t)
	for _, groups := range []control.Groups{control.NoGroup, control.GroupV1, control.GroupV2} {
		t.Run(string(groups), func(t *testing.T) { test(t, groups) })
	}
}

// needGroup skips a test where no group could be made for p.
func needGroup(t *testing.T, p *control.Process, groups control.Groups) {
	t.Helper()
	switch {
	case groups == control.NoGroup && p.Group != "":
		t.Fatalf("runs in control group %s, which it was not to have", p.Group)
	case groups != control.NoGroup && p.Group == "":
		t.Skipf("no control group of %s can be made here", groups)
	}
}

// heldBy waits until p holds so many processes, once those between them have ended.
func heldBy(t *testing.T, p *control.Process, n int) []int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		held, err := p.Held()
		if err != nil {
			t.Fatal(err)
		}
		if len(held) == n {
			return held
		}
		if ctx.Err() != nil {
			t.Fatalf("held are %v, not %d processes", held, n)
		}
	}
}

// removed waits until the group no longer exists, within reason.
func removed(t *testing.T, group proc.Group) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for group != "" && ctx.Err() == nil {
		if _, err := os.Stat(string(group)); errors.Is(err, fs.ErrNotExist) {
			return
		}
	}
	if group != "" {
		t.Errorf("control group %s is still there", group)
	}
}

// A server whose grandchild answers, after the child between them has ended, is held
// and owns its socket.
func TestGrandchildAnswers(t *testing.T) {
	everyGroup(t, func(t *testing.T, groups control.Groups) {
		address, err := control.FreeAddress()
		if err != nil {
			t.Fatal(err)
		}
		p := start(t, "fork-twice", func(s *control.Spec) { s.Env, s.Groups = append(s.Env, "TEST_ADDRESS="+address), groups })
		needGroup(t, p, groups)
		if found := groupsOfThis(); p.Group != "" && !slices.Contains(found, string(p.Group)) {
			t.Errorf("runs in control group %s; those of this process are %v", p.Group, found)
		}
		if _, err := p.Ready(t.Context(), address, time.Minute, probe(address)); err != nil {
			t.Fatal(err)
		}
		held := heldBy(t, p, 2)
		if !slices.Contains(held, p.PID()) || slices.Contains(held, p.Guard) {
			t.Errorf("guard %d with main process %d holds %v", p.Guard, p.PID(), held)
		}
		if p.Group != "" {
			members, err := p.Group.Members()
			slices.Sort(members)
			slices.Sort(held)
			if err != nil || !slices.Equal(members, held) {
				t.Errorf("the group has %v, %v; held are %v", members, err, held)
			}
		}
		p.Kill()
		for _, pid := range held {
			gone(t, pid)
		}
	})
}

func TestGroupIsRemoved(t *testing.T) {
	for name, end := range map[string]func(*testing.T, *control.Process){
		"stop":  func(t *testing.T, p *control.Process) { p.Stop(t.Context(), time.Minute) },
		"kill":  func(_ *testing.T, p *control.Process) { p.Kill() },
		"guard": func(_ *testing.T, p *control.Process) { _ = syscall.Kill(p.Guard, syscall.SIGKILL) },
	} {
		t.Run(name, func(t *testing.T) {
			everyGroup(t, func(t *testing.T, groups control.Groups) {
				p := start(t, "hang", func(s *control.Spec) { s.Groups = groups })
				needGroup(t, p, groups)
				end(t, p)
				<-p.Done()
				if _, err := os.Stat(string(p.Group)); p.Group != "" && !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("control group %s is still there: %v", p.Group, err)
				}
				gone(t, p.PID())
			})
		})
	}
}

func TestGroupOfAKilledOwner(t *testing.T) {
	everyGroup(t, func(t *testing.T, groups control.Groups) {
		o := own(t, "stubborn", groups)
		o.kill()
		gone(t, o.pid)
		removed(t, o.group)
		if groups != control.NoGroup && o.group == "" {
			t.Skipf("no control group of %s can be made here", groups)
		}
	})
}

// What can't be run leaves no group.
func TestFailedStartLeavesNoGroup(t *testing.T) {
	everyGroup(t, func(t *testing.T, groups control.Groups) {
		program := filepath.Join(t.TempDir(), "program")
		if err := os.WriteFile(program, []byte("\x7fnot a program"), 0o700); err != nil {
			t.Fatal(err)
		}
		s := spec("hang", "")
		s.Argv, s.Groups = []string{program}, groups
		if p, err := control.Start("text", s); err == nil {
			p.Kill()
			t.Fatal("a text was started")
		}
		if left := groupsOfThis(); len(left) > 0 {
			t.Errorf("control groups %v are still there", left)
		}
	})
}

// groupsOfThis are the groups of all candidates of this process.
func groupsOfThis() (all []string) {
	for _, home := range proc.Homes(os.DirFS("/")) {
		found, _ := filepath.Glob(filepath.Join("/", home.Dir, fmt.Sprintf("benchctl-%d.*", os.Getpid())))
		all = append(all, found...)
	}
	return all
}
