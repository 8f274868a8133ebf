// Package signals makes events of signals. What a signal means is a table that the program
// gives: the same signal means opposite things to different servers.
package signals

import (
	"maps"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/benchctl/benchctl/servers/process/bus"
)

// Table says which event a signal is. Signals that are not in it keep what they do.
type Table map[os.Signal]bus.Event

// Default is the table of most servers: TERM and INT exit when requests under way are
// answered, QUIT exits at once, HUP reloads, USR1 opens log files anew, USR2 upgrades.
func Default() Table {
	return Table{
		syscall.SIGTERM: bus.Exit,
		syscall.SIGINT:  bus.Exit,
		syscall.SIGQUIT: bus.ExitNow,
		syscall.SIGHUP:  bus.Reload,
		syscall.SIGUSR1: bus.Reopen,
		syscall.SIGUSR2: bus.Upgrade,
	}
}

// Plugin publishes the events of signals.
type Plugin struct {
	table Table
	end   func(os.Signal) // what a signal does that nobody waits for any longer
}

// New makes the plugin of a table. Who asks a second time for an exit, by any signals of
// the table, does not want to wait: the program dies of that signal at once.
func New(t Table) *Plugin {
	return &Plugin{table: maps.Clone(t), end: die}
}

// Attach implements bus.Plugin. It takes signals from now on, so that none that comes before
// the start does what it does by default, and until the program has exited.
func (p *Plugin) Attach(b *bus.Bus) {
	if len(p.table) == 0 {
		return // signal.Notify would take all there are
	}
	came := make(chan os.Signal, 16) // they come one by one, from people
	signal.Notify(came, slices.Collect(maps.Keys(p.table))...)
	go func() {
		defer signal.Stop(came)
		p.publish(b, came)
	}()
}

func (p *Plugin) publish(b *bus.Bus, came <-chan os.Signal) {
	exits := false
	for {
		select {
		case s := <-came:
			e := p.table[s]
			exit := e == bus.Exit || e == bus.ExitNow
			if exit && exits {
				p.end(s)
			}
			exits = exits || exit
			b.Publish(e)
		case <-b.Done():
			return
		}
	}
}

// die ends the process by a signal, as if it had never been taken; the signal may come to
// another thread, a little later. Process 1 of a container is not killed by its own signals,
// and exits with the status that a shell would tell.
func die(s os.Signal) {
	number, _ := s.(syscall.Signal)
	signal.Reset(s)
	if os.Getpid() != 1 && syscall.Kill(os.Getpid(), number) == nil {
		select {}
	}
	os.Exit(128 + int(number))
}
