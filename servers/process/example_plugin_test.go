package process_test

import (
	"context"
	"fmt"

	"github.com/benchctl/benchctl/servers/process"
	"github.com/benchctl/benchctl/servers/process/bus"
)

type cache struct{}

func (c *cache) Attach(b *bus.Bus) {
	b.On(bus.Start, bus.Listener{Name: "cache", Priority: bus.PrioritySockets, Run: c.load, Undo: c.save})
	b.On(bus.Reload, bus.Listener{Name: "cache", Run: c.load})
}

func (*cache) load(context.Context) error {
	fmt.Println("loaded")
	return nil
}

func (*cache) save(context.Context) error {
	fmt.Println("saved")
	return nil
}

// script is a plugin too: it asks for a reload and an exit.
type script struct{}

func (script) Attach(b *bus.Bus) {
	b.On(bus.Start, bus.Listener{Name: "script", Priority: bus.PriorityReady, Run: func(context.Context) error {
		b.Publish(bus.Reload)
		b.Publish("end") // as an exit would go before the reload
		return nil
	}})
	b.On("end", bus.Listener{Name: "script", Run: func(context.Context) error {
		b.Publish(bus.Exit)
		return nil
	}})
}

// A plugin subscribes to the events that concern it.
func ExamplePlugin() {
	process.Program{Plugins: []process.Plugin{&cache{}, script{}}}.Run(context.Background())
	// Output:
	// loaded
	// loaded
	// saved
}
