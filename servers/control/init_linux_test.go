package control_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/benchctl/benchctl/servers/control"
	"github.com/benchctl/benchctl/servers/control/proc"
)

func init() {
	otherParts["reaper"] = func() { // waits for any child
		fmt.Println("pid", os.Getpid())
		for {
			var status syscall.WaitStatus
			_, err := syscall.Wait4(-1, &status, 0, nil)
			if err != nil { // there is none
				time.Sleep(time.Millisecond)
				continue
			}
			fmt.Println("reaped", status.ExitStatus(), status.Signal())
		}
	}
}

// asInit starts a part as process 1, where that can be.
func asInit(t *testing.T, part string) (p *control.Process, log string) {
	t.Helper()
	if err := control.CanInit(); err != nil {
		t.Skip(err)
	}
	log = filepath.Join(t.TempDir(), "log")
	p = start(t, part, func(s *control.Spec) { s.Init, s.Log = true, log })
	if inner, err := proc.Inner(p.PID()); err != nil || inner != 1 {
		t.Fatalf("the main process is %d in its namespace, %v", inner, err)
	}
	return p, log
}

// A main process that is process 1 adopts foreign children, each ends as it was told, and
// the end of the candidate is that of all in its namespace.
func TestOrphans(t *testing.T) {
	t.Parallel()
	p, log := asInit(t, "reaper")
	says(t, log, "pid 1")
	for end, want := range map[string]string{"exit 0": "reaped 0 signal -1", "exit 3": "reaped 3 signal -1", "kill -KILL $$": "reaped -1 killed"} {
		pid, err := p.Orphan(end)
		if err != nil || pid <= 1 {
			t.Fatalf("%s: process %d, %v", end, pid, err)
		}
		says(t, log, want)
	}
	if own, err := proc.Children(os.Getpid()); err != nil || slices.Contains(own, p.PID()) {
		t.Errorf("the children of the test are %v, %v", own, err)
	}
	p.Kill()
	if _, err := p.Orphan("exit 0"); err == nil || !strings.Contains(err.Error(), control.ErrEnded.Error()) {
		t.Errorf("of a candidate that has ended: %v", err)
	}
}

// One that waits for nobody leaves zombies, and what its guard holds it holds still.
func TestOrphanLeft(t *testing.T) {
	t.Parallel()
	p, _ := asInit(t, "hang")
	pid, err := p.Orphan("exit 3")
	if err != nil {
		t.Fatal(err)
	}
	for until := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		zombies, err := proc.Zombies([]int{p.PID()})
		if err != nil || time.Now().After(until) {
			t.Fatalf("zombies are %v, %v", zombies, err)
		}
		if slices.Equal(zombies, []int{pid}) {
			break
		}
	}
	if held, err := p.Held(); err != nil || !slices.Equal(held, []int{p.PID()}) {
		t.Errorf("the guard holds %v, %v; the main process is %d", held, err, p.PID())
	}
	p.Kill()
	if exit := p.Exit(); exit.Left != nil || exit.Guard != nil {
		t.Errorf("its end: %+v", exit)
	}
}

// Who is not process 1 adopts nobody.
func TestNoOrphan(t *testing.T) {
	t.Parallel()
	p := start(t, "hang", nil)
	if _, err := p.Orphan("exit 0"); err == nil || !strings.Contains(err.Error(), "it is not process 1 of a pid namespace") {
		t.Errorf("%v", err)
	}
}
