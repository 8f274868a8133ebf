package agent

import (
	"context"
	"fmt"
	"io"
	"net/rpc"
	"net/rpc/jsonrpc"
	"sync/atomic"
	"time"

	"github.com/benchctl/benchctl/bench/load/witness"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/servers/control"
)

// Pipe is a Host and a Loader at the other end of a pipe.
type Pipe struct {
	client *rpc.Client
	last   atomic.Uint64
}

// Dial uses what Serve offers at the other end of a pipe.
func Dial(pipe io.ReadWriteCloser) *Pipe { return &Pipe{client: jsonrpc.NewClient(pipe)} }

// Close ends the pipe.
func (p *Pipe) Close() error { return p.client.Close() }

// ask calls a method that can only fail by the pipe. Its result is unknown then.
func (p *Pipe) ask(method string, arg, reply any) error {
	return p.client.Call("Agent."+method, arg, reply)
}

// call calls a method that is cancelled when ctx ends.
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

// Harm implements Host.
func (p *Pipe) Harm(id ID, fault string, gave []int) (Harmed, error) {
	var r Reply[Harmed]
	if err := p.ask("Harm", HarmArg{id, fault, gave}, &r); err != nil {
		return Harmed{}, fmt.Errorf("%s at the other end of the pipe: %w", fault, err)
	}
	return r.Value, r.Fault.err()
}

// Requests implements Host.
func (p *Pipe) Requests(id ID) (witness.IDs, error) {
	var r Reply[witness.IDs]
	if err := p.ask("Requests", id, &r); err != nil {
		return nil, fmt.Errorf("read ids at the other end of the pipe: %w", err)
	}
	return r.Value, r.Fault.err()
}

// Holdings implements Host.
func (p *Pipe) Holdings(id ID) *results.Holdings { return p.figure(id, "holdings").Holdings }

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

// Watch implements Loader.
func (p *Pipe) Watch(ctx context.Context, o Offer) (Watching, error) {
	asked := time.Now()
	n, err := call[Offer, int](ctx, p, "Watch", o)
	if err != nil {
		return nil, err
	}
	return &pipeWatch{p, n, asked.Add(time.Since(asked) / 2)}, nil // about when it began
}

// pipeWatch is a Watching at the other end. Its clock is that of this end, which goes on
// when the load has ended.
type pipeWatch struct {
	pipe   *Pipe
	number int
	begun  time.Time
}

// Now implements Watching.
func (w *pipeWatch) Now() time.Duration { return time.Since(w.begun) }

// Gave implements Watching.
func (w *pipeWatch) Gave() (pids []int) {
	if w.pipe.ask("WatchGave", w.number, &pids) != nil {
		return nil
	}
	return pids
}

// Wait implements Watching.
func (w *pipeWatch) Wait(ctx context.Context, d time.Duration) error {
	_, err := call[WaitArg, bool](ctx, w.pipe, "WatchWait", WaitArg{w.number, d})
	return err
}

// End implements Watching.
func (w *pipeWatch) End() (Witnessed, error) {
	var r Reply[Witnessed]
	if err := w.pipe.ask("WatchEnd", w.number, &r); err != nil {
		return Witnessed{}, fmt.Errorf("end a load at the other end of the pipe: %w", err)
	}
	return r.Value, r.Fault.err()
}
