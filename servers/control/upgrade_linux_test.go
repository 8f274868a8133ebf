package control_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/benchctl/benchctl/servers/control"
	"github.com/benchctl/benchctl/servers/control/proc"
)

// upgradable are verbs of the part supervised.
func upgradable() map[control.Verb]control.Action {
	return map[control.Verb]control.Action{control.Upgrade: signalled(syscall.SIGUSR2), control.Reload: signalled(syscall.SIGHUP)}
}

// kinds are those of events, in order.
func kinds(all []control.Event) string {
	var names []string
	for _, e := range all {
		names = append(names, string(e.Kind))
	}
	return strings.Join(names, " ")
}

// rising checks that the times of events do not fall.
func rising(t *testing.T, all []control.Event) {
	t.Helper()
	if !slices.IsSortedFunc(all, func(a, b control.Event) int { return a.At.Compare(b.At) }) {
		t.Errorf("times fall: %+v", all)
	}
}

// The successor that an upgrade brought goes on as the main process, and is stopped as one.
func TestUpgrade(t *testing.T) {
	everyGroup(t, func(t *testing.T, groups control.Groups) {
		p, log, events := supervise(t, upgradable(), func(s *control.Spec) { s.Groups, s.Env = groups, append(s.Env, "TEST_HANDOVER=1") })
		needGroup(t, p, groups)
		old := p.PID()
		ack, err := p.Ask(t.Context(), control.Upgrade)
		if err != nil || ack.PID != old {
			t.Fatalf("upgrade of %d: %+v, %v", old, ack, err)
		}
		all := events.until(t, control.EventGeneration)
		if kinds(all) != "started answered ended generation" {
			t.Fatalf("events: %+v", all)
		}
		if e := all[2]; !e.Main || e.PID != old || e.Generation != 1 || e.Code != 0 || e.Signal != 0 {
			t.Errorf("the end of %d: %+v", old, e)
		}
		next := p.PID()
		if e := all[3]; next == old || e.PID != next || e.Generation != 2 {
			t.Errorf("the main process is %d after %d: %+v", next, old, e)
		}
		says(t, log, fmt.Sprintf("up %d", next))
		if held := heldBy(t, p, 1); held[0] != next {
			t.Errorf("held is %v, not %d", held, next)
		}
		if ack, err := p.Ask(t.Context(), control.Reload); err != nil || ack.PID != next || ack.Generation != 2 {
			t.Errorf("reload of %d: %+v, %v", next, ack, err)
		}
		says(t, log, fmt.Sprintf("reloaded %d", next))
		if exit := p.Stop(t.Context(), time.Minute); exit.Killed || exit.Code != 0 || exit.Escaped != 0 || exit.Left != nil {
			t.Errorf("stop: %+v", exit)
		}
		all = append(all, events.until(t, control.EventExited)...)
		if want := "started answered ended generation answered answered ended exited"; kinds(all) != want {
			t.Errorf("events are %s, want %s", kinds(all), want)
		}
		rising(t, all)
	})
}

// As long as the old main process is there, it is the one that is asked.
func TestUpgradeBesideTheOld(t *testing.T) {
	for name, before := range map[string]func(*testing.T, *control.Process, seen){
		"old first": func(t *testing.T, p *control.Process, events seen) {
			if ack, err := p.Ask(t.Context(), control.StopGraceful); err != nil || ack.Generation != 1 {
				t.Errorf("stop of the old: %+v, %v", ack, err)
			}
			events.until(t, control.EventGeneration)
		},
		"both": func(*testing.T, *control.Process, seen) {},
		"asked twice": func(t *testing.T, p *control.Process, events seen) {
			if _, err := p.Ask(t.Context(), control.Upgrade); err != nil {
				t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			p, log, events := supervise(t, upgradable(), func(s *control.Spec) { s.Patience.Death = time.Minute })
			old := p.PID()
			if _, err := p.Ask(t.Context(), control.Upgrade); err != nil {
				t.Fatal(err)
			}
			next := upBeside(t, log, old)
			if p.PID() != old {
				t.Errorf("the main process is %d while %d is there", p.PID(), old)
			}
			before(t, p, events)
			exit := p.Stop(t.Context(), time.Minute)
			if exit.Killed || exit.Code != 0 || p.PID() != next {
				t.Errorf("stop: %+v; the main process was %d, not %d", exit, p.PID(), next)
			}
			if exit.Escaped != 0 && name != "asked twice" { // a second successor succeeds nobody
				t.Errorf("stop: %s", exit)
			}
		})
	}
}

// What is left by a main process that was not asked to upgrade has escaped, as ever.
func TestNoUpgradeWasAsked(t *testing.T) {
	swap := signalled(syscall.SIGUSR2)
	for name, c := range map[string]struct {
		verbs map[control.Verb]control.Action
		then  func(t *testing.T, p *control.Process, log string, events seen)
	}{
		"not asked": {upgradable(), func(t *testing.T, p *control.Process, _ string, _ seen) {
			_ = syscall.Kill(p.PID(), syscall.SIGUSR2)
		}},
		"not declared": {map[control.Verb]control.Action{control.Reload: swap}, func(t *testing.T, p *control.Process, _ string, _ seen) {
			if _, err := p.Ask(t.Context(), control.Upgrade); !errors.Is(err, control.ErrNotOffered) {
				t.Errorf("upgrade: %v", err)
			}
			if _, err := p.Ask(t.Context(), control.Reload); err != nil {
				t.Errorf("reload: %v", err)
			}
		}},
		"asked of the one before": {upgradable(), func(t *testing.T, p *control.Process, log string, events seen) {
			if _, err := p.Ask(t.Context(), control.Upgrade); err != nil {
				t.Errorf("upgrade: %v", err)
			}
			events.until(t, control.EventGeneration)
			says(t, log, fmt.Sprintf("up %d", p.PID()))
			_ = syscall.Kill(p.PID(), syscall.SIGUSR2)
		}},
		"failed": {map[control.Verb]control.Action{control.Upgrade: shell("exit 1")}, func(t *testing.T, p *control.Process, _ string, _ seen) {
			if _, err := p.Ask(t.Context(), control.Upgrade); err == nil {
				t.Error("upgrade: it did not fail")
			}
			_ = syscall.Kill(p.PID(), syscall.SIGUSR2)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			p, log, events := supervise(t, c.verbs, func(s *control.Spec) { s.Env = append(s.Env, "TEST_HANDOVER=1") })
			c.then(t, p, log, events)
			all := events.until(t, control.EventExited)
			if strings.Contains(kinds(all), "generation") || p.Exit().Escaped != 1 {
				t.Errorf("exit: %s; events %s", p.Exit(), kinds(all))
			}
			rising(t, all)
		})
	}
}

// Workers that a main process leaves, and what was there before, succeed nobody.
func TestOrphansSucceedNobody(t *testing.T) {
	fifo, log := newFIFO(t), filepath.Join(t.TempDir(), "log")
	script := `trap '( read line < "$1" ) & exit 6' USR2; sleep 3600 & echo up; while :; do wait; done`
	p := start(t, "shell", func(s *control.Spec) {
		s.Argv, s.Log, s.Verbs = []string{"/bin/sh", "-c", script, "sh", fifo}, log, upgradable()
	})
	says(t, log, "up")
	heldBy(t, p, 2)
	if _, err := p.Ask(t.Context(), control.Upgrade); err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	if exit := p.Exit(); exit.Code != 6 || exit.Escaped != 2 {
		t.Errorf("exit: %s", exit)
	}
}

// The command of an upgrade may start the successor itself, which is measured as all else.
func TestUpgradeByCommand(t *testing.T) {
	everyGroup(t, func(t *testing.T, groups control.Groups) {
		log := filepath.Join(t.TempDir(), "next")
		verbs := map[control.Verb]control.Action{control.Upgrade: shell(`"$1" > "$2" & exit 0`, os.Args[0], log)}
		given := control.Allowed()[:1]
		p, _, events := supervise(t, verbs, func(s *control.Spec) { s.Groups, s.CPUs = groups, given })
		needGroup(t, p, groups)
		ack, err := p.Ask(t.Context(), control.Upgrade)
		if err != nil || ack.Code != 0 || ack.PID == p.PID() {
			t.Fatalf("upgrade: %+v, %v", ack, err)
		}
		next := upBeside(t, log, p.PID())
		g, err := p.Given(given)
		if err != nil {
			t.Fatal(err)
		}
		if deeds := g.Deeds([]int{next}); len(deeds) > 0 {
			t.Errorf("the successor is not as its guard starts it: %v", deeds)
		}
		if _, err := p.Ask(t.Context(), control.StopGraceful); err != nil {
			t.Fatal(err)
		}
		all := events.until(t, control.EventGeneration)
		if e := all[len(all)-1]; e.PID != next || p.PID() != next {
			t.Errorf("%d, not %d, succeeds: %+v", p.PID(), next, e)
		}
		if exit := p.Stop(t.Context(), time.Minute); exit.Killed || exit.Escaped != 0 || exit.Code != 0 {
			t.Errorf("stop: %+v", exit)
		}
	})
}

// However its guard ends, a successor ends with it.
func TestSuccessorOfAKilledGuard(t *testing.T) {
	everyGroup(t, func(t *testing.T, groups control.Groups) {
		p, log, events := supervise(t, upgradable(), func(s *control.Spec) { s.Groups, s.Env = groups, append(s.Env, "TEST_HANDOVER=1") })
		needGroup(t, p, groups)
		if _, err := p.Ask(t.Context(), control.Upgrade); err != nil {
			t.Fatal(err)
		}
		events.until(t, control.EventGeneration)
		says(t, log, fmt.Sprintf("up %d", p.PID()))
		all, mark := watch(t, p.PID(), p.Guard), markOf(t, p.PID())
		_ = syscall.Kill(p.Guard, syscall.SIGKILL)
		<-p.Done()
		lost(t, p, all, mark, "its guard was killed (signal: killed)")
		last := events.until(t, control.EventExited)
		if e := last[len(last)-1]; e.Err == nil || !strings.Contains(e.Err.Error(), "its guard was killed") {
			t.Errorf("the last event: %+v", e)
		}
	})
}

// A guard that does not answer any longer is not waited for.
func TestAskWithoutGuard(t *testing.T) {
	t.Run("stopped", func(t *testing.T) {
		p, _, _ := supervise(t, upgradable(), func(s *control.Spec) { s.Patience.Guard = time.Millisecond })
		halt(p.Guard)
		if _, err := p.Ask(t.Context(), control.Reload); err == nil || err.Error() != "reload supervised: its guard did not answer within 1ms" {
			t.Errorf("reload: %v", err)
		}
	})
	t.Run("killed", func(t *testing.T) {
		fifo := newFIFO(t)
		verbs := map[control.Verb]control.Action{control.Reload: shell(`echo > "$1"; exec sleep 3600`, fifo)}
		p, _, _ := supervise(t, verbs, nil)
		go func() {
			if f, err := os.Open(fifo); err == nil { // the command runs
				f.Close()
			}
			_ = syscall.Kill(p.Guard, syscall.SIGKILL)
		}()
		if _, err := p.Ask(t.Context(), control.Reload); !errors.Is(err, control.ErrEnded) || err.Error() != "reload supervised: has ended: its guard was killed (signal: killed)" {
			t.Errorf("reload: %v", err)
		}
		if left := p.Exit().Left; left != nil {
			t.Errorf("left: %v", left)
		}
	})
}

// Of processes other than the main one the guard sees those end that it adopted.
func TestAdoptedIsSeenToEnd(t *testing.T) {
	address, err := control.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	events := make(seen, 64)
	p := start(t, "fork-twice", func(s *control.Spec) {
		s.Env, s.Observe = append(s.Env, "TEST_ADDRESS="+address), func(e control.Event) { events <- e }
	})
	if _, err := p.Ready(t.Context(), address, time.Minute, probe(address)); err != nil {
		t.Fatal(err)
	}
	held := heldBy(t, p, 2)
	adopted := held[1-slices.Index(held, p.PID())]
	_ = syscall.Kill(adopted, syscall.SIGKILL)
	all := events.until(t, control.EventEnded)
	if e := all[len(all)-1]; e.Main || e.PID != adopted || e.Code != -1 || e.Signal != syscall.SIGKILL {
		t.Errorf("the end of %d: %+v", adopted, e)
	}
}

// gunicorn starts another arbiter with workers of its own on USR2, and the old one ends when it is asked to.
func TestUpgradeOfGunicorn(t *testing.T) {
	const gunicorn = "/usr/bin/gunicorn"
	if _, err := os.Stat(gunicorn); err != nil || testing.Short() {
		t.Skip("gunicorn takes a while, or is not installed")
	}
	address, err := control.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	dir, events := t.TempDir(), make(seen, 64)
	app := "import os\ndef application(environ, start_response):\n    body = b'%d' % os.getppid()\n    start_response('200 OK', [('Content-Length', str(len(body)))])\n    return [body]\n"
	if err := os.WriteFile(filepath.Join(dir, "app.py"), []byte(app), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, "gunicorn", func(s *control.Spec) {
		s.Argv, s.Dir, s.Env = []string{gunicorn, "--bind=" + address, "--workers=2", "app:application"}, dir, append(control.Environ(dir), "PYTHONDONTWRITEBYTECODE=1")
		s.Verbs = map[control.Verb]control.Action{control.StopNow: signalled(syscall.SIGQUIT), control.Upgrade: signalled(syscall.SIGUSR2)}
		s.Observe = func(e control.Event) { events <- e }
	})
	if _, err := p.Ready(t.Context(), address, time.Minute, probe(address)); err != nil {
		t.Fatal(err)
	}
	old := p.PID()
	if _, err := p.Ask(t.Context(), control.Upgrade); err != nil {
		t.Fatal(err)
	}
	next := served(t, address, func(by int) bool { return by != old })
	if _, err := p.Ask(t.Context(), control.StopNow); err != nil {
		t.Fatal(err)
	}
	events.until(t, control.EventGeneration)
	if p.PID() != next {
		t.Errorf("the main process is %d, while %d has the workers", p.PID(), next)
	}
	if by := served(t, address, func(int) bool { return true }); by != next {
		t.Errorf("%d answers, not %d", by, next)
	}
	if err := p.OwnsSocket(address); err != nil {
		t.Error(err)
	}
	if exit := p.Stop(t.Context(), time.Minute); exit.Killed || exit.Escaped != 0 || exit.Code != 0 {
		t.Errorf("stop: %+v\n%s", exit, proc.Describe(next))
	}
}

// served asks until the process that has the answering worker is the wanted one.
func served(t *testing.T, address string, wanted func(int) bool) int {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		res, err := client.Get("http://" + address + "/")
		if err != nil {
			continue
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if by, err := strconv.Atoi(string(body)); err == nil && wanted(by) {
			return by
		}
	}
	t.Fatal("no worker of the wanted process answers")
	return 0
}
