// Package engine opens sessions of load by the engine that their Config names.
//
// There are two. Vegeta is the library's Attacker. Raw is benchctl's own loop, which uses a
// fraction of its CPU time. Both take vegeta targets and pacers and return the same Result.
package engine

import (
	"context"
	"fmt"
	"net"

	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/load/raw"
	"github.com/benchctl/benchctl/bench/load/vegeta"
)

// Open opens a Session with all its connections. It fails if the server does not accept
// them.
func Open(ctx context.Context, c load.Config) (load.Session, error) {
	c = c.Complete()
	if err := Check(c); err != nil {
		return nil, err
	}
	if err := settle(ctx, &c); err != nil {
		return nil, err
	}
	open := raw.Open
	if c.Engine == load.Vegeta {
		open = vegeta.Open
	}
	session, err := open(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", c.Address, err)
	}
	return session, nil
}

// settle replaces a host's name by the address that answers: a name may have several, of
// which a server listens on one (RFC 8305).
func settle(ctx context.Context, c *load.Config) error {
	host, _, err := net.SplitHostPort(c.Address)
	if err != nil || host == "" || net.ParseIP(host) != nil {
		return nil // the engine tells of what is wrong
	}
	d := net.Dialer{Timeout: c.Timeout}
	conn, err := d.DialContext(ctx, "tcp", c.Address)
	if err != nil {
		return fmt.Errorf("load %s: %w", c.Address, err)
	}
	c.Address = conn.RemoteAddr().String()
	return conn.Close()
}
