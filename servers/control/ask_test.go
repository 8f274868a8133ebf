package control_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/benchctl/benchctl/servers/control"
)

func init() { otherParts["supervised"] = supervised }

// supervised says which signals it gets, and does what servers do: it ends on TERM, and
// starts a successor on USR2. With TEST_HANDOVER it ends then.
func supervised() {
	got := make(chan os.Signal, 8)
	signal.Notify(got, syscall.SIGHUP, syscall.SIGUSR2, syscall.SIGTERM)
	fmt.Println("up", os.Getpid())
	for s := range got {
		switch s {
		case syscall.SIGHUP:
			fmt.Println("reloaded", os.Getpid())
		case syscall.SIGUSR2:
			next := exec.Command(os.Args[0])
			next.Env, next.Stdout, next.Stderr = os.Environ(), os.Stdout, os.Stderr
			if err := next.Start(); err != nil {
				os.Exit(7)
			}
			if os.Getenv("TEST_HANDOVER") != "" {
				os.Exit(0)
			}
		default:
			os.Exit(0)
		}
	}
}

// seen are the events of a candidate, as they come.
type seen chan control.Event

// until waits for the next of a kind, and lists all that came, that one too.
func (s seen) until(t *testing.T, kind control.EventKind) (all []control.Event) {
	t.Helper()
	hung := time.After(time.Minute)
	for {
		select {
		case e := <-s:
			if all = append(all, e); e.Kind == kind {
				return all
			}
		case <-hung:
			t.Fatalf("there is no event %q; there are %v", kind, all)
		}
	}
}

// supervise starts the part supervised, with verbs, and waits until it is up.
func supervise(t *testing.T, verbs map[control.Verb]control.Action, change func(*control.Spec)) (p *control.Process, log string, events seen) {
	t.Helper()
	log, events = filepath.Join(t.TempDir(), "log"), make(seen, 64)
	p = start(t, "supervised", func(s *control.Spec) {
		s.Log, s.Verbs, s.Observe = log, verbs, func(e control.Event) { events <- e }
		if change != nil {
			change(s)
		}
	})
	says(t, log, fmt.Sprintf("up %d", p.PID()))
	return p, log, events
}

// says waits until a log has a line.
func says(t *testing.T, log, line string) {
	t.Helper()
	saysThat(t, log, line, func(l string) bool { return l == line })
}

// saysThat waits until a log has a line that is wanted, and returns it.
func saysThat(t *testing.T, log, what string, wanted func(string) bool) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for ctx.Err() == nil {
		text, _ := os.ReadFile(log)
		for line := range strings.Lines(string(text)) {
			if line, whole := strings.CutSuffix(line, "\n"); whole && wanted(line) {
				return line
			}
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("the log has no line %q; it ends:\n%s", what, control.LogTail(log, 10))
	return ""
}

// upBeside waits until another process than old says that it is up, and returns its PID.
func upBeside(t *testing.T, log string, old int) int {
	t.Helper()
	line := saysThat(t, log, "up ...", func(l string) bool { return strings.HasPrefix(l, "up ") && l != fmt.Sprintf("up %d", old) })
	pid, err := strconv.Atoi(strings.TrimPrefix(line, "up "))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func signalled(s syscall.Signal) control.Action { return control.Action{Signal: s} }

func shell(script string, args ...string) control.Action {
	return control.Action{Argv: append([]string{"/bin/sh", "-c", script, "sh"}, args...)}
}

// A server is not sent a signal that was not declared, as it may mean anything to it.
func TestUndeclaredVerbIsRefused(t *testing.T) {
	f, address := listen(t)
	p := start(t, "serve", func(s *control.Spec) { s.Listener = f })
	f.Close()
	if _, err := p.Ready(t.Context(), address, time.Minute, probe(address)); err != nil {
		t.Fatal(err)
	}
	for _, verb := range []control.Verb{control.Reload, control.Upgrade, "dance"} {
		ack, err := p.Ask(t.Context(), verb)
		if !errors.Is(err, control.ErrNotOffered) || err.Error() != string(verb)+" serve: not offered by this server" || ack != (control.Ack{}) {
			t.Errorf("%s: %+v, %v", verb, ack, err)
		}
	}
	if err := probe(address)(t.Context()); err != nil {
		t.Errorf("it does not answer any longer: %v", err)
	}
	if exit := p.Stop(t.Context(), time.Minute); exit.Code != 0 || exit.Killed || exit.Unasked != nil {
		t.Errorf("stop: %+v", exit)
	}
}

func TestVerbIsSignalOrCommand(t *testing.T) {
	for _, action := range []control.Action{{}, {Signal: syscall.SIGHUP, Argv: []string{"true"}}} {
		s := spec("hang", "")
		s.Verbs = map[control.Verb]control.Action{control.Reload: action}
		if p, err := control.Start("vague", s); err == nil || err.Error() != "start vague: verb reload: is either a signal or a command" {
			if err == nil {
				p.Kill()
			}
			t.Errorf("%+v: %v", action, err)
		}
	}
}

func TestSignalIsAcknowledged(t *testing.T) {
	p, log, events := supervise(t, map[control.Verb]control.Action{control.Reload: signalled(syscall.SIGHUP)}, nil)
	ack, err := p.Ask(t.Context(), control.Reload)
	if err != nil {
		t.Fatal(err)
	}
	if ack.Verb != control.Reload || ack.PID != p.PID() || ack.Generation != 1 || ack.Sent.Before(p.Started) || !ack.Ended.IsZero() || ack.Code != 0 {
		t.Errorf("acknowledged: %+v", ack)
	}
	says(t, log, fmt.Sprintf("reloaded %d", p.PID()))
	if all := events.until(t, control.EventAnswered); len(all) != 2 || all[1].Ack != ack || all[1].Err != nil || all[1].At.Before(ack.Sent) {
		t.Errorf("events: %+v", all)
	}
	p.Stop(t.Context(), time.Minute)
	if _, err := p.Ask(t.Context(), control.Reload); !errors.Is(err, control.ErrEnded) || err.Error() != "reload supervised: has ended: exit status 0" {
		t.Errorf("asked again: %v", err)
	}
}

func TestCommandIsAcknowledged(t *testing.T) {
	loud := `i=0; while [ $i -lt 3000 ]; do echo "line $i of far too many"; i=$((i+1)); done; echo "no such file" >&2; exit 3`
	p, _, events := supervise(t, map[control.Verb]control.Action{
		control.Reload: shell("read nothing; echo said"), control.Upgrade: shell(loud), control.StopNow: {Argv: []string{"no-such-program"}},
	}, nil)
	for _, c := range []struct {
		verb    control.Verb
		code    int
		says    []string
		started bool
	}{
		{control.Reload, 0, nil, true},
		{control.Upgrade, 3, []string{"upgrade supervised: sh: exit status 3; its output ends:\nline 2996 of", "\nno such file"}, true},
		{control.StopNow, 0, []string{"stop-now supervised: ", "no-such-program"}, false},
	} {
		ack, err := p.Ask(t.Context(), c.verb)
		if (err != nil) != (c.says != nil) {
			t.Errorf("%s: %v", c.verb, err)
		}
		for _, text := range c.says {
			if !strings.Contains(err.Error(), text) || len(err.Error()) > 4<<10 {
				t.Errorf("%s: %v, which does not say %q", c.verb, err, text)
			}
		}
		if ack.Verb != c.verb || ack.Code != c.code || ack.PID == p.PID() || (ack.PID > 0) != c.started || ack.Ended.IsZero() == c.started || c.started && ack.Ended.Before(ack.Sent) {
			t.Errorf("%s: %+v", c.verb, ack)
		}
		all := events.until(t, control.EventAnswered)
		if e := all[len(all)-1]; e.Ack != ack || e.Code != c.code || (e.Err != nil) != (err != nil) {
			t.Errorf("%s: event %+v", c.verb, e)
		}
	}
	select {
	case <-p.Done():
		t.Errorf("it ended: %s", p.Exit())
	default:
	}
}

func TestCommandTakesTooLong(t *testing.T) {
	p, _, _ := supervise(t, map[control.Verb]control.Action{control.Reload: shell("exec sleep 3600")}, func(s *control.Spec) { s.Patience.Command = time.Millisecond })
	if _, err := p.Ask(t.Context(), control.Reload); err == nil || err.Error() != "reload supervised: sh: did not end within 1ms and was killed" {
		t.Errorf("asked: %v", err)
	}
}

// Commands run side by side, and each ask gets its own answer.
func TestManyAsks(t *testing.T) {
	fifo := newFIFO(t)
	p, _, _ := supervise(t, map[control.Verb]control.Action{
		control.Reload: shell(`read line < "$1"; exit $line`, fifo), control.StopNow: shell(`echo 4 > "$1"`, fifo), control.Upgrade: signalled(syscall.SIGHUP),
	}, nil)
	waits := make(chan error, 1)
	go func() {
		ack, err := p.Ask(t.Context(), control.Reload)
		if err == nil || ack.Verb != control.Reload || ack.Code != 4 {
			waits <- fmt.Errorf("reload: %+v, %w", ack, err)
		}
		close(waits)
	}()
	for range 3 {
		if ack, err := p.Ask(t.Context(), control.Upgrade); err != nil || ack.Verb != control.Upgrade || ack.PID != p.PID() {
			t.Errorf("upgrade: %+v, %v", ack, err)
		}
	}
	if ack, err := p.Ask(t.Context(), control.StopNow); err != nil || ack.Verb != control.StopNow || ack.Code != 0 {
		t.Errorf("stop-now: %+v, %v", ack, err)
	}
	if err := <-waits; err != nil {
		t.Error(err)
	}
}

func newFIFO(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// Who no longer waits is told why. What was asked goes on, until the candidate ends.
func TestAskIsBrokenOff(t *testing.T) {
	fifo := newFIFO(t)
	p, _, events := supervise(t, map[control.Verb]control.Action{control.Reload: shell(`echo $$ > "$1"; exec sleep 3600`, fifo)}, func(s *control.Spec) {
		s.Patience.Death, s.Patience.Guard = time.Minute, 2*time.Minute
	})
	why := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	var pid int
	go func() {
		if f, err := os.Open(fifo); err == nil {
			_, _ = fmt.Fscan(f, &pid)
			f.Close()
		}
		cancel(why)
	}()
	if _, err := p.Ask(ctx, control.Reload); !errors.Is(err, why) {
		t.Errorf("broken off: %v", err)
	}
	if _, err := p.Ask(ctx, control.StopNow); !errors.Is(err, why) {
		t.Errorf("not begun: %v", err)
	}
	if err := syscall.Kill(pid, 0); pid == 0 || err != nil {
		t.Errorf("the command, %d, does not run: %v", pid, err)
	}
	p.Kill()
	gone(t, pid)
	all := events.until(t, control.EventExited)
	at := slices.IndexFunc(all, func(e control.Event) bool { return e.Kind == control.EventAnswered })
	if at < 0 || all[at].PID != pid || all[at].Code != -1 || all[at].Err == nil || all[at].Err.Error() != "sh: ended by signal: killed" {
		t.Errorf("events: %+v", all)
	}
	if p.Exit().Escaped != 0 {
		t.Errorf("what was not of the candidate counts: %s", p.Exit())
	}
}

// A command that stops the candidate and then waits for its end is not cut off, and is none
// of what the candidate left.
func TestCommandOutlivesTheCandidate(t *testing.T) {
	dir, fifo := t.TempDir(), newFIFO(t)
	p, _, events := supervise(t, map[control.Verb]control.Action{
		control.StopGraceful: shell(`kill -TERM $(cat main); read line < "$1"; echo gone; exit $line`, fifo),
	}, func(s *control.Spec) { s.Dir, s.Patience.Death = dir, time.Minute })
	if err := os.WriteFile(filepath.Join(dir, "main"), fmt.Append(nil, p.PID()), 0o600); err != nil {
		t.Fatal(err)
	}
	stopped := make(chan control.Exit)
	go func() { stopped <- p.Stop(t.Context(), time.Minute) }()
	events.until(t, control.EventEnded)
	time.Sleep(100 * time.Millisecond)        // in which a guard that does not wait would kill it
	f, err := os.OpenFile(fifo, os.O_RDWR, 0) // which does not wait for a reader
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString("5\n"); err != nil {
		t.Fatal(err)
	}
	if exit := <-stopped; exit.Killed || exit.Escaped != 0 || exit.Code != 0 || exit.Left != nil {
		t.Errorf("stop: %+v", exit)
	}
	all := events.until(t, control.EventExited)
	if e := all[0]; e.Kind != control.EventAnswered || e.Code != 5 || e.Err == nil || e.Err.Error() != "sh: exit status 5; its output ends:\ngone" {
		t.Errorf("before it exited: %+v", all)
	}
}

// That a server did not stop is not its fault where it could not be asked.
func TestStopCannotBeAsked(t *testing.T) {
	p, _, events := supervise(t, map[control.Verb]control.Action{
		control.StopGraceful: shell("echo no socket; exit 1"), control.Reload: signalled(syscall.SIGHUP),
	}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer cancel()
		for e := range events {
			if e.Kind == control.EventAnswered {
				_, _ = p.Ask(ctx, control.Reload) // once it is answered the other is too
				return
			}
		}
	}()
	exit := p.Stop(ctx, time.Minute)
	if want := "stop-graceful supervised: sh: exit status 1; its output ends:\nno socket"; !exit.Killed || exit.Unasked == nil || exit.Unasked.Error() != want {
		t.Errorf("stop: %+v", exit)
	}
}
