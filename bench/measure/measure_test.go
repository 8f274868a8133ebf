package measure_test

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/benchctl/benchctl/bench/measure"
)

// burn uses d of CPU time of its own process.
func burn(t *testing.T, d time.Duration) {
	t.Helper()
	began, err := measure.SelfCPU()
	if err != nil {
		t.Fatal(err)
	}
	for {
		now, err := measure.SelfCPU()
		if err != nil {
			t.Fatal(err)
		}
		if now-began >= d {
			return
		}
	}
}

func need(t *testing.T, err error) {
	t.Helper()
	if errors.Is(err, measure.ErrUnsupported) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Both sources must tell the same of the same work.
func TestTreeAgreesWithRusage(t *testing.T) {
	tree := measure.NewTree(os.Getpid())
	before, err := tree.CPU()
	need(t, err)
	burn(t, 300*time.Millisecond)
	after, err := tree.CPU()
	need(t, err)
	if used := after - before; used < 250*time.Millisecond || used > 450*time.Millisecond {
		t.Errorf("300 ms of CPU time were read as %v", used)
	}
}

// A worker of a worker counts, and stays counted once it has ended.
func TestTreeSeesDescendants(t *testing.T) {
	tree := measure.NewTree(os.Getpid())
	_, err := tree.CPU()
	need(t, err)
	// The inner shell counts, tells, and waits to be let go.
	cmd := exec.Command("sh", "-c", `sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; echo done; read x'; echo`)
	in, err := cmd.StdinPipe()
	need(t, err)
	out, err := cmd.StdoutPipe()
	need(t, err)
	need(t, cmd.Start())
	if _, err := out.Read(make([]byte, 4)); err != nil {
		t.Fatal(err)
	}
	busy, err := tree.CPU()
	need(t, err)
	in.Close()
	cmd.Wait()
	later, err := tree.CPU()
	need(t, err)
	if busy < 20*time.Millisecond {
		t.Errorf("a busy grandchild was read as %v", busy)
	}
	if later < busy {
		t.Errorf("the sum fell from %v to %v when the grandchild ended", busy, later)
	}
}

func TestMemory(t *testing.T) {
	tree := measure.NewTree(os.Getpid())
	before, err := tree.Memory()
	need(t, err)
	block := make([]byte, 64<<20)
	for i := 0; i < len(block); i += 4096 {
		block[i] = 1
	}
	after, err := tree.Memory()
	need(t, err)
	runtime.KeepAlive(block)
	if grown := after - before; grown < 60 || grown > 200 {
		t.Errorf("64 MiB more were read as %.1f MiB", grown)
	}
}

func TestEndedProcess(t *testing.T) {
	cmd := exec.Command("true")
	need(t, cmd.Run())
	if _, err := measure.NewTree(cmd.Process.Pid).CPU(); err == nil {
		t.Error("no error for a process that has ended")
	}
}

func TestEnvironment(t *testing.T) {
	e := measure.Environment()
	if e.Cores < 1 || !strings.HasPrefix(e.Go, "go") || len(e.Fingerprint) != 12 {
		t.Errorf("environment: %+v", e)
	}
	if e.Fingerprint != measure.Environment().Fingerprint {
		t.Error("the fingerprint of one machine changes")
	}
}

// Two threads that want one processor wait for it about half of the time.
func TestWaiting(t *testing.T) {
	var w measure.Waiting
	_, _, err := w.Read()
	need(t, err)
	n := runtime.GOMAXPROCS(2 * runtime.NumCPU())
	defer runtime.GOMAXPROCS(n)
	before, gotBefore, err := w.Read()
	need(t, err)
	var all sync.WaitGroup
	until := time.Now().Add(300 * time.Millisecond)
	for range 2 * runtime.NumCPU() {
		all.Go(func() {
			for time.Now().Before(until) {
			}
		})
	}
	all.Wait()
	after, got, err := w.Read()
	need(t, err)
	if waited, least := after-before, 150*time.Millisecond*time.Duration(runtime.NumCPU()); waited < least || got == gotBefore {
		t.Errorf("waited for %v in %d times, at least %v expected", waited, got-gotBefore, least)
	}
}
