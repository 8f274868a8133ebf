package witness

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/benchctl/benchctl/bench/load/dial"
	"github.com/benchctl/benchctl/scenarios"
)

// Race is how long a server keeps idle connections. A request that is sent about when one
// ends may be lost: the server closes the connection before it has seen the request, and a
// client that is to send nothing twice, as with POST, can't tell whether it was executed
// (RFC 9112 section 9.3.1, RFC 9110 section 9.2.2).
//
// Each connection is first watched once. Requests are then raced: sent when their connection
// has been idle for the median of those times, up to scenarios.RaceWindow more or less. One
// whose connection is known to have ended is not sent, see Result.Replaced. As a server may
// look after idle connections at other times when it has something to do, the median follows
// what is seen then.
type Race struct {
	Limit  time.Duration   // how long each connection was watched
	Closed []time.Duration // how long each that the server ended had been idle
	Kept   int             // connections that were open after the limit
	Ending int             // connections that the server ended with their reply, as that said
}

// with is r and another session's.
func (r *Race) with(o *Race) *Race {
	if r == nil || o == nil {
		return r
	}
	return &Race{r.Limit, slices.Concat(r.Closed, o.Closed), r.Kept + o.Kept, r.Ending + o.Ending}
}

// spread is the time over which connections begin one after the other.
const spread = 500 * time.Millisecond

// race is a Race as it comes to be known.
type race struct {
	seed      uint64
	spread    time.Duration
	measuring sync.WaitGroup
	known     chan struct{} // closed when all connections were watched

	mu   sync.Mutex
	told Race
	seen []time.Duration // when connections ended last, as they had been idle; the oldest first
}

// recent is how many ends of connections the median is of.
const recent = 32

func newRace(c Config) *race {
	r := &race{seed: c.Seed, spread: spread, known: make(chan struct{}), told: Race{Limit: c.Race}}
	r.measuring.Add(c.Connections)
	return r
}

// settle waits until all connections were watched.
func (r *race) settle() {
	r.measuring.Wait()
	r.seen = slices.Clone(r.told.Closed)
	close(r.known)
}

// await waits until all connections were watched. It returns false if none ended, or nobody
// wants to know any more.
func (r *race) await(ctx context.Context) bool {
	select {
	case <-r.known:
		return len(r.told.Closed) > 0
	case <-ctx.Done():
		return false
	}
}

// aim is for how long a connection is to have been idle when its request is sent, but for
// the offset.
func (r *race) aim() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := slices.Sorted(slices.Values(r.seen))
	return all[len(all)/2]
}

// see takes in that a connection ended, or would have, when it had been idle so long.
func (r *race) see(idle time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, idle)
	r.seen = r.seen[max(0, len(r.seen)-recent):]
}

// note changes what is told.
func (r *race) note(change func(*Race)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.told)
}

// compete watches the connection once, and then races with its end until nothing more is to
// be sent.
func (c *client) compete(ctx context.Context) {
	defer c.used()
	defer c.drop()
	random := rand.New(rand.NewPCG(c.race.seed, uint64(c.n)))
	c.stagger(random)
	c.measure(ctx)
	if !c.race.await(c.running) {
		return
	}
	c.drop()
	c.stagger(random)
	for !c.over() {
		if c.conn == nil {
			c.ask(ctx, c.Now(), nil) // which opens one
			continue
		}
		offset := time.Duration((2*random.Float64() - 1) * float64(scenarios.RaceWindow))
		c.sprint(ctx, max(0, c.race.aim()+offset))
	}
}

// stagger waits for a while, so that not all connections come to their end at once.
func (c *client) stagger(random *rand.Rand) {
	dial.Pause(c.running, time.Duration(random.Float64()*float64(c.race.spread)))
}

// measure finds how long the connection is kept when it is idle after a request.
func (c *client) measure(ctx context.Context) {
	defer c.race.measuring.Done()
	if c.over() {
		return
	}
	c.ask(ctx, c.Now(), nil)
	switch last := c.requests[len(c.requests)-1]; {
	case c.conn == nil && last.Outcome == Completed:
		c.race.note(func(r *Race) { r.Ending++ })
	case c.conn == nil: // the request tells why
	case !c.quiet(c.free + c.race.told.Limit):
		idle := c.replaced[0].Idle
		c.replaced = nil // none was to race with its end
		c.race.note(func(r *Race) { r.Closed = append(r.Closed, idle) })
	case !c.over():
		c.race.note(func(r *Race) { r.Kept++ })
	}
}

// sprint sends a request when the connection has been idle so long, unless it has ended.
func (c *client) sprint(ctx context.Context, idle time.Duration) {
	open := c.quiet(c.free + idle)
	switch {
	case c.over():
		return
	case !open:
		c.race.see(c.replaced[len(c.replaced)-1].Idle)
		return
	}
	c.ask(ctx, c.Now(), nil)
	last := &c.requests[len(c.requests)-1]
	last.Raced = true
	if last.Outcome == Completed {
		c.race.see(last.Idle + scenarios.RaceWindow) // or later
	} else {
		c.race.see(last.Idle)
	}
}
