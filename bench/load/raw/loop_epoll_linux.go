package raw

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/load/pace"
	"github.com/benchctl/benchctl/bench/load/tally"
	"github.com/benchctl/benchctl/bench/load/wire"
)

const (
	readSize      = 64 << 10 // bytes read at a time
	eventBatch    = 256      // events taken at a time
	maxConnecting = 256      // connections being opened at a time, less than any backlog
	// spin is how long before an intended send time a worker stops sleeping: the time
	// that the kernel takes to wake it. Half of it costs as much CPU time and leaves a
	// lag of 10 µs; twice as much costs 1.5 times the CPU time.
	spin = 30 * time.Microsecond
)

// epollLoop divides the connections among workers, one for each thread that may run.
// With a Pacer, worker i of n sends every n-th request, from the i-th on, over its own
// connections.
type epollLoop struct {
	setup   *setup
	workers []*worker
}

func newLoop(s *setup) (loop, error) { return newEpollLoop(s) }

func newEpollLoop(s *setup) (*epollLoop, error) {
	n := min(runtime.GOMAXPROCS(0), s.Connections)
	l := &epollLoop{setup: s}
	for i := range n {
		w, err := newWorker(s, i, n)
		if err != nil {
			l.close()
			return nil, err
		}
		l.workers = append(l.workers, w)
	}
	return l, nil
}

func newWorker(s *setup, index, of int) (*worker, error) {
	family, address, err := sockaddr(s.Address)
	if err != nil {
		return nil, err
	}
	p, err := newPoller()
	if err != nil {
		return nil, err
	}
	w := &worker{
		setup: s, poller: p, index: index, of: of, family: family, address: address,
		conns:  make([]conn, (s.Connections+of-1-index)/of),
		turn:   wire.NewTurn(s.requests, s.order),
		tally:  tally.New(s.open, s.FirstByte),
		events: make([]unix.EpollEvent, eventBatch),
		buffer: make([]byte, readSize),
	}
	w.turn.Remember()
	for i := range w.conns {
		w.conns[i].index = int32(i)
	}
	if s.Pipeline > 1 {
		w.flights = make([]flight, len(w.conns)*s.Pipeline)
		w.gathered = make([]unix.Iovec, 0, s.Pipeline+1)
	}
	return w, nil
}

func (l *epollLoop) close() error {
	for _, w := range l.workers {
		w.close()
	}
	l.workers = nil
	return nil
}

func (l *epollLoop) ready(ctx context.Context, patience time.Duration) error {
	l.each(ctx, func(w *worker) { w.ready(patience) })
	if err := ctx.Err(); err != nil {
		return err
	}
	var errs []error
	open := false
	for _, w := range l.workers {
		errs = append(errs, w.failed)
		open = open || w.anyOpen()
	}
	err := together(errs)
	if open && errors.Is(err, unix.ETIMEDOUT) {
		return nil // another worker's connections are what the server is at
	}
	return err
}

// together joins the errors that are not nil into one error on one line, each text once.
func together(errs []error) (all error) {
	var seen []string
	for _, err := range errs {
		switch {
		case err == nil || slices.Contains(seen, err.Error()):
			continue
		case all == nil:
			all = err
		default:
			all = fmt.Errorf("%w; %w", all, err)
		}
		seen = append(seen, err.Error())
	}
	return all
}

func (l *epollLoop) run(ctx context.Context, s tally.Span) []*tally.Tally {
	for _, w := range l.workers {
		w.tally.Start(s)
	}
	l.each(ctx, (*worker).run)
	tallies := make([]*tally.Tally, len(l.workers))
	for i, w := range l.workers {
		tallies[i] = w.tally
	}
	return tallies
}

// each runs f for every worker, each on its own thread, and wakes all when ctx ends.
func (l *epollLoop) each(ctx context.Context, f func(*worker)) {
	var all, woken sync.WaitGroup
	woken.Add(1)
	stop := context.AfterFunc(ctx, func() {
		defer woken.Done()
		for _, w := range l.workers {
			w.poller.wake()
		}
	})
	for _, w := range l.workers {
		w.done, w.stopped = ctx.Done(), ctx.Err() != nil
		all.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			defer punctual()()
			f(w)
		})
	}
	all.Wait()
	if !stop() {
		// It must not use descriptors that are closed.
		woken.Wait()
	}
}

// worker drives its share of the connections, alone and in one thread. It is
// ready or running, never both.
type worker struct {
	setup     *setup
	poller    *poller
	index, of int // which worker of how many
	family    int
	address   unix.Sockaddr // its own: connecting writes to it
	conns     []conn
	turn      wire.Turn
	tally     *tally.Tally
	events    []unix.EpollEvent
	buffer    []byte       // what was read last; shared by all connections
	flights   []flight     // with pipelining: setup.Pipeline for each connection, a ring
	gathered  []unix.Iovec // with pipelining: what one write takes,
	message   unix.Msghdr  // as the kernel is told

	done    <-chan struct{}
	stopped bool          // done was closed
	failed  error         // why a connection could not be opened
	sending bool          // the slice goes on
	plan    pace.Schedule // with a Pacer: when to send
	free    queue         // with a Pacer: connections to send on

	looked time.Duration // with a Pacer: when events were taken last,
	came   time.Duration // and the earliest that they can have come

	connecting, busy int           // connections in these states
	check            time.Duration // when to look for timeouts and retries next
}

func (w *worker) close() {
	for i := range w.conns {
		w.drop(&w.conns[i])
	}
	w.poller.close()
}

// ready is loop.ready for the worker's connections.
func (w *worker) ready(patience time.Duration) {
	w.tally.Reset()
	w.turn.Restart()
	w.failed = nil
	began := w.setup.now()
	for w.poll(began, began) > 0 {
	}
	until := began + w.setup.Timeout
	for next := 0; ; {
		now := w.setup.now()
		for ; next < len(w.conns) && w.connecting < maxConnecting && !w.stopped; next++ {
			if c := &w.conns[next]; c.state == down {
				w.connect(c, now)
			}
		}
		if w.connecting == 0 && !w.stopped {
			return
		}
		if now >= until || w.stopped {
			break
		}
		if now >= began+patience && w.anyOpen() {
			return // the others come up under load, or fail there
		}
		w.poll(now, min(until, max(began+patience, now+patience/10)))
	}
	w.giveUp()
}

// anyOpen reports whether there is a connection to send on.
func (w *worker) anyOpen() bool {
	return slices.ContainsFunc(w.conns, func(c conn) bool { return c.state == idle })
}

// giveUp stops opening connections that take too long. The end of the context is no error
// of a connection.
func (w *worker) giveUp() {
	for i := range w.conns {
		switch c := &w.conns[i]; {
		case c.state == connecting && w.stopped:
			w.connecting--
			w.drop(c)
		case c.state == connecting:
			w.connectFailed(c, unix.ETIMEDOUT, w.setup.now())
		}
	}
}

// run is loop.run for the worker's connections.
func (w *worker) run() {
	began := w.setup.now()
	w.begin(began)
	drainBy := time.Duration(math.MaxInt64)
	var last, awake time.Duration // when the loop was here last, and until when it does not sleep
	active, idle := true, false   // what it has been since then
	for {
		now := w.setup.now()
		switch {
		case active:
			awake = now + w.setup.Poll
		case idle:
			w.tally.Polled += min(now, awake) - last // beyond that it was kept from the processor
		}
		if w.sending && (now >= w.tally.To || w.stopped) {
			w.finish(now)
		}
		if w.stopped {
			drainBy = min(drainBy, now+load.Grace)
		}
		if !w.sending && (w.busy == 0 || now >= drainBy) {
			break
		}
		if now >= w.check {
			w.lookAfter(now)
		}
		sent := w.tally.Sent
		until := min(w.pause(), drainBy)
		if idle = now < awake; idle {
			until = now
		}
		active = w.poll(now, until) > 0 || w.tally.Sent > sent
		last = now
	}
	w.abandon()
}

// begin sends the first requests.
func (w *worker) begin(now time.Duration) {
	w.sending, w.check = true, now
	if w.setup.open {
		w.plan = pace.NewSchedule(w.setup.Pacer, w.tally.To-w.tally.Began, w.index, w.of)
		w.free.reset(len(w.conns))
	}
	for i := range w.conns {
		c := &w.conns[i]
		c.queued, c.rested = false, true // the queue of the last slice is gone
		if c.state == idle {
			w.next(c, w.setup.now())
		}
	}
}

// pause sends what is due, and returns until when there is nothing to do but wait for
// events.
func (w *worker) pause() time.Duration {
	if !w.sending {
		return w.check
	}
	until := min(w.check, w.tally.To)
	if w.setup.open {
		if at, ok := w.issue(); ok {
			until = min(until, at-spin)
		}
	}
	return until
}

// issue sends the requests that are due while there are free connections, and
// returns when the next one can be sent.
func (w *worker) issue() (next time.Duration, ok bool) {
	for {
		at, more := w.plan.Peek()
		if at += w.tally.Began; !more {
			return 0, false
		}
		now := w.setup.now()
		if at > now {
			return at, !w.free.empty()
		}
		i, ok := w.free.pop()
		if !ok {
			return 0, false
		}
		c := &w.conns[i]
		if c.queued = false; c.state == idle && w.send(c, at, now) {
			w.plan.Advance()
		}
	}
}

// finish ends the sending. A request may be due at the very end. Requests that find no
// free connection are missed.
func (w *worker) finish(now time.Duration) {
	if w.setup.open && !w.stopped {
		w.issue()
	}
	w.sending = false
	if w.setup.open {
		w.tally.Missed = w.plan.Missed(min(now, w.tally.To) - w.tally.Began)
	}
}

// poll handles the available events, or the next ones until the given time, and
// returns their number. now may be slightly old.
func (w *worker) poll(now, until time.Duration) int {
	events := w.await(now, until)
	for i := range events {
		w.handle(&events[i])
	}
	return len(events)
}

// waited is longer than it takes to get events that are there already.
const waited = 20 * time.Microsecond

// await waits for events. With a Pacer, it records the earliest time at which they can
// have occurred: when the last events were taken or, if the worker had to wait, now. A
// connection that an event frees has been free since then, however late the worker
// handles the event.
func (w *worker) await(now, until time.Duration) []unix.EpollEvent {
	if !w.setup.open {
		return w.poller.waitUntil(w.events, now, until)
	}
	asked := w.setup.now()
	events := w.poller.wait(w.events, until-asked)
	w.came, w.looked = w.looked, w.setup.now()
	if w.looked-asked > waited {
		w.came = w.looked
	}
	return events
}

// lookAfter handles what has no event: timeouts, and connections to try again. Periodic
// checks of all connections cost less than a timer for each request. A timeout may be late
// by a twentieth.
func (w *worker) lookAfter(now time.Duration) {
	timeout := w.setup.Timeout
	w.check = now + min(max(timeout/20, time.Millisecond), time.Second/2)
	for i := range w.conns {
		switch c := &w.conns[i]; {
		case c.state == busy && now-c.Sent > timeout:
			w.fail(c, wire.TimedOut, now)
		case c.state == connecting && now-c.since > timeout:
			w.connectFailed(c, unix.ETIMEDOUT, now)
		case c.state == down && w.sending && now >= c.since:
			w.connect(c, now)
		case c.state == down && w.sending:
			w.check = min(w.check, c.since)
		}
	}
}

// abandon gives up the replies that did not come within the grace time. The server is not
// at fault, so they are no errors.
func (w *worker) abandon() {
	for i := range w.conns {
		switch c := &w.conns[i]; {
		case c.state == busy:
			w.busy--
			w.drop(c)
		case c.ended != nil:
			w.busy--
			w.connecting--
			w.drop(c)
		}
	}
}

// queue is a ring of free connections, the longest free one first, so that all are used.
// A connection is in it at most once.
type queue struct {
	ring        []int32
	first, size int
}

func (q *queue) reset(n int) {
	if len(q.ring) != n {
		q.ring = make([]int32, n)
	}
	q.first, q.size = 0, 0
}

func (q *queue) empty() bool { return q.size == 0 }

func (q *queue) push(i int32) {
	at := q.first + q.size
	if at >= len(q.ring) {
		at -= len(q.ring)
	}
	q.ring[at] = i
	q.size++
}

func (q *queue) pop() (i int32, ok bool) {
	if q.size == 0 {
		return 0, false
	}
	i = q.ring[q.first]
	if q.first++; q.first == len(q.ring) {
		q.first = 0
	}
	q.size--
	return i, true
}
