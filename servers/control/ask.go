package control

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// Errors of Ask.
var (
	// ErrNotOffered is that the server declares no such verb. Nothing was sent to it.
	ErrNotOffered = errors.New("not offered by this server")
	// ErrEnded is that the candidate has ended.
	ErrEnded = errors.New("has ended")
)

// Ack is what was done for a verb.
type Ack struct {
	Verb Verb
	// PID is the main process, which the signal was sent to, or the process of the
	// command.
	PID        int
	Generation int // of the main process then, from 1
	// Sent is when the signal was sent, or the command started, and Ended when that
	// ended, zero for a signal. Both are by the clock of events.
	Sent, Ended time.Time
	Code        int // exit code of the command, -1 if it was ended by a signal
}

// Ask sends a verb to the running candidate and waits until that is done: until its signal
// was sent, or its command has ended. What the candidate does for it, and how long that
// takes, shows elsewhere. The error is ErrNotOffered or ErrEnded, the cause of ctx, or says
// what failed, with the end of a command's output; the Ack is as far as it is known. If ctx ends, what was asked goes on.
//
// It waits for Patience.Guard at most, and for a command Patience.Command longer. Many may
// ask at once. Verbs are begun in the order in which they are asked; commands run side by side.
func (p *Process) Ask(ctx context.Context, v Verb) (Ack, error) {
	ack, err := p.ask(ctx, v)
	if err != nil {
		err = fmt.Errorf("%s %s: %w", v, p.name, err)
	}
	return ack, err
}

func (p *Process) ask(ctx context.Context, v Verb) (Ack, error) {
	action, offered := p.verbs[v]
	if !offered {
		return Ack{}, ErrNotOffered
	}
	if ctx.Err() != nil {
		return Ack{}, context.Cause(ctx)
	}
	most := p.patience.Guard
	if action.Signal == 0 {
		most += p.patience.Command
	}
	id, answered := p.asks.add()
	defer p.asks.remove(id)
	unanswered := fmt.Errorf("its guard did not answer within %v", most)
	if err := p.tell(p.patience.Guard, ask{ID: id, Verb: v}); errors.Is(err, os.ErrDeadlineExceeded) {
		return Ack{}, unanswered
	} // a guard that can't be told otherwise is gone, of which done tells
	timer := time.NewTimer(most)
	defer timer.Stop()
	var err error
	select {
	case r := <-answered:
		return r.answer()
	case <-p.done:
		err = fmt.Errorf("%w: %s", ErrEnded, p.exit)
	case <-ctx.Done():
		err = context.Cause(ctx)
	case <-timer.C:
		err = unanswered
	}
	select {
	case r := <-answered: // at the last moment
		return r.answer()
	default:
		return Ack{}, err
	}
}

// answer is what an answered report says.
func (r report) answer() (Ack, error) {
	ack := Ack{Verb: r.Verb, PID: r.PID, Generation: r.Generation, Code: r.Code}
	if r.Sent != 0 {
		ack.Sent = time.Unix(0, r.Sent)
	}
	if r.Ended != 0 {
		ack.Ended = time.Unix(0, r.Ended)
	}
	switch r.Outcome {
	case outcomeDone:
		return ack, nil
	case outcomeRefused:
		return ack, ErrNotOffered
	case outcomeEnded:
		return ack, ErrEnded
	}
	return ack, errors.New(r.Error)
}

// asks are those that wait for an answer, by number.
type asks struct {
	mu      sync.Mutex
	last    uint64
	waiting map[uint64]chan report
}

// add gives out a number, and where its answer will come.
func (a *asks) add() (uint64, <-chan report) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.waiting == nil {
		a.waiting = make(map[uint64]chan report)
	}
	a.last++
	answered := make(chan report, 1)
	a.waiting[a.last] = answered
	return a.last, answered
}

// remove forgets one that waits no longer.
func (a *asks) remove(id uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.waiting, id)
}

// answer hands an answer to who waits for it. A second one is nobody's.
func (a *asks) answer(r report) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if answered, ok := a.waiting[r.ID]; ok {
		answered <- r
		delete(a.waiting, r.ID)
	}
}
