package main

import (
	"fmt"

	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/control"
)

// runAsUsage is the help of --run-as.
const runAsUsage = "user that candidates run as, if benchctl is root (default " + control.Unprivileged + ")"

// runAs finds who candidates run as, and says why they stay root if they do.
func (e env) runAs(command, name string) (*control.User, error) {
	user, note, err := control.RunAs(name)
	if err != nil {
		return nil, usage(fmt.Errorf("%s: --run-as: %w", command, err))
	}
	if note != "" {
		e.say("benchctl: %s", note)
	}
	return user, nil
}

// tellRoot says of a candidate that it can't run as the user.
func (e env) tellRoot(c servers.Candidate, user *control.User) {
	if user != nil && c.RunsAs(user) == nil {
		e.say("benchctl: %s runs as %s: %s", c.Name, control.OwnName(), c.Server.Manifest.Root)
	}
}
