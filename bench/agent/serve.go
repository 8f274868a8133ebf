package agent

import (
	"context"
	"fmt"
	"io"
	"net/rpc"
	"net/rpc/jsonrpc"
	"sync"
	"time"

	"github.com/benchctl/benchctl/bench/load/witness"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/servers/control"
)

// Serve lets the other end of a pipe use a host and a loader until it closes the pipe.
// Then it closes all loads and stops all remaining candidates.
func Serve(pipe io.ReadWriteCloser, h Host, l Loader) error {
	s := &service{
		host: h, loader: l, calls: make(map[uint64]context.CancelFunc), sessions: make(map[int]Session), watches: make(map[int]Watching), started: make(map[ID]bool),
	}
	s.alive, s.die = context.WithCancel(context.Background())
	server := rpc.NewServer()
	if err := server.RegisterName("Agent", s); err != nil {
		return fmt.Errorf("serve agents: %w", err)
	}
	server.ServeCodec(jsonrpc.NewServerCodec(pipe))
	s.end()
	return nil
}

// service is the end of a pipe where the work is done. Its methods are called by net/rpc.
type service struct {
	host   Host
	loader Loader

	mu       sync.Mutex
	calls    map[uint64]context.CancelFunc
	sessions map[int]Session
	watches  map[int]Watching
	watched  int // how many were begun
	started  map[ID]bool

	alive context.Context // until the pipe has ended
	die   context.CancelFunc
}

// leftGrace is how long remaining candidates may take to stop.
const leftGrace = time.Second

func (s *service) end() {
	s.die()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, cancel := range s.calls {
		cancel()
	}
	for _, session := range s.sessions {
		session.Rest()
	}
	for _, w := range s.watches {
		_, _ = w.End()
	}
	for id := range s.started {
		s.host.Stop(id, leftGrace)
	}
}

// begin is the context of a call, which Cancel ends.
func (s *service) begin(call uint64) (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	s.mu.Lock()
	s.calls[call] = cancel
	s.mu.Unlock()
	return ctx, func() {
		cancel()
		s.mu.Lock()
		delete(s.calls, call)
		s.mu.Unlock()
	}
}

// Cancel ends a call.
func (s *service) Cancel(call uint64, _ *struct{}) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cancel, ok := s.calls[call]; ok {
		cancel()
	}
	return nil
}

// Start is Host.Start.
func (s *service) Start(q Request[Start], r *Reply[Started]) error {
	ctx, done := s.begin(q.Call)
	defer done()
	started, err := s.host.Start(ctx, q.Arg)
	if started.ID != 0 {
		s.mu.Lock()
		s.started[started.ID] = true
		s.mu.Unlock()
	}
	r.Value, r.Fault = started, faultOf(err)
	return nil
}

// StopArg is what Host.Stop takes.
type StopArg struct {
	ID    ID
	Grace time.Duration
}

// Stop is Host.Stop.
func (s *service) Stop(a StopArg, r *Ended) error {
	*r = s.host.Stop(a.ID, a.Grace)
	s.mu.Lock()
	delete(s.started, a.ID)
	s.mu.Unlock()
	return nil
}

// AskArg is what Host.Ask takes.
type AskArg struct {
	ID   ID
	Verb control.Verb
}

// Ask is Host.Ask.
func (s *service) Ask(q Request[AskArg], r *Reply[control.Ack]) (err error) {
	ctx, done := s.begin(q.Call)
	defer done()
	r.Value, err = s.host.Ask(ctx, q.Arg.ID, q.Arg.Verb)
	r.Fault = faultOf(err)
	return nil
}

// HarmArg is what Host.Harm takes.
type HarmArg struct {
	ID    ID
	Fault string
	Gave  []int
}

// Harm is Host.Harm.
func (s *service) Harm(a HarmArg, r *Reply[Harmed]) (err error) {
	r.Value, err = s.host.Harm(a.ID, a.Fault, a.Gave)
	r.Fault = faultOf(err)
	return nil
}

// Requests is Host.Requests.
func (s *service) Requests(id ID, r *Reply[witness.IDs]) (err error) {
	r.Value, err = s.host.Requests(id)
	r.Fault = faultOf(err)
	return nil
}

// Ended is Host.Ended; Grace is how long it waits.
func (s *service) Ended(a StopArg, r *Reply[bool]) error {
	r.Fault = faultOf(s.host.Ended(a.ID, a.Grace))
	return nil
}

// CPU is Host.CPU.
func (s *service) CPU(ids []ID, r *[]*int64) error { *r = s.host.CPU(ids); return nil }

// Figures are those of one candidate that are asked for together by name.
type Figures struct {
	Memory   *float64
	Counters map[string]uint64
	Runs     bool
	Deed     string
	Fault    *Fault
	Steal    *int64
	Beside   *results.Host
	Holdings *results.Holdings
}

// FigureArg names a figure of a candidate.
type FigureArg struct {
	ID   ID
	What string
}

// Figure returns one figure of a candidate, or of the machine.
func (s *service) Figure(a FigureArg, r *Figures) (err error) {
	switch a.What {
	case "memory":
		r.Memory = s.host.Memory(a.ID)
	case "counters":
		r.Counters = s.host.Counters(a.ID)
	case "runs":
		r.Runs = s.host.Runs(a.ID)
	case "deed":
		r.Deed = s.host.Deed(a.ID)
	case "faithful":
		r.Deed, err = s.host.Faithful(a.ID)
		r.Fault = faultOf(err)
	case "holdings":
		r.Holdings = s.host.Holdings(a.ID)
	case "steal":
		r.Steal = s.host.Steal()
	case "beside":
		r.Beside = s.host.Beside()
	default:
		return fmt.Errorf("there is no figure %q", a.What)
	}
	return nil
}

// HoldsArg is what Loader.Holds takes.
type HoldsArg struct{ N, Connections int }

// Holds is Loader.Holds.
func (s *service) Holds(a HoldsArg, r *bool) error {
	*r = s.loader.Holds(a.N, a.Connections)
	return nil
}

// Open is Loader.Open; the reply is the number of the session.
func (s *service) Open(o Offer, r *Reply[int]) error {
	session, err := s.loader.Open(o)
	if r.Fault = faultOf(err); err != nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r.Value = len(s.sessions) + 1
	s.sessions[r.Value] = session
	return nil
}

// session is the one with a number.
func (s *service) session(n int) (Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	session, ok := s.sessions[n]
	if !ok {
		return nil, fmt.Errorf("there is no session %d", n)
	}
	return session, nil
}

// Load is a call of a Session.
type Load struct {
	Session int
	Rate    float64
	Window  Window
}

// Connect is Session.Connect.
func (s *service) Connect(q Request[Load], r *Reply[bool]) error {
	session, err := s.session(q.Arg.Session)
	if err != nil {
		return err
	}
	ctx, done := s.begin(q.Call)
	defer done()
	r.Fault = faultOf(session.Connect(ctx, q.Arg.Rate))
	return nil
}

// Accompany is Session.Accompany.
func (s *service) Accompany(q Request[Load], r *Reply[bool]) error {
	session, err := s.session(q.Arg.Session)
	if err != nil {
		return err
	}
	ctx, done := s.begin(q.Call)
	defer done()
	r.Fault = faultOf(session.Accompany(ctx))
	return nil
}

// Rest is Session.Rest.
func (s *service) Rest(n int, _ *struct{}) error {
	session, err := s.session(n)
	if err == nil {
		session.Rest()
	}
	return err
}

// Slice is Session.Slice.
func (s *service) Slice(q Request[Load], r *Reply[SeenText]) error {
	session, err := s.session(q.Arg.Session)
	if err != nil {
		return err
	}
	ctx, done := s.begin(q.Call)
	defer done()
	seen, err := session.Slice(ctx, q.Arg.Window)
	r.Fault = faultOf(err)
	if r.Value, err = seen.text(); err != nil {
		return err
	}
	return nil
}

// Watch is Loader.Watch; the reply is the number of the load.
func (s *service) Watch(q Request[Offer], r *Reply[int]) error {
	w, err := s.loader.Watch(s.alive, q.Arg) // it goes on after the call
	if r.Fault = faultOf(err); err != nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watched++
	r.Value = s.watched
	s.watches[r.Value] = w
	return nil
}

func (s *service) watch(n int) (Watching, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w, ok := s.watches[n]
	if !ok {
		return nil, fmt.Errorf("there is no load %d", n)
	}
	return w, nil
}

// WatchGave is Watching.Gave.
func (s *service) WatchGave(n int, r *[]int) error {
	w, err := s.watch(n)
	if err == nil {
		*r = w.Gave()
	}
	return err
}

// WaitArg is what Watching.Wait takes.
type WaitArg struct {
	Watch int
	For   time.Duration
}

// WatchWait is Watching.Wait.
func (s *service) WatchWait(q Request[WaitArg], r *Reply[bool]) error {
	w, err := s.watch(q.Arg.Watch)
	if err != nil {
		return err
	}
	ctx, done := s.begin(q.Call)
	defer done()
	r.Fault = faultOf(w.Wait(ctx, q.Arg.For))
	return nil
}

// WatchEnd is Watching.End.
func (s *service) WatchEnd(n int, r *Reply[Witnessed]) error {
	w, err := s.watch(n)
	if err != nil {
		return err
	}
	r.Value, err = w.End()
	r.Fault = faultOf(err)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.watches, n)
	return nil
}
