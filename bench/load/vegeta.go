package load

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/benchctl/benchctl/apps/http1"
)

// attack is the session of the engine Vegeta: the library's Attacker over a
// client that lives as long as the session and so keeps its connections. An
// Attacker is good for one slice.
//
// Framing is checked as strictly as net/http does, which is less than Raw does:
// bytes after a reply go unnoticed. Among the connections that had to be replaced are those
// that net/http gave up by itself: it does where it has not learned 50 ms after the reply
// that the request was written, as on a machine that is busy.
type attack struct {
	Config
	requests []request
	targets  []vegeta.Target // as they are taken, over and over; those of the i-th have #i in the URL
	dialer   *dialer
	witness  *witness
	client   *http.Client
	base     time.Time // zero of the session's clock
	open     bool      // requests are sent at intended times
}

func openVegeta(ctx context.Context, c Config) (Session, error) {
	requests, err := encode(c)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", c.Address, err)
	}
	targets, err := marked(c)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", c.Address, err)
	}
	turns, err := order(c.Targets)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", c.Address, err)
	}
	d := newDialer(c)
	if err := d.fill(ctx, opened(c)); err != nil {
		d.cut()
		return nil, fmt.Errorf("load %s: open %d connections: %w", c.Address, c.Connections, err)
	}
	w := newWitness(c, requests, d)
	return &attack{
		Config: c, requests: requests, targets: pick(targets, turns), dialer: d, witness: w,
		client: &http.Client{
			Transport: w,
			Timeout:   c.Timeout,
			// A redirect is a reply like any other.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		base: time.Now(), open: !closedLoop(c.Pacer),
	}, nil
}

// opened is how many connections are opened in advance: HTTP/2 has one for all.
func opened(c Config) int {
	if c.H2C {
		return 1
	}
	return c.Connections
}

// marked is the targets as vegeta takes them. A Result has the URL but not the
// target, so the URL's fragment, which is never sent, tells which one it is.
func marked(c Config) ([]vegeta.Target, error) {
	targets := make([]vegeta.Target, len(c.Targets))
	for i := range c.Targets {
		t := &c.Targets[i]
		r, err := newRequest(c.Address, &t.Target)
		if err != nil {
			return nil, err
		}
		r.URL.Fragment = strconv.Itoa(i)
		targets[i] = vegeta.Target{Method: t.Method, URL: r.URL.String(), Body: t.Body, Header: r.Header}
		if r.Host != r.URL.Host {
			targets[i].Header.Set("Host", r.Host)
		}
	}
	return targets, nil
}

func (a *attack) Close() error {
	a.witness.transport.CloseIdleConnections()
	a.dialer.cut()
	return nil
}

func (a *attack) Slice(ctx context.Context, w Window) (*Result, error) {
	alarm, err := newAlarm(ctx)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", a.Address, err)
	}
	defer alarm.close()
	a.dialer.restore()
	a.witness.reset()
	ended := watch(ctx, func() time.Duration { return time.Since(a.base) })
	stop := afterEnd(ctx, grace, a.dialer.cut)

	n := uint64(a.Connections)
	attacker := vegeta.NewAttacker(vegeta.Client(a.client), vegeta.Workers(n), vegeta.MaxWorkers(n))
	if w.Pacer != nil {
		a.Pacer = w.Pacer
	}
	p := a.newPacer(ctx, alarm, w)
	s := &scorer{attack: a, pacer: p, tally: newTally(a.open, false)}
	for r := range attacker.Attack(a.targeter(p), p, 0, "") {
		s.score(r)
	}
	stop()

	// Those that ended since the last slice, without those that ended with a
	// request. The transport opens others as it needs them.
	closes := a.dialer.closes.Swap(0)
	closes -= min(closes, s.broken)
	if a.Config.Close {
		s.tally.reopened = closes
	} else {
		s.tally.reconnects = closes
	}
	s.tally.repeated = a.witness.repeats()
	end := ended(p.span.to)
	if a.open {
		s.tally.missed = p.plan.missed(end - p.span.began)
	}
	return result(p.span, end, []*tally{s.tally}), ctx.Err()
}

// targeter takes the targets in turn. It refuses the request that the Attacker
// had ready, but no worker for, when the pacer stopped.
func (a *attack) targeter(p *pacer) vegeta.Targeter {
	var next atomic.Uint64
	return func(t *vegeta.Target) error {
		if p.ended(time.Since(p.base)) {
			return errOver
		}
		*t = a.targets[(next.Add(1)-1)%uint64(len(a.targets))]
		return nil
	}
}

// errOver ends an attack; no request was sent.
var errOver = errors.New("slice over")

// pacer tells the Attacker when to send, and remembers when it was to. It does
// the waiting itself: the Attacker's own sleep is coarse and not to be woken.
type pacer struct {
	base   time.Time
	alarm  *alarm
	done   <-chan struct{}
	config Config
	window Window
	span   span // known from the first call on

	mu       sync.Mutex
	plan     schedule
	intended []time.Duration // by sequence number; empty in a closed loop
}

func (a *attack) newPacer(ctx context.Context, alarm *alarm, w Window) *pacer {
	p := &pacer{base: a.base, alarm: alarm, done: ctx.Done(), config: a.Config, window: w, span: span{open: a.open}}
	if a.open {
		p.plan = newSchedule(a.Pacer, w.Lead+w.Span, 0, 1)
	}
	return p
}

func (p *pacer) Rate(time.Duration) float64 { return 0 }

func (p *pacer) Pace(elapsed time.Duration, hits uint64) (wait time.Duration, stop bool) {
	now := time.Since(p.base)
	if hits == 0 {
		p.span = newSpan(now-elapsed, time.Now().Add(-elapsed), p.window, p.config, p.span.open)
	}
	return 0, p.ended(now) || p.span.open && (now >= p.span.to || !p.waitForNext())
}

// ended tells whether no more requests are to be sent. With a schedule, the
// last one is due at the very end.
func (p *pacer) ended(now time.Duration) bool {
	select {
	case <-p.done:
		return true
	default:
		return !p.span.open && now >= p.span.to
	}
}

// waitForNext waits until the next request is due, or returns false when it must
// not be sent.
func (p *pacer) waitForNext() bool {
	at, more := p.plan.peek()
	if !more {
		// Nothing is left to send, but the window lasts.
		p.alarm.sleep(p.span.to - time.Since(p.base))
		return false
	}
	at += p.span.began
	if !p.alarm.sleep(at - time.Since(p.base)) {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.intended = append(p.intended, at)
	p.plan.advance()
	return true
}

// intendedAt is when the request seq was to be sent; sent, in a closed loop.
func (p *pacer) intendedAt(seq uint64, sent time.Duration) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if seq < uint64(len(p.intended)) {
		return p.intended[seq]
	}
	return sent
}

// scorer judges the results of one attack.
type scorer struct {
	*attack
	*pacer
	tally  *tally
	broken uint64 // connections lost with a request on them
}

func (s *scorer) score(r *vegeta.Result) {
	i, _ := strconv.Atoi(r.URL[strings.LastIndexByte(r.URL, '#')+1:])
	sent := r.Timestamp.Sub(s.attack.base)
	x := &exchange{request: &s.requests[i], sent: sent, intended: s.intendedAt(r.Seq, sent)}
	x.ready = x.intended
	s.tally.start(s.span)
	if r.Error == errOver.Error() {
		return
	}
	if r.Code == 0 {
		s.lost(x, r)
		return
	}
	s.tally.sent++
	x.reply.Status, x.reply.Size = int16(r.Code), int64(len(r.Body))
	if x.request.judged {
		if unix, ok := http1.ParseDate([]byte(r.Headers.Get("Date"))); ok {
			x.reply.Date = unix
		}
	}
	if at, ok := s.witness.first(r.Seq); ok {
		x.first = at.Sub(s.attack.base)
	}
	x.compare(0, r.Body)
	s.tally.reply(x, sent+r.Latency)
}

// lost counts a request without a whole reply. One that was cut off is no
// error, and one that found no connection was not sent.
func (s *scorer) lost(x *exchange, r *vegeta.Result) {
	f := s.witness.fault(r)
	if f.Kind != ErrConnect && f.Kind != ErrLoader {
		s.tally.sent++
		s.broken++
	}
	if !s.dialer.isCut.Load() {
		s.tally.lost(x, f, x.sent+r.Latency)
	}
}
