package agent

import (
	"context"
	"errors"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/load/company"
	"github.com/benchctl/benchctl/bench/load/engine"
	"github.com/benchctl/benchctl/bench/load/pace"
	"github.com/benchctl/benchctl/bench/measure"
	"github.com/benchctl/benchctl/scenarios"
	"github.com/benchctl/benchctl/scenarios/offered"
	"github.com/benchctl/benchctl/servers/control"
)

// LocalLoader is this process.
type LocalLoader struct {
	conditions measure.Conditions
	polls      bool // it may poll

	mu      sync.Mutex      // sessions may be used side by side
	wait    measure.Waiting // of all its threads
	traffic traffic         // of the latest app
}

// NewLoader makes this process a Loader, pinned to its processors.
func NewLoader(s Setup) (*LocalLoader, error) {
	if err := control.PinSelf(s.LoaderCPUs); err != nil {
		return nil, err
	}
	l := &LocalLoader{conditions: measure.ReadConditions()}
	l.polls = mayPoll(s, l.conditions)
	return l, nil
}

// PollFor is how long the load generator polls before it sleeps. Waking it cost servers
// about 1 µs of CPU time, a tenth of a request of light ones (docs/measurements.md). At
// most one wake-up in this time costs no more than 1 %.
const PollFor = 100 * time.Microsecond

// mayPoll reports whether the load generator always has whole cores of its own. Otherwise
// polling would take CPU time from the servers.
func mayPoll(s Setup, conditions measure.Conditions) bool {
	apart := len(s.ServerCPUs) > 0 && len(s.LoaderCPUs) > 0 && !overlap(s.LoaderCPUs, s.ServerCPUs)
	return apart && !conditions.Limited() && !control.ShareCore(os.DirFS("/"), s.LoaderCPUs, s.ServerCPUs)
}

// PollBeside is how long a load generator polls before it sleeps, beside a server of this
// machine that benchctl has not started: 0, not at all, unless every thread of the processes
// that listen at address is bound to cores other than this process's.
func PollBeside(address string) time.Duration {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return 0
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return 0
	}
	theirs, own := control.ListenerCPUs(n), control.Allowed()
	if len(theirs) == 0 || len(own) == 0 || overlap(theirs, own) || control.ShareCore(os.DirFS("/"), own, theirs) || measure.ReadConditions().Limited() {
		return 0
	}
	return PollFor
}

// Holds implements Loader.
func (l *LocalLoader) Holds(n, connections int) bool { return l.conditions.Holds(n, connections) }

// Open implements Loader.
func (l *LocalLoader) Open(o Offer) (Session, error) {
	app, err := o.App.Instance()
	if err != nil {
		return nil, err
	}
	return &localSession{loader: l, offer: o, app: app}, nil
}

// localSession is a load of this process.
type localSession struct {
	loader  *LocalLoader
	offer   Offer
	app     suite.Instance
	session load.Session     // nil: not open
	company *company.Company // nil: there is none
}

// targets are the app's requests to the server.
func (s *localSession) targets() []load.Target {
	s.loader.mu.Lock()
	defer s.loader.mu.Unlock()
	return s.loader.traffic.of(s.offer.App.Identity(), s.app, s.offer.Seed).at(s.offer.Address)
}

// Connect implements Session.
func (s *localSession) Connect(ctx context.Context, rate float64) (err error) {
	if s.session != nil {
		return nil
	}
	c := load.Config{Address: s.offer.Address, Targets: s.targets(), Load: s.offer.Load, H2C: s.offer.HTTP2}
	if s.loader.polls && !s.accompanied() { // which needs the processors
		c.Poll = PollFor
	}
	if rate > 0 {
		c.Pacer = pace.Constant(rate)
	}
	if s.session, err = engine.Open(ctx, c); err != nil {
		s.session = nil
	}
	return err
}

func (s *localSession) accompanied() bool { return s.offer.Load.Company != scenarios.Company{} }

// Accompany implements Session.
func (s *localSession) Accompany(ctx context.Context) (err error) {
	if s.company != nil || !s.accompanied() {
		return nil
	}
	if s.company, err = company.Open(ctx, s.offer.Address, s.offer.Load.Company, s.targets()[0]); err != nil {
		s.company = nil
	}
	return err
}

// Slice implements Session.
func (s *localSession) Slice(ctx context.Context, w Window) (Seen, error) {
	if s.session == nil {
		return Seen{}, errors.New("the load has no connections")
	}
	if s.company != nil {
		s.company.Begin()
		defer s.company.End()
	}
	before := s.loader.usage()
	res, err := s.session.Slice(ctx, s.paced(w))
	if res == nil {
		return Seen{}, err
	}
	after := s.loader.usage()
	seen := Seen{Result: *res, CPU: measure.Between(before.cpu, after.cpu), Wait: measure.Between(before.wait, after.wait), Runs: after.runs - before.runs}
	if seen.CPU != nil {
		*seen.CPU = max(0, *seen.CPU-res.Polled.Nanoseconds())
	}
	if s.company != nil {
		seen.IdleKept = s.company.Idle()
	}
	return seen, err
}

// usage is what the load generator has used so far.
type usage struct {
	cpu, wait *int64 // ns
	runs      uint64
}

func (l *LocalLoader) usage() (u usage) {
	l.mu.Lock()
	defer l.mu.Unlock()
	u.wait = measure.Known(func() (waited time.Duration, err error) {
		waited, u.runs, err = l.wait.Read()
		return waited, err
	})
	u.cpu = measure.Known(measure.SelfCPU)
	return u
}

// paced is the window with the arrivals that the load asks for. A seed has one schedule at
// a rate.
func (s *localSession) paced(w Window) load.Window {
	of, l := load.Window{Lead: w.Lead, Span: w.Span, Parts: w.Parts}, s.offer.Load
	poisson := l.Arrivals == offered.Poisson
	switch {
	case w.Rate == 0: // a closed loop
	case l.Ramp != [2]float64{} || len(l.Steps) > 0:
		v := varying(l, of)
		if of.Pacer = v; poisson {
			of.Pacer = v.Poisson(w.Arrivals)
		}
	case poisson:
		of.Pacer = pace.Poisson(w.Rate, w.Arrivals)
	default:
		of.Pacer = pace.Constant(w.Rate)
	}
	return of
}

func varying(l scenarios.Load, w load.Window) pace.Varying {
	if len(l.Steps) > 0 {
		return pace.Steps(l.Steps, w)
	}
	return pace.Ramp(l.Ramp[0], l.Ramp[1], w)
}

// Rest implements Session.
func (s *localSession) Rest() {
	if s.session != nil {
		_ = s.session.Close()
		s.session = nil
	}
	if s.company != nil {
		s.company.Close()
		s.company = nil
	}
}

func overlap(a, b []int) bool {
	return slices.ContainsFunc(a, func(n int) bool { return slices.Contains(b, n) })
}

func joined(texts []string) string { return strings.Join(texts, "; ") }

// lackError is what the load generator lacks, as reported by another process.
type lackError string

func (e lackError) Error() string { return string(e) }

// Lack is the error of the load generator, or its machine, that lacked a resource; nil if err
// has another cause. A lack is not a fault of a candidate.
func Lack(err error) error {
	var told lackError
	if errors.As(err, &told) {
		return told
	}
	return load.Lack(err)
}
