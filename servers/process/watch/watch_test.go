package watch_test

import (
	"context"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/benchctl/benchctl/servers/process/bus"
	"github.com/benchctl/benchctl/servers/process/watch"
)

// bench is a program that watches, in a bubble where time passes when all is done.
type bench struct {
	*testing.T
	bus     *bus.Bus
	dir     string
	reloads atomic.Int64
}

// step lets the files be looked at once, and returns how often the program was reloaded then.
func (b *bench) step() int {
	before := b.reloads.Load()
	time.Sleep(watch.DefaultEvery)
	synctest.Wait()
	return int(b.reloads.Load() - before)
}

func (b *bench) path(name string) string { return filepath.Join(b.dir, name) }

func (b *bench) write(name, text string) {
	b.Helper()
	if err := os.MkdirAll(filepath.Dir(b.path(name)), 0o755); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(b.path(name), []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
}

// once wants one reload, at the second look after a change.
func (b *bench) once(what string) {
	b.Helper()
	if n := b.step(); n != 0 {
		b.Errorf("%s: %d reloads at the first look", what, n)
	}
	if n := b.step(); n != 1 {
		b.Errorf("%s: %d reloads at the second look", what, n)
	}
	if n := b.step() + b.step(); n != 0 {
		b.Errorf("%s: %d more reloads", what, n)
	}
}

func run(t *testing.T, p *watch.Plugin, test func(*bench)) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{T: t, bus: bus.New(nil), dir: dir}
		b.write("config", "1")
		b.write("pages/a", "1")
		for i, name := range p.Paths {
			p.Paths[i] = b.path(name)
		}
		event := p.Event
		if event == "" {
			event = bus.Reload
		}
		b.bus.On(event, bus.Listener{Name: "count", Run: func(context.Context) error { b.reloads.Add(1); return nil }})
		p.Attach(b.bus)
		if err := b.bus.Publish(bus.Start).Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond) // after each look
		test(b)
		b.bus.Publish(bus.Exit)
		b.bus.Wait()
	})
}

// Each kind of change is one reload.
func TestChanges(t *testing.T) {
	run(t, &watch.Plugin{Paths: []string{"config", "later", "pages", "nowhere/deep"}}, func(b *bench) {
		if n := b.step() + b.step(); n != 0 {
			b.Errorf("%d reloads though nothing changed", n)
		}
		b.write("config", "22")
		b.once("written")
		if err := os.Chtimes(b.path("config"), time.Time{}, time.Unix(1, 0)); err != nil {
			b.Fatal(err)
		}
		b.once("written at another time")
		b.write("other", "33")
		if err := os.Chtimes(b.path("other"), time.Time{}, time.Unix(1, 0)); err != nil {
			b.Fatal(err)
		}
		if err := os.Rename(b.path("other"), b.path("config")); err != nil {
			b.Fatal(err)
		}
		b.once("replaced by one of the same length and time")
		b.write("later", "1")
		b.once("created later")
		os.Remove(b.path("later"))
		b.once("removed")
		b.write("pages/sub/new", "1")
		b.once("new in a new directory")
		os.RemoveAll(b.path("pages"))
		b.once("a directory removed")
		b.write("nowhere/deep/file", "1")
		b.once("in a directory that was not there")
		if err := os.Remove(b.path("config")); err != nil {
			b.Fatal(err)
		}
		if err := os.Symlink(b.path("other"), b.path("config")); err != nil {
			b.Fatal(err)
		}
		b.once("a link to nothing")
		b.write("other", "4")
		b.once("what it links to")
	})
}

// What is still being written is waited for.
func TestDebounce(t *testing.T) {
	run(t, &watch.Plugin{Paths: []string{"config", "pages"}}, func(b *bench) {
		text := "1"
		for range 10 {
			text += "1"
			b.write("config", text)
			b.write("pages/b", text)
			if n := b.step(); n != 0 {
				b.Errorf("%d reloads of half a file", n)
			}
		}
		if n := b.step(); n != 1 {
			b.Errorf("%d reloads", n)
		}
	})
}

// What changes and changes back at once has not changed.
func TestBack(t *testing.T) {
	run(t, &watch.Plugin{Paths: []string{"pages"}}, func(b *bench) {
		b.write("pages/tmp", "1")
		b.step()
		os.Remove(b.path("pages/tmp"))
		if n := b.step() + b.step(); n != 0 {
			b.Errorf("%d reloads", n)
		}
	})
}

func TestHidden(t *testing.T) {
	run(t, &watch.Plugin{Paths: []string{"pages"}}, func(b *bench) {
		b.write("pages/.config.swp", "1")
		b.write("pages/.git/index", "1")
		if n := b.step() + b.step(); n != 0 {
			b.Errorf("%d reloads", n)
		}
	})
}

// While a reload runs no other is asked for; then one is, of all that changed meanwhile.
func TestWhileReloading(t *testing.T) {
	run(t, &watch.Plugin{Paths: []string{"config"}, Event: "build"}, func(b *bench) {
		release := make(chan struct{})
		b.bus.On("build", bus.Listener{Name: "slow", Run: func(context.Context) error { <-release; return nil }})
		b.write("config", "22")
		b.step()
		if n := b.step(); n != 1 {
			b.Errorf("%d builds", n)
		}
		for _, text := range []string{"333", "4444"} {
			b.write("config", text)
			if n := b.step() + b.step() + b.step(); n != 0 {
				b.Errorf("%d more builds meanwhile", n)
			}
		}
		close(release)
		if n := b.step() + b.step() + b.step(); n != 1 {
			b.Errorf("%d builds of what changed meanwhile", n)
		}
	})
}

// A program that has stopped is not reloaded, and one that starts again knows what is there.
func TestStopped(t *testing.T) {
	run(t, &watch.Plugin{Paths: []string{"config"}}, func(b *bench) {
		if err := b.bus.Publish(bus.Stop).Wait(b.Context()); err != nil {
			b.Fatal(err)
		}
		b.write("config", "22")
		if n := b.step() + b.step(); n != 0 {
			b.Errorf("%d reloads", n)
		}
		if err := b.bus.Publish(bus.Start).Wait(b.Context()); err != nil {
			b.Fatal(err)
		}
		if n := b.step() + b.step(); n != 0 {
			b.Errorf("%d reloads of what was there at the start", n)
		}
		b.write("config", "333")
		b.once("written")
	})
}
