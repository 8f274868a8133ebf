// Package watch publishes an event when files change: a reload, while a program is developed.
//
// It looks at the files every so often. That finds files which do not exist yet, which an
// editor replaces, which are links, or lie on a file system that tells of no changes; to look
// at the few hundred files of a program costs less than a millisecond.
package watch

import (
	"context"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/benchctl/benchctl/servers/process/bus"
)

// DefaultEvery is how often files are looked at.
const DefaultEvery = 500 * time.Millisecond

// Plugin watches from the start of a program to its stop.
type Plugin struct {
	// Paths are files, and directories with all that is below them, but for what has a name
	// that begins with a dot. They need not exist.
	Paths []string
	Event bus.Event     // "" is Reload
	Every time.Duration // 0 is DefaultEvery

	stop context.CancelFunc
	done sync.WaitGroup
}

// Attach implements bus.Plugin.
func (p *Plugin) Attach(b *bus.Bus) {
	b.On(bus.Start, bus.Listener{Name: "watch", Priority: bus.PriorityReady, Run: func(context.Context) error {
		p.start(b)
		return nil
	}, Undo: func(context.Context) error {
		p.stop()
		p.done.Wait()
		return nil
	}})
}

func (p *Plugin) start(b *bus.Bus) {
	w := watcher{bus: b, paths: p.Paths, event: p.Event, known: look(p.Paths)}
	if w.event == "" {
		w.event = bus.Reload
	}
	every := p.Every
	if every == 0 {
		every = DefaultEvery
	}
	ctx, cancel := context.WithCancel(context.Background())
	p.stop = cancel
	p.done.Go(func() { w.run(ctx, every) })
}

// watcher knows what it saw.
type watcher struct {
	bus   *bus.Bus
	paths []string
	event bus.Event
	known sight // what was there when the event was published last
	last  sight // what was there the last time, nil if that is known
	asked *bus.Pending
}

func (w *watcher) run(ctx context.Context, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			w.step(look(w.paths))
		case <-ctx.Done():
			return
		}
	}
}

// step publishes the event when files have changed and then stayed as they are from one look
// to the next: a program that is being written, or a branch that is being checked out, is
// not whole. Nothing is published while the event runs; what changes meanwhile is seen later.
func (w *watcher) step(now sight) {
	if maps.Equal(now, w.known) {
		w.last = nil
		return
	}
	if w.last == nil || !maps.Equal(now, w.last) || w.running() {
		w.last = now
		return
	}
	w.known, w.last = now, nil
	w.asked = w.bus.Publish(w.event)
}

func (w *watcher) running() bool {
	if w.asked == nil {
		return false
	}
	select {
	case <-w.asked.Done():
		return false
	default:
		return true
	}
}

// sight is what is seen of files at one time, by path.
type sight map[string]stamp

// stamp changes when a file is written or replaced.
type stamp struct {
	inode uint64
	size  int64
	mode  fs.FileMode
	wrote time.Time
}

// look sees all files. What can't be looked at is not there.
func look(paths []string) sight {
	s := make(sight)
	for _, root := range paths {
		_ = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return nil // it went meanwhile
			}
			if path != root && strings.HasPrefix(entry.Name(), ".") {
				if entry.IsDir() {
					return fs.SkipDir
				}
				return nil
			}
			if info, err := os.Stat(path); err == nil && !info.IsDir() {
				s[path] = stampOf(info)
			}
			return nil
		})
	}
	return s
}

func stampOf(info fs.FileInfo) stamp {
	s := stamp{size: info.Size(), mode: info.Mode(), wrote: info.ModTime()}
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		s.inode = sys.Ino
	}
	return s
}
