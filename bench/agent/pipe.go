package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/rpc"
	"net/rpc/jsonrpc"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/servers/control"
)

// Request is a call across a pipe: an argument, and a number by which it can be ended.
type Request[T any] struct {
	Call uint64
	Arg  T
}

// Reply is what a call across a pipe came to.
type Reply[T any] struct {
	Value T
	Fault *Fault // nil: none
}

// Fault is an error as it crosses a pipe.
type Fault struct {
	Text       string
	Lack       bool // see Lack
	NotOffered bool // it is control.ErrNotOffered
}

// faultOf is an error as it crosses.
func faultOf(err error) *Fault {
	if err == nil {
		return nil
	}
	if own := Lack(err); own != nil {
		return &Fault{Text: own.Error(), Lack: true}
	}
	return &Fault{Text: err.Error(), NotOffered: errors.Is(err, control.ErrNotOffered)}
}

func (f *Fault) err() error {
	switch {
	case f == nil:
		return nil
	case f.Lack:
		return lackError(f.Text)
	case f.NotOffered:
		return notOffered(f.Text)
	}
	return errors.New(f.Text)
}

// notOffered is control.ErrNotOffered as another process tells it.
type notOffered string

func (e notOffered) Error() string        { return string(e) }
func (e notOffered) Is(target error) bool { return target == control.ErrNotOffered }

// Serve lets the other end of a pipe use a host and a loader until it closes the pipe.
// Then it rests all loads and stops all candidates that are left.
func Serve(pipe io.ReadWriteCloser, h Host, l Loader) error {
	s := &service{host: h, loader: l, calls: make(map[uint64]context.CancelFunc), sessions: make(map[int]Session), started: make(map[ID]bool)}
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
	started  map[ID]bool
}

// leftGrace is how long candidates may take to stop whose user is gone.
const leftGrace = time.Second

func (s *service) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, cancel := range s.calls {
		cancel()
	}
	for _, session := range s.sessions {
		session.Rest()
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
}

// FigureArg names a figure of a candidate.
type FigureArg struct {
	ID   ID
	What string
}

// Figure tells one figure of a candidate, or of the machine.
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

// SeenText is a Seen as it crosses: its histograms in HdrHistogram's V2 form.
type SeenText struct {
	Seen  Seen
	Times map[string][]byte
}

// histograms are those of a Seen, by name.
func (s *Seen) histograms() map[string]**hdrhistogram.Histogram {
	return map[string]**hdrhistogram.Histogram{
		"response": &s.Response, "service": &s.Service, "send lag": &s.SendLag, "late": &s.Late, "first": &s.First,
	}
}

// text is s as it crosses.
func (s Seen) text() (t SeenText, err error) {
	t.Times = make(map[string][]byte)
	for name, h := range s.histograms() {
		if *h == nil {
			continue
		}
		if t.Times[name], err = (*h).Encode(hdrhistogram.V2CompressedEncodingCookieBase); err != nil {
			return t, fmt.Errorf("encode the times of %s: %w", name, err)
		}
		*h = nil
	}
	t.Seen = s
	return t, nil
}

// seen is t as it was before it crossed.
func (t SeenText) seen() (Seen, error) {
	s := t.Seen
	for name, h := range s.histograms() {
		text, ok := t.Times[name]
		if !ok {
			*h = nil
			continue
		}
		decoded, err := hdrhistogram.Decode(text)
		if err != nil {
			return s, fmt.Errorf("decode the times of %s: %w", name, err)
		}
		*h = decoded
	}
	return s, nil
}

// Pipe is a Host and a Loader at the other end of a pipe.
type Pipe struct {
	client *rpc.Client
	last   atomic.Uint64
}

// Dial uses what Serve offers at the other end of a pipe.
func Dial(pipe io.ReadWriteCloser) *Pipe { return &Pipe{client: jsonrpc.NewClient(pipe)} }

// Close ends the pipe.
func (p *Pipe) Close() error { return p.client.Close() }

// ask calls a method that can't fail but by the pipe, of which what it should have told is
// not known then.
func (p *Pipe) ask(method string, arg, reply any) error {
	return p.client.Call("Agent."+method, arg, reply)
}

// call calls a method that ends when ctx does.
func call[A, V any](ctx context.Context, p *Pipe, method string, arg A) (v V, err error) {
	q, r := Request[A]{p.last.Add(1), arg}, new(Reply[V])
	made := p.client.Go("Agent."+method, q, r, make(chan *rpc.Call, 1))
	select {
	case <-made.Done:
	case <-ctx.Done():
		_ = p.ask("Cancel", q.Call, new(struct{}))
		<-made.Done
		if made.Error == nil {
			return r.Value, ctx.Err()
		}
	}
	if made.Error != nil {
		return v, fmt.Errorf("%s at the other end of the pipe: %w", method, made.Error)
	}
	return r.Value, r.Fault.err()
}

// Start implements Host.
func (p *Pipe) Start(ctx context.Context, s Start) (Started, error) {
	return call[Start, Started](ctx, p, "Start", s)
}

// Stop implements Host.
func (p *Pipe) Stop(id ID, grace time.Duration) (ended Ended) {
	if err := p.ask("Stop", StopArg{id, grace}, &ended); err != nil {
		ended.How = fmt.Sprintf("not known: %v", err)
	}
	return ended
}

// Ask implements Host.
func (p *Pipe) Ask(ctx context.Context, id ID, verb control.Verb) (control.Ack, error) {
	return call[AskArg, control.Ack](ctx, p, "Ask", AskArg{id, verb})
}

// Ended implements Host.
func (p *Pipe) Ended(id ID, d time.Duration) error {
	var r Reply[bool]
	if err := p.ask("Ended", StopArg{id, d}, &r); err != nil {
		return fmt.Errorf("it is not known whether it runs: %w", err)
	}
	return r.Fault.err()
}

// CPU implements Host.
func (p *Pipe) CPU(ids []ID) (all []*int64) {
	if err := p.ask("CPU", ids, &all); err != nil || len(all) != len(ids) {
		return make([]*int64, len(ids))
	}
	return all
}

// figure asks for one figure.
func (p *Pipe) figure(id ID, what string) (f Figures) {
	if err := p.ask("Figure", FigureArg{id, what}, &f); err != nil {
		return Figures{Fault: faultOf(err)}
	}
	return f
}

// Memory implements Host.
func (p *Pipe) Memory(id ID) *float64 { return p.figure(id, "memory").Memory }

// Counters implements Host.
func (p *Pipe) Counters(id ID) map[string]uint64 { return p.figure(id, "counters").Counters }

// Runs implements Host.
func (p *Pipe) Runs(id ID) bool { return p.figure(id, "runs").Runs }

// Deed implements Host.
func (p *Pipe) Deed(id ID) string { return p.figure(id, "deed").Deed }

// Faithful implements Host.
func (p *Pipe) Faithful(id ID) (string, error) {
	f := p.figure(id, "faithful")
	return f.Deed, f.Fault.err()
}

// Steal implements Host.
func (p *Pipe) Steal() *int64 { return p.figure(0, "steal").Steal }

// Beside implements Host.
func (p *Pipe) Beside() *results.Host { return p.figure(0, "beside").Beside }

// Holds implements Loader.
func (p *Pipe) Holds(n, connections int) (holds bool) {
	return p.ask("Holds", HoldsArg{n, connections}, &holds) == nil && holds
}

// Open implements Loader.
func (p *Pipe) Open(o Offer) (Session, error) {
	var r Reply[int]
	if err := p.ask("Open", o, &r); err != nil {
		return nil, fmt.Errorf("open a load at the other end of the pipe: %w", err)
	}
	return &pipeSession{p, r.Value}, r.Fault.err()
}

// pipeSession is a Session at the other end.
type pipeSession struct {
	pipe   *Pipe
	number int
}

// Connect implements Session.
func (s *pipeSession) Connect(ctx context.Context, rate float64) error {
	_, err := call[Load, bool](ctx, s.pipe, "Connect", Load{Session: s.number, Rate: rate})
	return err
}

// Accompany implements Session.
func (s *pipeSession) Accompany(ctx context.Context) error {
	_, err := call[Load, bool](ctx, s.pipe, "Accompany", Load{Session: s.number})
	return err
}

// Slice implements Session.
func (s *pipeSession) Slice(ctx context.Context, w Window) (Seen, error) {
	text, err := call[Load, SeenText](ctx, s.pipe, "Slice", Load{Session: s.number, Window: w})
	if err != nil {
		return Seen{}, err
	}
	return text.seen()
}

// Rest implements Session.
func (s *pipeSession) Rest() { _ = s.pipe.ask("Rest", s.number, new(struct{})) }
