// Package vegeta is the engine Vegeta: the library's Attacker, with its targets, pacers and
// results.
package vegeta

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/load/dial"
	"github.com/benchctl/benchctl/bench/load/tally"
	"github.com/benchctl/benchctl/bench/load/wire"
)

// attack is the session of the engine Vegeta: the library's Attacker over a client that
// lives as long as the session and so keeps its connections. Each slice has a new
// Attacker.
//
// Framing is checked by net/http, which is less strict than Raw: bytes after a reply go
// unnoticed. The replaced connections include those that net/http itself gave up. It does so
// if it has not learned within 50 ms after the reply that the request was written, as on a
// busy machine.
type attack struct {
	load.Config
	requests []wire.Request
	targets  []vegeta.Target // as they are taken, over and over; those of the i-th have #i in the URL
	dialer   *dial.Dialer
	witness  *witness
	client   *http.Client
	base     time.Time // zero of the session's clock
	open     bool      // requests are sent at intended times
}

// Open opens a session with all its connections. It fails when the server does not take
// them. C is complete and checked.
func Open(ctx context.Context, c load.Config) (load.Session, error) {
	requests, err := wire.Encode(c)
	if err != nil {
		return nil, err
	}
	targets, err := marked(c)
	if err != nil {
		return nil, err
	}
	turns, err := wire.Order(c.Targets)
	if err != nil {
		return nil, err
	}
	d := dial.New(c.Address, c.Timeout)
	if err := d.Fill(ctx, opened(c)); err != nil {
		d.Cut()
		return nil, fmt.Errorf("open %d connections: %w", c.Connections, err)
	}
	w := newWitness(c, requests, d)
	return &attack{
		Config: c, requests: requests, targets: pick(targets, turns), dialer: d, witness: w,
		client: &http.Client{
			Transport: w,
			Timeout:   c.Timeout,
			// A redirect counts as a reply; it is not followed.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		base: time.Now(), open: c.Paced(),
	}, nil
}

// Check refuses what the engine does not offer.
func Check(c load.Config) error {
	switch {
	case c.Requests > 0:
		return fmt.Errorf("engine %s does not offer a number of requests per connection", load.Vegeta)
	case c.Pipeline > 1:
		return fmt.Errorf("engine %s does not offer pipelining", load.Vegeta)
	case c.FirstByte:
		return fmt.Errorf("engine %s does not offer the time to the first byte of a body", load.Vegeta)
	}
	return nil
}

// opened is how many connections are opened in advance: HTTP/2 has one for all.
func opened(c load.Config) int {
	if c.H2C {
		return 1
	}
	return c.Connections
}

// marked converts the targets for vegeta. A Result has the URL but not the target, so the
// fragment of the URL, which is never sent, has the index of the target.
func marked(c load.Config) ([]vegeta.Target, error) {
	targets := make([]vegeta.Target, len(c.Targets))
	for i := range c.Targets {
		t := &c.Targets[i]
		r, err := wire.NewRequest(c.Address, t)
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
	a.dialer.Cut()
	return nil
}

func (a *attack) Slice(ctx context.Context, w load.Window) (*load.Result, error) {
	alarm, err := newAlarm(ctx)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", a.Address, err)
	}
	defer alarm.close()
	a.dialer.Restore()
	a.witness.reset()
	ended := tally.Watch(ctx, func() time.Duration { return time.Since(a.base) })
	stop := a.dialer.CutAfter(ctx, load.Grace)

	n := uint64(a.Connections)
	attacker := vegeta.NewAttacker(vegeta.Client(a.client), vegeta.Workers(n), vegeta.MaxWorkers(n))
	if w.Pacer != nil {
		a.Pacer = w.Pacer
	}
	p := a.newPacer(ctx, alarm, w)
	s := &scorer{attack: a, pacer: p, tally: tally.New(a.open, false)}
	for r := range attacker.Attack(a.targeter(p), p, 0, "") {
		s.score(r)
	}
	stop()

	// The connections that ended since the last slice, without those that ended with a
	// request. The transport opens new ones on demand.
	closes := a.dialer.Closed()
	closes -= min(closes, s.broken)
	if a.Config.Close {
		s.tally.Reopened = closes
	} else {
		s.tally.Reconnects = closes
	}
	s.tally.Repeated = a.witness.repeats()
	end := ended(p.span.To)
	if a.open {
		s.tally.Missed = p.plan.Missed(end - p.span.Began)
	}
	return tally.Result(p.span, end, []*tally.Tally{s.tally}), ctx.Err()
}

// targeter hands out the targets in turn. When the pacer has stopped, it refuses the
// request that the Attacker had prepared without a worker.
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

// pick is the elements of all at the given indices.
func pick[T any](all []T, indices []int) []T {
	picked := make([]T, len(indices))
	for n, i := range indices {
		picked[n] = all[i]
	}
	return picked
}
