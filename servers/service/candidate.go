package service

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/control"
)

// Candidate is a Server that a manifest describes, started as it is to be measured, under a
// guard. It opens its sockets by itself.
type Candidate struct {
	Candidate servers.Candidate
	// Launch says how, with an Address. Its Dir is made for each start, and its Log "" is a
	// file there.
	Launch servers.Launch
	// Await waits until it serves.
	Await func(ctx context.Context, p *control.Process, address string) error
	Grace time.Duration // that it may take to stop, before it is killed
	Say   func(line string)

	mu      sync.Mutex // of what follows
	process *control.Process
	dir     string
	address string
}

// Open implements Server.
func (c *Candidate) Open(context.Context) error { return nil }

// Close implements Server.
func (c *Candidate) Close() error { return nil }

// Start implements Server.
func (c *Candidate) Start(ctx context.Context) error {
	dir, err := control.MakeTemp()
	if err != nil {
		return err
	}
	l := c.Launch
	l.Dir = dir
	if l.Log == "" {
		l.Log = filepath.Join(dir, "server.log")
	}
	p, address, err := c.Candidate.Start(ctx, l)
	if err != nil {
		return errors.Join(err, os.RemoveAll(dir))
	}
	if err := c.Await(ctx, p, address); err != nil && ctx.Err() == nil {
		return errors.Join(err, c.stop(ctx, p), os.RemoveAll(dir))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.process, c.dir, c.address = p, dir, address
	return nil
}

// running is its process, nil before it was started.
func (c *Candidate) running() *control.Process {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.process
}

// Done implements Server.
func (c *Candidate) Done() <-chan struct{} { return c.running().Done() }

// Err implements Server.
func (c *Candidate) Err() error { return c.running().Death() }

// Ask implements Server. It returns when the server has been told; what it does for it shows
// elsewhere.
func (c *Candidate) Ask(ctx context.Context, v control.Verb) error {
	_, err := c.running().Ask(ctx, v)
	return err
}

// Stop implements Server.
func (c *Candidate) Stop(ctx context.Context) error {
	return errors.Join(c.stop(ctx, c.running()), os.RemoveAll(c.dir))
}

// stop asks it to stop, and kills it when the time is over or ctx ends.
func (c *Candidate) stop(ctx context.Context, p *control.Process) error {
	exit := p.Stop(ctx, c.Grace)
	switch {
	case exit.Unasked != nil:
		c.Say(fmt.Sprintf("it was killed, as it could not be asked to stop: %v", exit.Unasked))
	case exit.Killed && ctx.Err() == nil:
		c.Say(fmt.Sprintf("it was killed, as it did not stop within %v", c.Grace))
	}
	return exit.Left
}

// Status implements Server.
func (c *Candidate) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.process == nil {
		return Status{Processes: []Process{}}
	}
	return Status{Addresses: []string{"http://" + c.address + "/"}, Processes: []Process{{PID: c.process.PID()}}}
}
