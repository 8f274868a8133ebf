package bus_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/servers/process/bus"
)

// model is the bus in its simplest form: calls in a row, and nobody else.
type model struct {
	state  bus.State
	fails  string // the listener that fails, if any
	status int
	did    []string
}

// parts are the listeners of Start, by priority: b and c have the same.
var parts = []struct {
	name     string
	priority int
}{{"a", 1}, {"b", 2}, {"c", 2}, {"d", 3}}

func (m *model) call(name string) bool {
	m.did = append(m.did, name)
	return name != m.fails
}

func (m *model) ask(e bus.Event) (failed bool) {
	if m.state == bus.Exiting {
		return e != bus.Stop && e != bus.Exit && e != bus.ExitNow
	}
	switch e {
	case bus.Start:
		if m.state == bus.Started {
			return true
		}
		return m.start()
	case bus.Stop:
		return m.state == bus.Started && m.stop()
	case bus.Exit, bus.ExitNow:
		failed = m.state == bus.Started && m.stop()
		m.state = bus.Exiting
		return !m.ok(m.call("exit")) || failed
	case bus.Reload:
		return m.state != bus.Started || !m.call("reload")
	}
	return !m.call(string(e))
}

func (m *model) start() (failed bool) {
	var undo []string
	for i, p := range parts {
		if failed && p.priority != parts[i-1].priority {
			break
		}
		if !m.call(p.name) {
			failed = true
			continue
		}
		undo = append([]string{"-" + p.name}, undo...)
	}
	if !failed {
		m.state = bus.Started
		if m.status == bus.StatusStartFailed {
			m.status = bus.StatusOK
		}
		return false
	}
	m.state, m.status = bus.Stopped, bus.StatusStartFailed
	for _, name := range undo {
		m.call(name)
	}
	return true
}

func (m *model) stop() (failed bool) {
	m.state = bus.Stopped
	failed = !m.ok(m.call("stop"))
	for i := len(parts) - 1; i >= 0; i-- {
		failed = !m.ok(m.call("-"+parts[i].name)) || failed
	}
	return failed
}

func (m *model) ok(ok bool) bool {
	if !ok && m.status == bus.StatusOK {
		m.status = bus.StatusFailed
	}
	return ok
}

// modelled is a bus with the listeners of the model.
func modelled(fails *string, r *record) *bus.Bus {
	b := bus.New(nil)
	does := func(name string) func(context.Context) error {
		return func(context.Context) error {
			r.add(name)
			if name != *fails {
				return nil
			}
			if len(name)%2 == 0 {
				panic(name)
			}
			return errors.New(name)
		}
	}
	for _, i := range []int{3, 1, 2, 0} { // b before c, as they have one priority
		b.On(bus.Start, bus.Listener{Name: parts[i].name, Priority: parts[i].priority, Run: does(parts[i].name), Undo: does("-" + parts[i].name)})
	}
	for _, e := range []bus.Event{bus.Stop, bus.Exit, bus.Reload, bus.Reopen, "own"} {
		b.On(e, bus.Listener{Name: string(e), Run: does(string(e))})
	}
	return b
}

// Whatever is asked for in whatever order, and whichever listener fails, the bus does what
// the model does.
func FuzzModel(f *testing.F) {
	events := []bus.Event{bus.Start, bus.Stop, bus.Reload, "own", bus.Reopen, bus.Exit, bus.ExitNow}
	failing := []string{"", "a", "b", "c", "d", "-a", "-b", "-d", "stop", "exit", "reload", "own"}
	f.Add([]byte{0, 1, 0, 2, 5})
	f.Add([]byte{0x20, 0, 0x50, 0, 5})
	f.Add([]byte{0x30, 0x00, 0x71, 0x82, 0x95, 6, 0, 1, 3})
	f.Add([]byte{0xa0, 0xa2, 0x81, 0x63, 0x45})
	f.Fuzz(func(t *testing.T, asked []byte) {
		var r record
		m := model{status: bus.StatusOK}
		b := modelled(&m.fails, &r)
		defer func() { b.Publish(bus.Exit); b.Wait() }()
		for i, c := range asked {
			e := events[int(c&0xf)%len(events)]
			m.fails = failing[int(c>>4)%len(failing)]
			m.did = nil
			failed := m.ask(e)
			err := wait(t, b.Publish(e))
			got := fmt.Sprint(b.State(), err != nil, " ", r.take())
			if want := fmt.Sprint(m.state, failed, " ", strings.Join(m.did, " ")); got != want {
				t.Fatalf("%d: %s with %q failing: %s (%v), want %s", i, e, m.fails, got, err, want)
			}
		}
		if m.state == bus.Exiting && b.Wait() != m.status {
			t.Errorf("status %d, want %d", b.Wait(), m.status)
		}
	})
}
