package daemon

import (
	"context"

	"github.com/benchctl/benchctl/servers/process/bus"
)

// Attach implements bus.Plugin: the daemon is ready when all else has started. It is nothing
// to a process that is no daemon.
func (d *Daemon) Attach(b *bus.Bus) {
	if d == nil {
		return
	}
	b.On(bus.Start, bus.Listener{Name: "daemon", Priority: bus.PriorityReady, Run: func(context.Context) error { return d.Ready() }})
}
