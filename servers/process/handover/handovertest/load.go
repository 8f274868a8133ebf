// Package handovertest loads a server with requests while it is replaced, and tells what
// became of each. Its client is honest about losses: it sends no request twice, and each
// has an id that the reply must repeat.
package handovertest

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/benchctl/benchctl/servers/process/handover"
)

// Config is a load. Half of the connections send GET, the others POST, all keep their
// connections until a reply says that it is the last.
type Config struct {
	Address     net.Addr
	Connections int // that send one request after the other
	// Resting connections wait up to twice Drain between requests, so that some are idle
	// while a server drains, and send when it shuts down.
	Resting int
	Drain   time.Duration // how long a server drains at most
	Timeout time.Duration // of a request; 0: 30 s
}

// maxLost is how many requests may be lost before the load ends.
const maxLost = 1000

// Load is a load that is going on. It ends when Stop is called, or when 1000 requests
// are lost.
type Load struct {
	config Config
	ids    atomic.Int64
	stop   context.CancelFunc
	all    sync.WaitGroup

	mu     sync.Mutex
	more   *sync.Cond // told of each change of tally
	tally  Tally
	drains map[int]time.Time // when it began, by PID
	over   bool
}

// Start begins a load.
func Start(ctx context.Context, config Config) *Load {
	if config.Timeout == 0 {
		config.Timeout = 30 * time.Second
	}
	ctx, stop := context.WithCancel(ctx)
	l := &Load{config: config, stop: stop, drains: make(map[int]time.Time)}
	l.more = sync.NewCond(&l.mu)
	l.tally = Tally{Generations: make(map[int]int)}
	for i := range config.Connections + config.Resting {
		c := &client{load: l, rests: i >= config.Connections, method: "GET"}
		if i%2 == 1 {
			c.method = "POST"
		}
		l.all.Go(func() { c.run(ctx) })
	}
	return l
}

// Tell takes the events of the supervisor: when workers drain.
func (l *Load) Tell(e handover.Event) {
	if e.Kind == handover.Draining {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.drains[e.PID] = e.Time
	}
}

// Await waits until n requests were answered. It fails if ctx or the load ends before.
func (l *Load) Await(ctx context.Context, n int) error {
	defer context.AfterFunc(ctx, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.more.Broadcast()
	})()
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.tally.Completed < n && ctx.Err() == nil && !l.over {
		l.more.Wait()
	}
	if l.over && ctx.Err() == nil {
		return fmt.Errorf("the load has ended: %d requests are lost, the last: %w", len(l.tally.Lost), l.tally.Lost[maxLost-1])
	}
	return ctx.Err()
}

// Stop ends the load, with the requests that are under way, and tells what became of all.
func (l *Load) Stop() Tally {
	l.stop()
	l.all.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tally
}

// wasIdle tells whether a connection to a process was idle all the while that it drained:
// from the first tenth of the drain time on, or before, until the last tenth. Only the
// process itself knows the moments at which it got the order and at which the time was
// over.
func (l *Load) wasIdle(pid int, answered, sent time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	began, ok := l.drains[pid]
	tenth := l.config.Drain / 10
	return ok && answered.Sub(began) <= tenth && sent.Sub(began) >= l.config.Drain-tenth
}

// count takes what became of a request.
func (l *Load) count(change func(*Tally)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(&l.tally)
	if len(l.tally.Lost) >= maxLost {
		l.over = true
		l.stop()
	}
	l.more.Broadcast()
}
