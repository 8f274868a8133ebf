package service

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"sync"
	"time"

	"github.com/benchctl/benchctl/servers/control"
	"github.com/benchctl/benchctl/servers/process/bus"
	"github.com/benchctl/benchctl/servers/process/listen"
	"github.com/benchctl/benchctl/servers/process/privileges"
)

// Control is the plugin by which a service is controlled: a Unix socket, for its user and
// root alone. Requests and replies are JSON, a line each.
type Control struct {
	Dir     Dir
	Name    string
	Of      string  // the server that is served
	Command Command // to be remembered
	// User and Group are whom the service becomes, and who is to remove the socket then.
	User, Group string

	server   Server // that is asked
	bus      *bus.Bus
	listener net.Listener
	home     *os.Root    // of the socket
	made     fs.FileInfo // the socket
	since    time.Time

	mu    sync.Mutex
	conns map[net.Conn]bool
}

// Verb is what is asked of a service.
type Verb string

// Verbs of services. After Stop and StopNow the connection ends with the service.
const (
	Stop      Verb = "stop"
	StopNow   Verb = "stop-now"
	Restart   Verb = "restart"
	Reload    Verb = "reload"
	Upgrade   Verb = "upgrade"
	ScaleUp   Verb = "scale-up"
	ScaleDown Verb = "scale-down"
	status    Verb = "status"
)

var events = map[Verb]bus.Event{
	Stop: bus.Exit, StopNow: bus.ExitNow, Restart: restart, Reload: bus.Reload, Upgrade: bus.Upgrade, ScaleUp: scaleUp, ScaleDown: scaleDown,
}

// request is a line to a service.
type request struct {
	Verb Verb `json:"verb"`
}

// reply is a line from it.
type reply struct {
	Error      string  `json:"error,omitempty"`
	NotOffered bool    `json:"not_offered,omitempty"`
	Status     *Status `json:"status,omitempty"`
}

// Attach implements bus.Plugin.
func (c *Control) Attach(b *bus.Bus) {
	c.bus, c.conns = b, make(map[net.Conn]bool)
	b.On(bus.Start, bus.Listener{Name: "control", Priority: bus.PriorityInstance + 1, Run: c.open, Undo: c.close})
	go func() {
		<-b.Done()
		c.mu.Lock()
		defer c.mu.Unlock()
		for conn := range c.conns {
			conn.Close()
		}
		c.conns = nil
	}()
}

// open opens the socket, unless a service of the name runs. As long as that is done by root
// the directory is root's: its user could put something else in the place of the socket.
func (c *Control) open(ctx context.Context) error {
	if err := c.Dir.make(); err != nil {
		return err
	}
	if now, err := c.Dir.Status(ctx, c.Name); err == nil {
		return fmt.Errorf("service %s: process %d has that name: %w", c.Name, now.PID, ErrRunning)
	}
	if err := c.takeHome(); err != nil {
		return err
	}
	all, err := listen.Open(ctx, listen.Options{Mode: 0o600}, "unix:"+c.Dir.socket(c.Name))
	if err != nil {
		return errors.Join(err, c.home.Close())
	}
	c.listener, c.since = all[0], time.Now()
	if err := cmp.Or(c.handHome(), c.Dir.remember(c.Name, c.Command)); err != nil {
		return errors.Join(err, c.close(ctx))
	}
	go c.accept()
	return nil
}

// takeHome makes the directory of the socket this user's.
func (c *Control) takeHome() (err error) {
	home := c.Dir.home(c.Name)
	if err := os.Mkdir(home, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := os.Lchown(home, os.Geteuid(), os.Getegid()); err != nil {
		return err
	}
	c.home, err = os.OpenRoot(home)
	return err
}

// handHome gives the directory to the user that the service becomes.
func (c *Control) handHome() (err error) {
	if c.made, err = c.home.Lstat(socketName); err != nil || c.User == "" {
		return err
	}
	t, err := privileges.Lookup(c.User, c.Group)
	if err != nil {
		return err
	}
	return os.Lchown(c.Dir.home(c.Name), t.UID, t.GID)
}

// close removes the socket. A user that can't pass to the directory has it open.
func (c *Control) close(context.Context) error {
	defer c.home.Close()
	err := c.listener.Close()
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	now, err := c.home.Lstat(socketName)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !os.SameFile(now, c.made):
		return nil
	}
	return c.home.Remove(socketName)
}

func (c *Control) accept() {
	for {
		conn, err := c.listener.Accept()
		if err != nil {
			return // it is closed; else the service goes on without
		}
		c.mu.Lock()
		open := c.conns != nil
		if open {
			c.conns[conn] = true
		}
		c.mu.Unlock()
		if !open {
			conn.Close()
			return
		}
		go c.talk(conn)
	}
}

// talk answers one who asks.
func (c *Control) talk(conn net.Conn) {
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.conns, conn)
		conn.Close()
	}()
	lines, answers := json.NewDecoder(conn), json.NewEncoder(conn)
	for {
		var r request
		if lines.Decode(&r) != nil || answers.Encode(c.answer(r.Verb)) != nil {
			return
		}
	}
}

// answer does what is asked. That the service is to end is answered before it does.
func (c *Control) answer(v Verb) reply {
	if v == status {
		now := c.status()
		return reply{Status: &now}
	}
	event, known := events[v]
	if !known {
		return reply{Error: fmt.Sprintf("unknown verb %q", v), NotOffered: true}
	}
	asked := c.bus.Publish(event)
	if v == Stop || v == StopNow {
		return reply{}
	}
	err := asked.Wait(context.Background())
	if err == nil {
		return reply{}
	}
	return reply{Error: err.Error(), NotOffered: errors.Is(err, control.ErrNotOffered)}
}

func (c *Control) status() Status {
	now := c.server.Status()
	now.Name, now.Server, now.PID, now.Since = c.Name, c.Of, os.Getpid(), c.since
	now.State = c.bus.State().String()
	if now.Addresses == nil {
		now.Addresses = []string{}
	}
	return now
}
