// Package front has processes that stand before a server: the clients' connections are
// theirs, and they hand the requests on over a Unix socket.
package front

import (
	"context"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/stack"
	"github.com/benchctl/benchctl/servers/process/drain"
)

// Serve is how a server serves (as servers.Serve).
type Serve = func(ctx context.Context, ln *drain.Listener, app apps.App) error

// Front is a process that can be started before a server.
type Front interface {
	stack.Proxy
	// Behind is how a server serves behind it: the process takes ln over, and the server
	// serves to the process. When ctx ends, the process finishes the requests in flight
	// first. A field that is not set has its default.
	Behind(serve Serve) Serve
	// Program is the path of what must be installed.
	Program() string
}

// All are the fronts, with no field set.
func All() []stack.Proxy { return []stack.Proxy{Nginx{}} }
