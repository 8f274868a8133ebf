package servers

import (
	"context"
	"fmt"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/stack"
	"github.com/benchctl/benchctl/apps/stack/fronts"
	"github.com/benchctl/benchctl/servers/front"
	"github.com/benchctl/benchctl/servers/process/drain"
)

// Behind is how the engine serves behind p, or, if that is nil, behind what stands before it
// anyway. An error is that it does not speak as p does.
func (s Server) Behind(p stack.Proxy, serve drain.Serve) (drain.Serve, error) {
	switch {
	case p == nil && s.Front == nil:
		return serve, nil
	case p == nil:
		p = s.Front
	case protocol(p) != protocol(s.Front):
		return nil, fmt.Errorf("%s speaks %s to what stands before it, and the front of the stack %s", s.Name, protocol(s.Front), protocol(p))
	}
	return front.Behind(p, serve), nil
}

// Serve serves app by the engine, behind what always stands before it.
func (s Server) Serve(ctx context.Context, ln *drain.Listener, app apps.App) error {
	serve, err := s.Behind(nil, func(ctx context.Context, ln *drain.Listener) error { return s.Engine(ctx, ln, app) })
	if err != nil {
		return err
	}
	return serve(ctx, ln)
}

// protocol is that by which a front hands requests on.
func protocol(p stack.Proxy) string {
	if n, ok := p.(fronts.Nginx); ok && n.Protocol == fronts.FastCGI {
		return fronts.FastCGI
	}
	return fronts.HTTP
}
