package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/benchctl/benchctl/servers/process/handover"
	"github.com/benchctl/benchctl/servers/process/handover/handovertest"
	"github.com/benchctl/benchctl/servers/process/listen"
)

// trial is one engine, replaced again and again under load.
type trial struct {
	engine      string
	listen      string // spec of one socket
	restarts    int
	requests    int // that must be answered, about as many before each replacement
	connections int
	resting     int
	workers     int
	crashEvery  int
	drain       time.Duration
}

// result is what a trial showed.
type result struct {
	trial
	replaced int
	failed   int // replacements, as they had to
	killed   int // workers that did not end by themselves
	took     time.Duration
	tally    handovertest.Tally
}

// run runs the trial. What was lost is in the result; the error says what else failed.
func (t trial) run(ctx context.Context, output io.Writer) (result, error) {
	r := result{trial: t}
	if _, err := find(t.engine); err != nil {
		return r, err
	}
	self, err := os.Executable()
	if err != nil {
		return r, err
	}
	sockets, err := listen.Open(ctx, listen.Options{}, t.listen)
	if err != nil {
		return r, err
	}
	ln := sockets[0]
	defer ln.Close()
	load := handovertest.Start(ctx, handovertest.Config{Address: ln.Addr(), Connections: t.connections, Resting: t.resting, Drain: t.drain})
	began := time.Now()
	processes := newProcesses()
	s, err := handover.Start(handover.Config{
		Argv: []string{self, workerCommand, t.engine, strconv.Itoa(t.crashEvery)}, Listeners: []net.Listener{ln},
		Workers: t.workers, Drain: t.drain, Output: quiet{output},
		Tell: func(e handover.Event) {
			load.Tell(e)
			processes.tell(e)
		},
	})
	if err != nil {
		load.Stop()
		return r, err
	}
	if err = s.Ready(ctx); err == nil {
		err = r.replace(ctx, s, load, processes)
	}
	r.tally = load.Stop()
	r.took = time.Since(began)
	_ = s.Stop(context.WithoutCancel(ctx)) // which kills what does not end, and so fails never
	r.killed = processes.killed
	return r, errors.Join(err, s.Err())
}

// replace replaces the workers again and again.
func (r *result) replace(ctx context.Context, s *handover.Supervisor, load *handovertest.Load, p *processes) error {
	for i := range r.restarts {
		if err := load.Await(ctx, r.requests*(i+1)/(r.restarts+1)); err != nil {
			return err
		}
		generation := i + 2 // the first is 1
		err := s.Replace(ctx)
		switch wanted := broken(generation, r.crashEvery); {
		case wanted && (err == nil || !strings.Contains(err.Error(), errBroken.Error())):
			return errors.Join(fmt.Errorf("generation %d is broken, and that is not what replacing by it told", generation), err)
		case wanted:
			r.failed++
			continue
		case err != nil:
			return err
		}
		r.replaced++
		if err := p.await(ctx, r.workers); err != nil { // the old ones have ended
			return err
		}
	}
	return load.Await(ctx, r.requests)
}

// processes knows how many workers there are.
type processes struct {
	mu     sync.Mutex
	alive  int
	killed int
	change chan struct{} // closed at each change
}

func newProcesses() *processes { return &processes{change: make(chan struct{})} }

func (p *processes) tell(e handover.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e.Kind {
	case handover.Started:
		p.alive++
	case handover.Ended:
		p.alive--
	case handover.Killed:
		p.killed++
	}
	close(p.change)
	p.change = make(chan struct{})
}

// await waits until there are n.
func (p *processes) await(ctx context.Context, n int) error {
	for {
		p.mu.Lock()
		alive, change := p.alive, p.change
		p.mu.Unlock()
		if alive == n {
			return nil
		}
		select {
		case <-change:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// quiet passes on what workers print, but for what broken versions say.
type quiet struct{ io.Writer }

func (q quiet) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(errBroken.Error())) {
		return len(p), nil
	}
	return q.Writer.Write(p)
}

const tableHead = `| engine | replaced | broken versions | requests | GET | POST | lost | refused | reset | closed | truncated | timed out | wrong | other | cut between requests | lost on idle | closed idle | killed | s |
|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|
`

// row is the result as a row of the table.
func (r result) row() string {
	var b strings.Builder
	fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %d | %d |", r.engine, r.replaced, r.failed, r.tally.Completed, r.tally.GET, r.tally.POST, len(r.tally.Lost))
	for _, o := range handovertest.Outcomes() {
		fmt.Fprintf(&b, " %d |", r.tally.Of(o))
	}
	fmt.Fprintf(&b, " %d | %d | %d | %d | %.1f |\n", r.tally.Cut, len(r.tally.Idle), r.tally.IdleClosed, r.killed, r.took.Seconds())
	return b.String()
}
