package pidfile

import (
	"context"
	"errors"
	"os"
	"sync"

	"github.com/benchctl/benchctl/servers/process/bus"
)

// Plugin keeps a pidfile from the start to the stop of a program. It is the first to start,
// so that a second program does nothing else, and the last to stop.
type Plugin struct {
	path   string
	passed *os.File // the lock that a predecessor passed on, or nil

	mu   sync.Mutex
	file *File // nil while the program is not started
}

// At makes the plugin of the pidfile at a path.
func At(path string) *Plugin { return &Plugin{path: path} }

// Inherit makes the plugin of a successor, to which the lock was passed on. The predecessor
// hands the pidfile over once the successor is ready.
func Inherit(path string, lock *os.File) *Plugin { return &Plugin{path: path, passed: lock} }

// Attach implements bus.Plugin.
func (p *Plugin) Attach(b *bus.Bus) {
	b.On(bus.Start, bus.Listener{Name: "pidfile", Priority: bus.PriorityInstance, Run: p.create, Undo: p.remove})
}

func (p *Plugin) create(context.Context) (err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.passed != nil {
		p.file, err = Adopt(p.path, p.passed)
		p.passed = nil // a second start is one like others
		return err
	}
	p.file, err = Create(p.path)
	return err
}

func (p *Plugin) remove(context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.file
	p.file = nil
	return f.Remove()
}

var errNotStarted = errors.New("pidfile: the program is not started")

// Lock is the lock to pass on to a successor. It is nil while the program is not started.
func (p *Plugin) Lock() *os.File {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.file == nil {
		return nil
	}
	return p.file.Lock()
}

// HandOver makes a successor that has the lock, and is ready, the one that the pidfile tells.
func (p *Plugin) HandOver(pid int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.file == nil {
		return errNotStarted
	}
	return p.file.HandOver(pid)
}
