package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/judge"
	"github.com/benchctl/benchctl/servers/control"
	"github.com/benchctl/benchctl/servers/control/proc"
)

// kills is how often TestKills kills each of what it kills; 0: a few times.
var kills = flag.Int("kills", 0, "`number` of random moments at which TestKills kills each of what it kills; 0: a few")

// Whatever process of benchctl's is killed at whatever moment, nothing of it is left, and
// the next start works.
func TestKills(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]func(*testing.T){
		"run": killsOfRun, "serve": killsOfServe, "supervisor": killsOfSupervisor, "worker": killsOfWorker,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t)
		})
	}
}

// killsOfRun kills a run, which goes on where it was: no round that was recorded is lost or
// measured again, and nothing is left of its processes.
func killsOfRun(t *testing.T) {
	if testing.Short() {
		t.Skip("kills a run again and again")
	}
	dir := t.TempDir()
	moments := cmp.Or(*kills, 8)
	rounds := 20 * max(1, moments/8) // more than are measured between the kills
	first := []string{"run", "--scenario=smoke", "--apps=hello", "--servers=nethttp,fasthttp", "--launches=3", "--pass=none", fmt.Sprintf("--rounds=%d", rounds), "--slice=50ms"}
	for n := range moments {
		run, before := trials(t, dir)
		args := first
		if run != "" {
			args = []string{"run", "--resume=latest"}
		}
		cmd := benchctl(t, dir, args...)
		ended := started(t, cmd)
		if n%2 == 1 { // while it measures, if anything is left of that
			grown := func() bool { _, now := trials(t, dir); return len(now) > len(before) || isClosed(ended) }
			if !eventually(t, grown) {
				t.Error("it measures nothing")
			}
		}
		moment := time.Duration(rand.Int64N(int64(500 * time.Millisecond)))
		timer := time.AfterFunc(moment, func() { _ = cmd.Process.Kill() })
		<-ended
		timer.Stop()
		noneLeft(t, dir)
		nothingTemporary(t, dir)
		_, after := trials(t, dir)
		if !bytes.HasPrefix(after, complete(before)) {
			t.Fatalf("kill %d after %v: recorded rounds are gone", n, moment)
		}
	}
	if out, err := benchctl(t, dir, "run", "--resume=latest").CombinedOutput(); err != nil {
		t.Fatalf("resume: %v\n%s", err, out)
	}
	noneLeft(t, dir)
	run, lines := trials(t, dir)
	if !bytes.Equal(lines, complete(lines)) {
		t.Error("the complete run has an incomplete round")
	}
	everyTrialOnce(t, lines, 3*rounds*2)
	if s, err := judge.ReadSummary(run); err != nil || s.Run.Status != judge.StatusComplete {
		t.Errorf("summary: %v, %v", s, err)
	}
}

// complete cuts lines to those of complete rounds.
func complete(lines []byte) []byte {
	var whole, open []byte
	for line := range bytes.Lines(lines) {
		var trial results.Trial
		if json.Unmarshal(line, &trial) != nil {
			break
		}
		open = append(open, line...)
		if bytes.Count(open, []byte("\n")) == trial.Of {
			whole, open = append(whole, open...), nil
		}
	}
	return whole
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// everyTrialOnce checks that no trial is lost or doubled.
func everyTrialOnce(t *testing.T, lines []byte, want int) {
	t.Helper()
	seen := make(map[string]int)
	for line := range bytes.Lines(lines) {
		var trial results.Trial
		if err := json.Unmarshal(line, &trial); err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		seen[fmt.Sprint(trial.Key(), trial.Candidate)]++
	}
	if len(seen) != want {
		t.Errorf("%d trials, want %d", len(seen), want)
	}
	for key, n := range seen {
		if n != 1 {
			t.Errorf("trial %s is there %d times", key, n)
		}
	}
}

// killed starts services again and again at one address.
type killed struct {
	*place
	random *rand.Rand
	flags  []string
	served int // how many served when they were killed
}

func newKilled(t *testing.T, flags ...string) *killed {
	t.Helper()
	address, err := control.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	return &killed{place: newPlace(t), random: rand.New(rand.NewPCG(13, 7)), flags: append([]string{"serve", "--addr=" + address}, flags...)}
}

// each calls kill with the number of each moment, and tells what it came to.
func (k *killed) each(kill func(n int)) {
	k.Helper()
	moments := cmp.Or(*kills, 4)
	for n := range moments {
		kill(n)
		noneLeft(k.T, k.dir)
	}
	k.Logf("%d kills, %d of them of what served already", moments, k.served)
}

// with is the command line that serves with a server of the kind that is the nth's turn: an
// engine or, where it is installed, one of a manifest.
func (k *killed) with(n int, flags ...string) []string {
	server := "--server=nethttp"
	if _, err := os.Stat("/usr/bin/gunicorn"); err == nil && n%3 == 2 {
		server = "--server=gunicorn-sync"
	}
	return slices.Concat(k.flags, []string{server}, flags)
}

// begins starts a command. What it says is complete when it has ended.
func (k *killed) begins(args []string) (cmd *exec.Cmd, said *strings.Builder, ended <-chan struct{}) {
	k.Helper()
	cmd, said = k.command(args...), new(strings.Builder)
	cmd.Stderr = said
	cmd.WaitDelay = time.Second
	return cmd, said, started(k.T, cmd)
}

// wait waits until a moment within a time; any is right.
func (k *killed) wait(within time.Duration) {
	time.Sleep(time.Duration(k.random.Int64N(int64(within))))
}

// within is the time after its start in which a service is killed. It takes about half of it
// to serve.
const within = 400 * time.Millisecond

// killsOfServe kills servers in the foreground that have no supervisor.
func killsOfServe(t *testing.T) {
	k := newKilled(t)
	k.each(func(n int) {
		cmd, said, ended := k.begins(k.with(n))
		k.wait(within)
		_ = cmd.Process.Kill()
		<-ended
		if strings.Contains(said.String(), " serves ") {
			k.served++
		}
	})
	cmd := k.command(k.with(0)...)
	k.begin(cmd)
	_ = cmd.Process.Signal(syscall.SIGTERM)
	ends(t, cmd)
	k.tidy("a stop")
}

// killsOfSupervisor kills services: those in the foreground, and those in the background with
// their launchers.
func killsOfSupervisor(t *testing.T) {
	k := newKilled(t, "--name=web", "--pidfile=pid", "--drain=1s", "--workers=2")
	k.each(func(n int) {
		args := k.with(n)
		if n%2 == 1 {
			args = append(args, "--daemon")
		}
		cmd, said, ended := k.begins(args)
		k.wait(within)
		if pid := k.supervisor(); pid > 0 {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		_ = cmd.Process.Kill()
		<-ended
		if strings.Contains(said.String(), " serves ") {
			k.served++
		}
		k.stopNow()
	})
	k.starts()
}

// supervisor is the process that the pidfile names, if it is one of this place; 0: none is.
func (k *killed) supervisor() int {
	k.Helper()
	text, err := os.ReadFile(filepath.Join(k.dir, "pid"))
	if err != nil {
		return 0
	}
	name := strings.TrimSpace(string(text))
	pid, err := strconv.Atoi(name)
	if err != nil || !slices.Contains(left(k.T, k.dir), name) {
		return 0
	}
	return pid
}

// workers are the processes that the supervisor has started.
func (k *killed) workers() []int {
	k.Helper()
	pid := k.supervisor()
	if pid == 0 {
		return nil
	}
	pids, _ := proc.Children(pid) // none of one that has ended
	return pids
}

// stopNow stops a daemon that has started all the same.
func (k *killed) stopNow() {
	k.Helper()
	code, _, errs := k.runs("ctl", "stop-now", "web")
	if code != exitDone && !strings.Contains(errs, "not running") && !strings.Contains(errs, "no service") && !strings.Contains(errs, "before it answered") {
		k.Errorf("stop-now: exit code %d: %s", code, errs)
	}
}

// starts starts a service and stops it, which leaves nothing.
func (k *killed) starts() {
	k.Helper()
	k.does(k.with(0, "--daemon")...)
	k.does("ctl", "stop", "web")
	noneLeft(k.T, k.dir)
	k.tidy("a stop")
}

// killsOfWorker kills workers. The service answers all the same, unless it was still to
// start: that fails then, and says why.
func killsOfWorker(t *testing.T) {
	k := newKilled(t, "--name=web", "--pidfile=pid", "--drain=1s", "--workers=2", "--daemon", "--server=nethttp")
	k.each(func(int) {
		cmd, said, ended := k.begins(k.flags)
		var workers []int
		if !eventually(t, func() bool { workers = k.workers(); return len(workers) > 0 || isClosed(ended) }) || len(workers) == 0 {
			t.Fatalf("it has no workers: %s", said)
		}
		k.wait(within / 2)
		if all := k.workers(); len(all) > 0 {
			workers = all
		}
		victim := workers[k.random.IntN(len(workers))]
		served := isClosed(ended)
		_ = syscall.Kill(victim, syscall.SIGKILL)
		<-ended
		switch code := cmd.ProcessState.ExitCode(); {
		case code == exitDone:
			k.answers("web")
			k.does("ctl", "stop", "web")
		case served || code != exitEnvironment || !strings.Contains(said.String(), "before it was ready"):
			t.Errorf("exit code %d: %s", code, said)
		}
		if served {
			k.served++
		}
	})
	k.starts()
}
