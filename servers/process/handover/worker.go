package handover

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/benchctl/benchctl/servers/process/drain"
)

// Worker is this process as one that a supervisor has started.
type Worker struct {
	Number     int           // from 0
	Generation int           // of the program; the supervisor's first is 1
	DrainTime  time.Duration // how long connections may take to end
	Listeners  []net.Listener

	draining chan struct{} // closed when the supervisor asks for it, or is gone
	gone     chan struct{} // closed when the supervisor is
	mu       sync.Mutex    // of reports
	reports  *os.File
}

// orphanGrace is how long a worker may take to end, beyond its drain time, when its
// supervisor is gone. It is for systems without a parent-death signal, and for workers
// that have changed their user, which clears it (prctl(2)).
const orphanGrace = 10 * time.Second

// Inherit takes over what a supervisor has handed to this process, once. It is nil if no
// supervisor has started it.
func Inherit() (*Worker, error) {
	text, is := os.LookupEnv(variable)
	if !is {
		return nil, nil
	}
	if err := os.Unsetenv(variable); err != nil { // what this process starts is no worker
		return nil, err
	}
	var r role
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return nil, fmt.Errorf("handover: %s: %w", variable, err)
	}
	w := &Worker{
		Number: r.Worker, Generation: r.Generation, DrainTime: r.Drain,
		draining: make(chan struct{}), gone: make(chan struct{}),
	}
	for i := range r.Listeners {
		ln, err := socket(firstFD + i)
		if err != nil {
			return nil, fmt.Errorf("handover: inherit socket %d: %w", firstFD+i, err)
		}
		w.Listeners = append(w.Listeners, ln)
	}
	orders := pipeEnd(firstFD + r.Listeners)
	w.reports = pipeEnd(firstFD + r.Listeners + 1)
	if orders == nil || w.reports == nil {
		return nil, errors.New("handover: inherit: the pipes to the supervisor are not open")
	}
	go w.obey(orders)
	return w, nil
}

// socket is the listener of a descriptor, which it closes.
func socket(fd int) (net.Listener, error) {
	f := os.NewFile(uintptr(fd), "listener")
	if f == nil {
		return nil, errors.New("not a file descriptor")
	}
	defer f.Close()
	return net.FileListener(f)
}

// obey takes orders until there is nobody to give them.
func (w *Worker) obey(orders *os.File) {
	defer orders.Close()
	drains := sync.OnceFunc(func() { close(w.draining) })
	for lines := bufio.NewScanner(orders); lines.Scan(); {
		if lines.Text() == orderDrain {
			drains()
		}
	}
	close(w.gone)
	drains()
	time.AfterFunc(w.DrainTime+orphanGrace, func() {
		fmt.Fprintln(os.Stderr, "handover: the supervisor is gone, and the worker did not end")
		os.Exit(1)
	})
}

// Draining is closed when the worker is to stop accepting and to let its connections end,
// because the supervisor says so or is gone.
func (w *Worker) Draining() <-chan struct{} { return w.draining }

// Orphaned is closed when the supervisor is gone. Nobody would replace or stop the worker
// any more, so it is to end; the process exits 10 s after its drain time if it has not.
func (w *Worker) Orphaned() <-chan struct{} { return w.gone }

// Ready tells the supervisor that the worker serves.
func (w *Worker) Ready() error { return w.report(reportReady) }

// Open tells the supervisor how many connections are open.
func (w *Worker) Open(n int) error { return w.report(fmt.Sprintf("%s %d", reportOpen, n)) }

func (w *Worker) report(line string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, err := w.reports.WriteString(line + "\n")
	return err
}

// Serve serves on every listener, tells the supervisor that the worker is ready once all
// accept, and drains and shuts down when the supervisor says so, is gone, or ctx ends. It
// returns when no server runs any more.
func (w *Worker) Serve(ctx context.Context, serve drain.Serve) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		select {
		case <-w.draining:
			stop()
		case <-ctx.Done():
		}
	}()
	var listeners []*drain.Listener
	for _, ln := range w.Listeners {
		listeners = append(listeners, drain.New(ln))
	}
	return drain.Run(ctx, drain.Config{
		Limit: w.DrainTime,
		Ready: w.Ready,
		Open:  func(n int) { _ = w.Open(n) }, // who does not hear it is gone
	}, serve, listeners...)
}
