package handover

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// An unsignalled worker outlives its supervisor but for the end of its orders, as after a
// change of its user. The signal is the main thread's, which init functions run on.
func init() {
	if os.Getenv(roleVariable) != "unsignalled" {
		return
	}
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, 0, 0, 0, 0); err != nil {
		panic(err)
	}
}

// A supervisor may be killed at any moment, also while it starts, or replaces workers: none
// is left, and the next one starts on the same socket.
func TestSupervisorKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s")
	rounds := 100
	if testing.Short() {
		rounds = 10
	}
	for round := range rounds {
		mark := fmt.Sprintf("HANDOVER_TEST_MARK=%d.%d", os.Getpid(), round)
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(as("supervisor"), "HANDOVER_TEST_LISTEN=unix:"+path, "HANDOVER_TEST_WORKER=serve", "HANDOVER_TEST_ROLLS=1", mark)
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(rand.N(100 * time.Millisecond)) // the moment
		_ = cmd.Process.Kill()
		if err := cmd.Wait(); cmd.ProcessState.ExitCode() >= 0 {
			t.Errorf("round %d: the supervisor has ended by itself: %v", round, err)
		}
		awaitNone(t, mark)
		awaitFree(t, path)
	}
}

// awaitNone waits until no process has the mark in its environment.
func awaitNone(t *testing.T, mark string) {
	t.Helper()
	for until := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		left := marked(mark)
		if len(left) == 0 {
			return
		}
		if time.Now().After(until) {
			for _, pid := range left {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
			t.Fatalf("left are processes %v", left)
		}
	}
}

func marked(mark string) (pids []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil && bytes.Contains(append(text, 0), []byte("\x00"+mark+"\x00")) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			pids = append(pids, pid)
		}
	}
	return pids
}
