// Package front starts the processes that stand before a server: the clients' connections are
// theirs, and they hand the requests on over a Unix socket.
package front

import (
	"context"
	"fmt"

	"github.com/benchctl/benchctl/apps/stack"
	"github.com/benchctl/benchctl/apps/stack/fronts"
	"github.com/benchctl/benchctl/servers/process/drain"
)

// Behind is how a server serves behind a process: that takes the listener over, which is made
// of a *net.TCPListener, and the server serves to it. When ctx ends, the process finishes the
// requests in flight first. If it has not ended adapter.Grace later it is killed, and the error
// says so.
func Behind(p stack.Proxy, serve drain.Serve) drain.Serve {
	switch p := p.(type) {
	case fronts.Nginx:
		return nginx{p}.behind(serve)
	default:
		return func(context.Context, *drain.Listener) error { return fmt.Errorf("there is no front %T", p) }
	}
}
