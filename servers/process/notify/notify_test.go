package notify_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/benchctl/benchctl/servers/process/bus"
	"github.com/benchctl/benchctl/servers/process/notify"
)

// manager is the socket that a service manager has.
type manager struct {
	*testing.T
	*net.UnixConn
}

// listen makes a manager whose socket is at a path, or abstract, and the environment that
// tells of it.
func listen(t *testing.T, abstract bool) manager {
	name := "@notify-test-" + strconv.Itoa(os.Getpid()) + t.Name()
	if !abstract {
		dir, err := os.MkdirTemp("", "n") // a socket's path must be short
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		name = filepath.Join(dir, "s")
	}
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	t.Setenv("NOTIFY_SOCKET", name)
	t.Setenv("WATCHDOG_USEC", "")
	t.Setenv("WATCHDOG_PID", "")
	return manager{t, conn}
}

// hears is the next message.
func (m manager) hears() string {
	m.Helper()
	_ = m.SetReadDeadline(time.Now().Add(time.Minute))
	message := make([]byte, 4096)
	n, err := m.Read(message)
	if err != nil {
		m.Fatal(err)
	}
	return string(message[:n])
}

func (m manager) wants(want string) {
	m.Helper()
	if got := m.hears(); got != want {
		m.Errorf("heard %q, want %q", got, want)
	}
}

func do(t *testing.T, b *bus.Bus, events ...bus.Event) {
	t.Helper()
	for _, e := range events {
		if err := b.Publish(e).Wait(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// A whole life, over both kinds of sockets.
func TestLife(t *testing.T) {
	for _, abstract := range []bool{false, true} {
		t.Run(fmt.Sprint("abstract ", abstract), func(t *testing.T) {
			if abstract && runtime.GOOS != "linux" {
				t.Skip("only Linux has abstract sockets")
			}
			m := listen(t, abstract)
			b := bus.New(nil)
			p := notify.New()
			p.Attach(b)
			serving := false
			b.On(bus.Start, bus.Listener{Name: "server", Priority: bus.PriorityServe, Run: func(context.Context) error { serving = true; return nil }})
			b.On(bus.Reload, bus.Listener{Name: "config", Run: func(context.Context) error { return p.Status("reads\nits configuration") }})

			do(t, b, bus.Start)
			m.wants("READY=1")
			if !serving {
				t.Error("ready before it served")
			}
			do(t, b, bus.Reload)
			if got := m.hears(); !reloading.MatchString(got) {
				t.Errorf("heard %q", got)
			}
			m.wants("STATUS=reads its configuration")
			m.wants("READY=1")
			if err := p.MainPID(4711); err != nil {
				t.Error(err)
			}
			m.wants("MAINPID=4711")
			do(t, b, bus.Exit)
			m.wants("STOPPING=1")
		})
	}
}

// sd_notify(3): a positive number of microseconds of CLOCK_MONOTONIC.
var reloading = regexp.MustCompile(`^RELOADING=1\nMONOTONIC_USEC=[1-9][0-9]+\n$`)

// A reload that fails is over too; a start that fails is never ready.
func TestFailures(t *testing.T) {
	m := listen(t, false)
	b := bus.New(nil)
	notify.New().Attach(b)
	b.On(bus.Reload, bus.Listener{Name: "config", Run: func(context.Context) error { return errors.New("line 3") }})
	do(t, b, bus.Start)
	m.wants("READY=1")
	if err := b.Publish(bus.Reload).Wait(t.Context()); err == nil {
		t.Error("it reloaded")
	}
	m.hears()
	m.wants("READY=1")
	do(t, b, bus.Stop)
	m.wants("STOPPING=1")
	b.On(bus.Start, bus.Listener{Name: "server", Run: func(context.Context) error { return errors.New("in use") }})
	if err := b.Publish(bus.Start).Wait(t.Context()); err == nil {
		t.Error("it started")
	}
	if err := notify.New().Status("end"); err != nil {
		t.Error(err)
	}
	m.wants("STATUS=end")
	do(t, b, bus.Exit)
}

// Ticks come until the program stops, and none while it is not alive.
func TestWatchdog(t *testing.T) {
	m := listen(t, false)
	t.Setenv("WATCHDOG_USEC", "2000")
	t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()))
	b := bus.New(nil)
	p := notify.New()
	asked, sick := 0, make(chan struct{})
	p.Alive = func(context.Context) error {
		if asked++; asked <= 3 {
			return nil
		}
		if asked == 10 {
			close(sick)
		}
		return errors.New("hangs")
	}
	p.Attach(b)
	do(t, b, bus.Start)
	<-sick
	do(t, b, bus.Exit)
	var heard []string
	for len(heard) == 0 || heard[len(heard)-1] != "STOPPING=1" {
		heard = append(heard, m.hears())
	}
	all := strings.Join(heard, " ")
	if strings.Count(all, "WATCHDOG=1") != 3 || strings.Count(all, "READY=1") != 1 {
		t.Errorf("heard %s", all)
	}
	if _, is := os.LookupEnv("WATCHDOG_PID"); is {
		t.Error("a successor would think that the watchdog is not meant for it")
	}
}

// A watchdog of another process is not fed.
func TestWatchdogOfAnother(t *testing.T) {
	m := listen(t, false)
	t.Setenv("WATCHDOG_USEC", "2000")
	t.Setenv("WATCHDOG_PID", "1")
	b := bus.New(nil)
	p := notify.New()
	p.Alive = func(context.Context) error { t.Error("asked whether it is alive"); return nil }
	p.Attach(b)
	do(t, b, bus.Start, bus.Exit)
	m.wants("READY=1")
	m.wants("STOPPING=1")
	if os.Getenv("WATCHDOG_PID") != "1" {
		t.Error("it is no longer told whose it is")
	}
}

// Without a manager nothing happens; one that is gone is an error of the start.
func TestNoManager(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	t.Setenv("WATCHDOG_USEC", "")
	b := bus.New(nil)
	notify.New().Attach(b)
	do(t, b, bus.Start, bus.Reload, bus.Exit)

	t.Setenv("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "gone"))
	b = bus.New(nil)
	notify.New().Attach(b)
	if err := b.Publish(bus.Start).Wait(t.Context()); err == nil || !strings.Contains(err.Error(), "READY=1") {
		t.Error(err)
	}
	do(t, b, bus.Exit)
}

func TestBadWatchdog(t *testing.T) {
	listen(t, false)
	t.Setenv("WATCHDOG_USEC", "soon")
	b := bus.New(nil)
	notify.New().Attach(b)
	if err := b.Publish(bus.Start).Wait(t.Context()); err == nil || !strings.Contains(err.Error(), "WATCHDOG_USEC") {
		t.Error(err)
	}
	do(t, b, bus.Exit)
}
