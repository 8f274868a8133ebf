// Package notify tells a service manager how a program is: the protocol of sd_notify(3), with
// the variables NOTIFY_SOCKET and WATCHDOG_USEC. Without them it does nothing.
//
// NOTIFY_SOCKET stays in the environment, for a successor that an upgrade starts: it says
// ready itself. A manager that hears the main process alone (NotifyAccess=main) ignores what
// other children say. WATCHDOG_PID is taken out, which would tell the successor that the
// watchdog is not meant for it.
package notify

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/benchctl/benchctl/servers/process/bus"
)

// Plugin tells the manager of what happens on the bus: READY when all has started, RELOADING
// and READY around a reload, STOPPING as it stops, and WATCHDOG twice in each interval.
type Plugin struct {
	// Alive is asked before each WATCHDOG, which is left out if it fails: the manager then
	// restarts the program. Nil is alive as long as the bus answers.
	Alive func(context.Context) error

	send func(state string) error // to the manager
	stop context.CancelFunc       // of the watchdog
	done sync.WaitGroup           // the watchdog
}

// New makes the plugin of the manager that the environment tells of.
func New() *Plugin { return &Plugin{send: send} }

func send(state string) error {
	if _, err := daemon.SdNotify(false, state); err != nil {
		return fmt.Errorf("tell the service manager %q: %w", state, err)
	}
	return nil
}

// Attach implements bus.Plugin. STOPPING, and the start of a reload, come before all else.
func (p *Plugin) Attach(b *bus.Bus) {
	const first, last = -1000, 1000
	on := func(e bus.Event, priority int, state func() string) {
		b.On(e, bus.Listener{Name: "notify", Priority: priority, Run: func(context.Context) error { return p.send(state()) }})
	}
	ready := func() string { return daemon.SdNotifyReady }
	b.On(bus.Start, bus.Listener{Name: "watchdog", Priority: bus.PriorityReady, Run: func(context.Context) error { return p.watch(b) }, Undo: p.unwatch})
	on(bus.Start, bus.PriorityReady+1, ready)
	on(bus.Reload, first, reloading)
	on(bus.Reload, last, ready) // whatever it came to: the program goes on
	on(bus.Stop, first, func() string { return daemon.SdNotifyStopping })
}

// reloading has the time, without which a manager of Type=notify-reload waits for ever.
func reloading() string {
	return daemon.SdNotifyReloading + "\n" + daemon.SdNotifyMonotonicUsec() // has a line feed
}

// Status tells what the program does, in a line for people.
func (p *Plugin) Status(line string) error {
	return p.send("STATUS=" + strings.ReplaceAll(line, "\n", " "))
}

// MainPID tells that another process is the main one from now on: a successor. It is sent by
// the present one, whom the manager believes.
func (p *Plugin) MainPID(pid int) error { return p.send(fmt.Sprintf("MAINPID=%d", pid)) }

// watch begins with the watchdog, if the manager has one for this process.
func (p *Plugin) watch(b *bus.Bus) error {
	interval, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		return fmt.Errorf("WATCHDOG_USEC: %w", err)
	}
	if interval == 0 {
		return nil
	}
	if err := os.Unsetenv("WATCHDOG_PID"); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	p.stop = cancel
	p.done.Go(func() { p.tick(ctx, b, interval/2) })
	return nil
}

func (p *Plugin) unwatch(context.Context) error {
	if p.stop != nil {
		p.stop()
		p.done.Wait()
	}
	return nil
}

// tick tells every so often that the program is alive.
func (p *Plugin) tick(ctx context.Context, b *bus.Bus, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		if p.alive(ctx, b) {
			_ = p.send(daemon.SdNotifyWatchdog) // the manager sees that none comes
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

func (p *Plugin) alive(ctx context.Context, b *bus.Bus) bool {
	return b.Alive(ctx) && (p.Alive == nil || p.Alive(ctx) == nil)
}
