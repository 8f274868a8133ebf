package control

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/benchctl/benchctl/servers/control/proc"
)

// Done is closed when the candidate has ended and all its processes are reaped, or
// given up.
func (p *Process) Done() <-chan struct{} { return p.done }

// Exit tells how the candidate ended. It may be called once Done is closed.
func (p *Process) Exit() Exit { return p.exit }

// Death is the error of a candidate that ended without being asked to, with the end of its
// log. It may be called once Done is closed.
func (p *Process) Death() error { return p.failure(p.exit.Death()) }

// Stop asks the candidate to stop gracefully, waits at most grace, and then kills
// everything that is left. A generation that begins meanwhile is asked too. It returns
// when all of it is reaped, or given up.
func (p *Process) Stop(ctx context.Context, grace time.Duration) Exit {
	outside := p.outside()
	limited, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	stopped, failed := p.askToStop(limited)
	p.Kill()
	exit := p.exit
	exit.Killed = !stopped
	if exit.Guard == nil { // it held nothing any longer otherwise
		exit.Unasked, exit.Outside = failed, outside
	}
	return exit
}

// askToStop tells whether the candidate ended before ctx did, and if it did not what was
// wrong with asking it.
func (p *Process) askToStop(ctx context.Context) (stopped bool, failed error) {
	for {
		asked := p.main.Load().Generation
		ack, err := p.Ask(ctx, StopGraceful)
		if !errors.Is(err, ErrEnded) && (ctx.Err() == nil || !errors.Is(err, context.Cause(ctx))) {
			failed = err
		}
		if err == nil {
			asked = ack.Generation
		}
		for p.main.Load().Generation == asked {
			select {
			case <-p.done:
				return true, nil
			case <-ctx.Done():
				return false, failed
			case <-p.began: // or it did before
			}
		}
	}
}

// Kill ends the candidate and everything it started at once.
func (p *Process) Kill() {
	p.orders.Close() // the guard kills at the end of the pipe
	_ = p.events.SetReadDeadline(time.Now().Add(p.patience.Guard))
	<-p.done
}

// wait owns the end of the process: it is the only one that writes exit.
func (p *Process) wait(first report, told reports) {
	defer close(p.done)
	p.observe(first.event())
	last, err := p.follow(told)
	switch {
	case err == nil:
		p.exit = Exit{Code: last.Code, Signal: syscall.Signal(last.Signal), Escaped: last.Escaped}
	case errors.Is(err, os.ErrDeadlineExceeded):
		p.exit = Exit{Code: -1, Guard: silent(p.patience.Guard)}
	case errors.Is(err, errMalformed):
		p.exit = Exit{Code: -1, Guard: err}
	default:
		p.exit = Exit{Code: -1, Guard: p.fate()}
	}
	p.exit.Left = p.clear(p.exit.Guard == nil && !last.Left)
	if err != nil {
		last = report{Kind: EventExited, At: time.Now().UnixNano(), Code: -1}
	}
	end := last.event()
	end.Err = p.exit.Guard
	p.observe(end)
}

// follow hears what the guard tells, until the candidate has ended.
func (p *Process) follow(told reports) (report, error) {
	for {
		r, err := told.next()
		if err != nil || r.Kind == EventExited {
			return r, err
		}
		if r.Kind == EventGeneration {
			p.lead(r)
			select {
			case p.began <- struct{}{}:
			default: // it has not been seen that another did
			}
		}
		p.observe(r.event())
		if r.Kind == EventAnswered {
			p.asks.answer(r)
		}
	}
}

// silent is the error of a guard that told nothing in time.
func silent(patience time.Duration) error {
	return fmt.Errorf("its guard did not answer within %v and was killed", patience)
}

// fate is the error of a guard that has let go of its pipes.
func (p *Process) fate() error {
	if !within(p.ended, p.patience.Death) {
		return errors.New("its guard failed")
	}
	if status, ok := p.guard.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return fmt.Errorf("its guard was killed (%s)", p.guard.ProcessState)
	}
	return fmt.Errorf("its guard failed (%s)", p.guard.ProcessState)
}

// clear removes the guard and what it did not. A guard that is done has left nothing but
// itself. The error says what can't be removed.
func (p *Process) clear(done bool) error {
	defer release()
	defer p.events.Close()
	t := traces{group: p.Group, mark: p.mark}
	if main := p.main.Load(); main != nil {
		t.roots, t.job = append(t.roots, main.PID), main.Job
	}
	if !p.endGuard(done) {
		t.roots, done = append(t.roots, p.Guard), false
	}
	var left []string
	if !done {
		_, pids := t.sweep(reapEach, p.patience.Death)
		for _, pid := range pids {
			left = append(left, "left running: "+proc.Describe(pid))
		}
		p.reapJob()
	}
	if err := p.endGroup(); err != nil {
		left = append(left, err.Error())
	}
	if len(left) == 0 {
		return nil
	}
	return errors.New(strings.Join(left, "; "))
}

// endGuard waits for the guard to end if it is done, and kills it if it is not, or does
// not end. It tells whether it ended.
func (p *Process) endGuard(done bool) bool {
	if done && within(p.ended, p.patience.Guard) {
		return true
	}
	_ = p.guard.Process.Kill() // a stopped one too
	return within(p.ended, p.patience.Death)
}

// within waits until c is closed, at most so long, and tells whether it is.
func within(c <-chan struct{}, most time.Duration) bool {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-c:
		return true
	case <-timer.C:
		return false
	}
}

// reapEach waits for those of some processes that are this one's children and have ended:
// what a killed guard had. Others of its children have somebody who waits for them.
func reapEach(pids []int) {
	for _, pid := range pids {
		_, _ = syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
	}
}

// reapJob is reapEach of those that died with the guard, and were not killed any more.
func (p *Process) reapJob() {
	if main := p.main.Load(); main != nil {
		job, _ := proc.Job(main.Job)
		reapEach(job)
	}
}

// endGroup removes the candidate's control group: what a killed guard left. Of a guard
// that did not tell of one it is looked for.
func (p *Process) endGroup() error {
	if p.main.Load() != nil {
		return p.Group.End()
	}
	var failed []error
	for _, home := range proc.Homes(os.DirFS("/")) {
		failed = append(failed, proc.Group(filepath.Join("/", home.Dir, p.mark.GroupName())).End())
	}
	return errors.Join(failed...)
}
