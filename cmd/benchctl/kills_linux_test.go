package main

import (
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/benchctl/benchctl/servers/control"
	"github.com/benchctl/benchctl/servers/control/proc"
)

// killsEnv is the environment variable with the number of kills of TestServiceKills.
const killsEnv = "BENCHCTL_TEST_KILLS"

// Whatever process of a service is killed at whatever moment, nothing of it is left, and
// the next start works.
func TestServiceKills(t *testing.T) {
	t.Parallel()
	kills := 6
	if n, err := strconv.Atoi(os.Getenv(killsEnv)); err == nil {
		kills = n
	}
	s := newPlace(t)
	address, err := control.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(13, uint64(kills)))
	flags := []string{"serve", "--name=web", "--pidfile=pid", "--addr=" + address, "--drain=1s", "--workers=2"}
	for i := range kills {
		args := append(flags[:len(flags):len(flags)], "--server=nethttp")
		if _, err := os.Stat("/usr/bin/gunicorn"); err == nil && i%3 == 2 {
			args = append(flags[:len(flags):len(flags)], "--server=gunicorn-sync")
		}
		if i%2 == 1 {
			args = append(args, "--daemon")
		}
		s.killsOne(random, args)
	}
	s.does(append(flags, "--server=nethttp", "--daemon")...)
	s.does("ctl", "stop", "web")
	noneLeft(t, s.dir)
}

// killsOne starts a service and kills one of its processes, or the launcher, at a moment
// and in turn the rest, as far as that does not end by itself.
func (s *place) killsOne(random *rand.Rand, args []string) {
	s.Helper()
	cmd := s.command(args...)
	var said strings.Builder
	cmd.Stderr = &said
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		s.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	time.Sleep(time.Duration(random.Int64N(int64(400 * time.Millisecond)))) // any moment is right
	var pids []int
	for _, text := range left(s.T, s.dir) {
		if pid, err := strconv.Atoi(text); err == nil {
			pids = append(pids, pid)
		}
	}
	if len(pids) > 0 {
		victim := pids[random.IntN(len(pids))]
		s.Logf("%v: killed is %s of %v", args, proc.Describe(victim), pids)
		_ = syscall.Kill(victim, syscall.SIGKILL)
	}
	_ = cmd.Process.Kill() // the supervisor or the launcher
	<-ended
	code, _, errs := s.runs("ctl", "stop-now", "web") // a daemon that got ready all the same
	if code != exitDone && !strings.Contains(errs, "not running") && !strings.Contains(errs, "no service") && !strings.Contains(errs, "before it answered") {
		s.Errorf("stop-now: exit code %d: %s", code, errs)
	}
	noneLeft(s.T, s.dir)
}
