package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/benchctl/benchctl/apps/conform"
	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/bench/agent"
	"github.com/benchctl/benchctl/bench/measure"
	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/control"
)

// Verification starts candidates to make the checks of the conformance gate.
type Verification struct {
	Benchctl string        // program that serves Go engines
	Guard    []string      // command line of the guard
	Env      []string      // NAME=VALUE, over the environment that every candidate gets
	User     *control.User // that candidates run as; nil: this process's own
}

// Verify starts the candidate alone, with one worker, makes every check and stops
// it. One that answers nobody any more after a check is started anew. An error says
// why it could not be checked; findings up to then are kept.
func (v Verification) Verify(ctx context.Context, c servers.Candidate) (findings []conform.Finding, err error) {
	s := subject{Verification: v, candidate: c}
	defer func() { err = errors.Join(err, s.stop(ctx, control.DefaultGrace)) }()
	target, err := s.start(ctx)
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, err
	}
	findings = conform.Server(ctx, target)
	return findings, errors.Join(context.Cause(ctx), s.died())
}

// All verifies the candidates of a choice, so many at a time, and tells of each row once it
// is known, but not of those that are skipped or, as ctx has ended, not begun. An error is
// of a candidate that was named and can't run here.
func (v Verification) All(ctx context.Context, choice servers.Choice, jobs int, tell func(conform.Row)) (conform.Matrix, error) {
	skipped, err := choice.Skipped(ctx)
	if err != nil {
		return conform.Matrix{}, err
	}
	m := conform.NewMatrix(len(choice.Candidates), slices.ContainsFunc(choice.Candidates, speaksHTTP2))
	var wait sync.WaitGroup
	var telling sync.Mutex
	slots := make(chan struct{}, jobs)
	for i, c := range choice.Candidates {
		switch {
		case skipped[i] != "":
			m.Candidates[i] = conform.AbsentRow(c.Name, c.Server.Class, skipped[i])
			continue
		case ctx.Err() != nil:
			m.Candidates[i] = conform.NewRow(c.Name, "", c.Server.Class, speaksHTTP2(c), nil, context.Cause(ctx))
			continue
		}
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			m.Candidates[i] = v.row(ctx, c)
			telling.Lock()
			defer telling.Unlock()
			tell(m.Candidates[i])
		})
	}
	wait.Wait()
	return m, nil
}

func (v Verification) row(ctx context.Context, c servers.Candidate) conform.Row {
	version, _ := c.Server.Version(ctx) // the gate does not depend on it
	var findings []conform.Finding
	err := context.Cause(ctx)
	if err == nil {
		findings, err = v.Verify(ctx, c)
	}
	return conform.NewRow(c.Name, version, c.Server.Class, speaksHTTP2(c), findings, err)
}

// speaksHTTP2 tells whether a candidate's load does.
func speaksHTTP2(c servers.Candidate) bool { return c.Server.Protocol == servers.H2C }

// subject is the candidate that is verified, and the process of it that runs.
type subject struct {
	Verification
	candidate servers.Candidate
	dir       string // of the process
	process   *control.Process
}

func (s *subject) start(ctx context.Context) (conform.Target, error) {
	var none conform.Target
	var err error
	if s.dir, err = control.MakeTemp(); err != nil {
		return none, fmt.Errorf("verify %s: %w", s.candidate.Name, err)
	}
	p, address, err := s.candidate.Start(ctx, servers.Launch{Benchctl: s.Benchctl, Guard: s.Guard, Workers: 1, Dir: s.dir, Log: filepath.Join(s.dir, "server.log"), Env: s.Env, User: s.User})
	if err != nil {
		return none, err
	}
	s.process = p
	if err := Await(ctx, s.candidate, p, address, ""); err != nil {
		return none, err
	}
	return conform.Target{
		Address: address,
		Carries: s.candidate.Server.Carries,
		Memory:  measure.NewHeld(p.Guard, p.Group).Memory,
		Restart: s.restart,
		HTTP2:   speaksHTTP2(s.candidate),
	}, nil
}

// stuckGrace is how long a candidate may take to stop that answers nobody.
const stuckGrace = time.Second

func (s *subject) restart(ctx context.Context) (conform.Target, error) {
	if err := s.stop(ctx, stuckGrace); err != nil {
		return conform.Target{}, err
	}
	return s.start(ctx)
}

// stop ends the process and removes its directory. An error tells what is left.
func (s *subject) stop(ctx context.Context, grace time.Duration) (err error) {
	if s.process != nil {
		err = s.process.Stop(context.WithoutCancel(ctx), grace).Left
		s.process = nil
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

// died tells how the process ended, if it did.
func (s *subject) died() error {
	if s.process == nil { // it was not started anew, which a finding tells
		return nil
	}
	select {
	case <-s.process.Done():
	default:
		return nil
	}
	return fmt.Errorf("verify %s: %w", s.candidate.Name, s.process.Death())
}

// Await waits until the candidate at address answers rightly, app if that is mounted alone,
// and whoever listens there is it.
func Await(ctx context.Context, c servers.Candidate, p *control.Process, address, app string) error {
	first, err := firstCarried(c)
	if app != "" {
		first, err = suite.Parse(app)
	}
	if err != nil {
		return err
	}
	_, err = agent.Await(ctx, p, address, first, c.Server.ReadyTimeout())
	return err
}

// firstCarried is the first app of the suite that the candidate carries.
func firstCarried(c servers.Candidate) (suite.Instance, error) {
	for _, name := range suite.Names() {
		if c.Server.Carries(name) {
			return suite.Parse(name)
		}
	}
	return suite.Instance{}, fmt.Errorf("verify %s: it carries no app", c.Name)
}
