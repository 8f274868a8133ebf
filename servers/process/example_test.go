package process_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"

	"github.com/benchctl/benchctl/servers/process"
	"github.com/benchctl/benchctl/servers/process/bus"
	"github.com/benchctl/benchctl/servers/process/signals"
)

// greeter is a plugin of one's own: it talks to the server once that serves, and then asks
// the program to exit.
type greeter struct{ address func() string }

func (g greeter) Attach(b *bus.Bus) {
	b.On(bus.Start, bus.Listener{Name: "greeter", Priority: bus.PriorityReady, Run: func(ctx context.Context) error {
		reply, err := http.Get("http://" + g.address())
		if err != nil {
			return err
		}
		defer reply.Body.Close()
		text, err := io.ReadAll(reply.Body)
		fmt.Printf("%s (%s)\n", text, b.State())
		b.Publish("greeted")
		return err
	}})
	b.On("greeted", bus.Listener{Name: "greeter", Run: func(context.Context) error {
		fmt.Println("greeted")
		b.Publish(bus.Exit)
		return nil
	}})
	b.On(bus.Stop, bus.Listener{Name: "greeter", Run: func(context.Context) error {
		fmt.Println("bye")
		return nil
	}})
}

// A program is a list of plugins. Its exit status is for os.Exit.
func Example() {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	hello := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") })
	status := process.Program{Log: slog.New(slog.DiscardHandler), Plugins: []process.Plugin{
		signals.New(signals.Default()),
		&process.HTTP{Server: &http.Server{Handler: hello}, Listen: func() (net.Listener, error) { return ln, nil }},
		greeter{ln.Addr().String},
	}}.Run(context.Background())
	fmt.Println("status", status)
	// Output:
	// hello (starting)
	// greeted
	// bye
	// status 0
}
