// Package witness is a client that sends no request twice and reports the outcome of each. It
// shows what users lose while a server is started, stopped, reloaded or killed.
//
// A load of package engine measures how fast replies come. It reopens connections and repeats
// requests where HTTP allows it, as clients do, and so hides such losses.
package witness

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/load/dial"
	"github.com/benchctl/benchctl/scenarios"
)

// Config configures a session. Requests must fit into a socket's buffer, because a reply is
// read only after its request is written.
type Config struct {
	Address string      // host:port
	Target  load.Target // request of the paced connections
	// Ident means that replies are those of the app "ident": each must have the id of its
	// request, and names the process that answered.
	Ident       bool
	Connections int
	// Rate is requests/s over all Connections. Each connection sends evenly, with a random
	// start and a little jitter, so that connections differ in how long they have been idle.
	// A request that becomes due while the one before it on its connection is in progress
	// is not sent, see Result.Missed. 0: a closed loop, in which each connection sends as
	// soon as it has its reply.
	Rate float64
	// Race is how long an idle connection is watched for its end, instead of a rate: each
	// connection then sends its requests about when the server closes it, see Race.
	Race time.Duration
	// Timeout is how long a request may take, with the opening of a connection for it; 0:
	// that of loads.
	Timeout time.Duration
	Seed    uint64
	FirstID uint64 // of the requests' ids, which count up; 0: 1

	// Streams is the number of connections that request Stream repeatedly, a reply that takes
	// long. For them, Timeout limits the wait for each piece of the reply.
	Streams int
	Stream  load.Target
	// Silent is the number of open connections that send nothing.
	Silent int
}

func (c Config) check() error {
	switch {
	case c.Connections < 0 || c.Streams < 0 || c.Silent < 0 || c.Connections+c.Streams+c.Silent == 0:
		return fmt.Errorf("%d connections, %d streams, %d silent: at least one is needed", c.Connections, c.Streams, c.Silent)
	case c.Rate < 0:
		return fmt.Errorf("rate %v is below 0", c.Rate)
	case c.Race < 0 || c.Race > 0 && c.Rate > 0:
		return fmt.Errorf("race %v, rate %v: one is 0, the other not below", c.Race, c.Rate)
	case c.Timeout < 0:
		return fmt.Errorf("timeout %v is below 0", c.Timeout)
	}
	return nil
}

// Session is a running client, from Start to Stop.
type Session struct {
	config  Config
	begun   time.Time
	ids     atomic.Uint64   // given last
	running context.Context // until nothing more is to be sent
	halt    context.CancelFunc
	keep    func() bool  // lets the end of Start's context be nothing to the session
	dialer  *dial.Dialer // of the paced connections
	aside   *dial.Dialer // of streams and silent connections, which nothing waits for at the end
	clients []*client
	streams []*client
	silents []*silent
	all     sync.WaitGroup
	cold    sync.WaitGroup // connections that have not been used yet
	warm    chan struct{}
	race    *race // nil: requests are paced
	done    chan struct{}

	gave sync.Map // processes that gave a reply, by PID
}

// Start begins to send. When ctx ends, the session ends too and gives up requests in
// progress. The caller must call Stop in any case.
func Start(ctx context.Context, c Config) (*Session, error) {
	s, err := newSession(c)
	if err != nil {
		return nil, fmt.Errorf("start witness: %w", err)
	}
	s.start(ctx)
	return s, nil
}

func newSession(c Config) (*Session, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	c.Timeout, c.FirstID = cmp.Or(c.Timeout, scenarios.DefaultTimeout), cmp.Or(c.FirstID, 1)
	s := &Session{
		config: c, warm: make(chan struct{}), done: make(chan struct{}), dialer: dial.New(c.Address, c.Timeout), aside: dial.New(c.Address, c.Timeout),
	}
	s.ids.Store(c.FirstID - 1)
	s.cold.Add(c.Connections + c.Streams + c.Silent)
	if c.Race > 0 {
		s.race = newRace(c)
	}
	return s, s.prepare()
}

// start lets the clients begin.
func (s *Session) start(ctx context.Context) {
	s.begun = time.Now()
	s.running, s.halt = context.WithCancel(ctx)
	s.keep = context.AfterFunc(ctx, func() { s.dialer.Cut(); s.aside.Cut() })
	for _, c := range s.clients {
		if s.race != nil {
			s.all.Go(func() { c.compete(ctx) })
		} else {
			s.all.Go(func() { c.run(ctx) })
		}
	}
	for _, c := range s.streams {
		s.all.Go(func() { c.run(ctx) })
	}
	for _, q := range s.silents {
		s.all.Go(q.run)
	}
	if s.race != nil {
		go s.race.settle()
	}
	go func() { s.cold.Wait(); close(s.warm) }()
	go func() { s.all.Wait(); close(s.done) }()
}

// prepare makes the connections' clients.
func (s *Session) prepare() error {
	c := s.config
	for n := range c.Connections {
		ask, err := newTemplate(c.Address, c.Target)
		if err != nil {
			return err
		}
		ask.ident = c.Ident
		s.clients = append(s.clients, &client{
			Session: s, n: n, template: ask, dialer: s.dialer, pace: newPacer(c, n), used: sync.OnceFunc(s.cold.Done),
		})
	}
	for n := range c.Streams {
		ask, err := newTemplate(c.Address, c.Stream)
		if err != nil {
			return fmt.Errorf("stream: %w", err)
		}
		s.streams = append(s.streams, &client{
			Session: s, n: n, template: ask, dialer: s.aside, pace: &pacer{}, patient: true, used: sync.OnceFunc(s.cold.Done),
		})
	}
	for n := range c.Silent {
		s.silents = append(s.silents, &silent{Session: s, n: n, used: sync.OnceFunc(s.cold.Done)})
	}
	return nil
}

// Now is the session's clock: the time since it began.
func (s *Session) Now() time.Duration { return time.Since(s.begun) }

// Gave are the processes that have given replies, as those tell.
func (s *Session) Gave() (pids []int) {
	s.gave.Range(func(pid, _ any) bool {
		pids = append(pids, pid.(int))
		return true
	})
	return pids
}

// Warm is closed when each connection has been used: a paced one has had its first request, a
// stream has begun, a silent one is open. A failed attempt counts as well.
func (s *Session) Warm() <-chan struct{} { return s.warm }

// Done is closed when there is nothing left to do: after Stop, or where no connection can
// be raced.
func (s *Session) Done() <-chan struct{} { return s.done }

// Stop sends nothing more, waits for the requests that are under way, up to their timeout,
// ends the streams and silent connections, and tells what became of all. It is to be
// called once.
func (s *Session) Stop() Result {
	r := Result{Stopped: s.Now()}
	s.halt()
	s.aside.Cut()
	s.all.Wait()
	s.keep()
	for _, c := range s.clients {
		r.Requests = append(r.Requests, c.requests...)
		r.Replaced = append(r.Replaced, c.replaced...)
		r.Missed += c.pace.missed
	}
	for _, c := range s.streams {
		r.Streams = append(r.Streams, c.requests...)
	}
	for _, q := range s.silents {
		r.Silent = append(r.Silent, q.ended...)
	}
	if s.race != nil {
		r.Race = &s.race.told
	}
	for _, all := range [][]Request{r.Requests, r.Streams} {
		slices.SortFunc(all, func(a, b Request) int { return cmp.Or(cmp.Compare(a.Sent, b.Sent), cmp.Compare(a.ID, b.ID)) })
	}
	for _, all := range [][]Ended{r.Replaced, r.Silent} {
		slices.SortStableFunc(all, func(a, b Ended) int { return cmp.Compare(a.At, b.At) })
	}
	return r
}

// over reports whether nothing more is to be sent.
func (s *Session) over() bool { return s.running.Err() != nil }

// errCut is the error of a connection that was being opened when the session ended.
var errCut = errors.New("the session ended")

// connect opens a connection that ends with the session.
func connect(ctx context.Context, d *dial.Dialer) (*dial.Conn, error) {
	conn, err := d.Connect(ctx)
	if err == nil && d.IsCut() {
		conn.Close()
		return nil, errCut
	}
	return conn, err
}

// pacer tells when the requests of one connection are due.
type pacer struct {
	phase    time.Duration
	interval time.Duration // 0: a request is due at once
	jitter   time.Duration // by which a request may be early or late
	random   *rand.Rand
	sent     int64 // requests that were due, or missed
	missed   uint64
}

// jitter is the most that a request is early or late, as a share of the interval.
const jitter = 0.05

func newPacer(c Config, connection int) *pacer {
	if c.Rate == 0 {
		return &pacer{}
	}
	interval := float64(time.Second) * float64(c.Connections) / c.Rate
	random := rand.New(rand.NewPCG(c.Seed, uint64(connection)))
	return &pacer{
		phase: time.Duration(random.Float64() * interval), interval: time.Duration(interval), jitter: time.Duration(jitter * interval), random: random,
	}
}

// next is when the next request is due, which is not before now.
func (p *pacer) next(now time.Duration) time.Duration {
	if p.interval == 0 {
		return now
	}
	for {
		due := p.phase + time.Duration(p.sent)*p.interval
		due += time.Duration((2*p.random.Float64() - 1) * float64(p.jitter))
		p.sent++
		if due >= now || p.sent == 1 {
			return due
		}
		p.missed++
	}
}
