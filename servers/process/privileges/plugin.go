package privileges

import (
	"context"
	"fmt"

	"github.com/benchctl/benchctl/servers/process/bus"
)

// Plugin drops privileges as a program starts: after its sockets are bound, before it accepts
// connections. It can't be undone; a program that starts again has none to drop.
type Plugin struct{ user, group string }

// To makes the plugin that becomes a user, with a group other than its own if that is not "".
// Lookup says what both may be.
func To(user, group string) *Plugin { return &Plugin{user, group} }

// Attach implements bus.Plugin.
func (p *Plugin) Attach(b *bus.Bus) {
	b.On(bus.Start, bus.Listener{Name: "privileges", Priority: bus.PriorityPrivileges, Run: func(context.Context) error {
		t, err := Lookup(p.user, p.group)
		if err != nil {
			return fmt.Errorf("drop privileges: %w", err)
		}
		return Drop(t)
	}})
}
