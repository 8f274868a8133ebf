package harness

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/benchctl/benchctl/apps/conform"
	"github.com/benchctl/benchctl/apps/stacked"
	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/bench/agent"
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

// Verify starts the candidate alone, with one worker, makes every check and stops it. A
// candidate that no longer answers after a check is started again. An error is why it
// could not be checked; earlier findings are kept.
func (v Verification) Verify(ctx context.Context, c servers.Candidate) (findings []conform.Finding, err error) {
	err = v.subject(c).meet(ctx, func(t conform.Target) { findings = conform.Server(ctx, t) })
	return findings, err
}

// All verifies the candidates of a choice, so many at a time, and tells of each row once it
// is known, but not of those that are skipped or not begun when ctx ends. An error is of a candidate
// that was named and can't run here.
func (v Verification) All(ctx context.Context, choice servers.Choice, jobs int, tell func(conform.Row)) (conform.Matrix, error) {
	m := conform.NewMatrix(slices.ContainsFunc(choice.Candidates, speaksHTTP2))
	var err error
	m.Candidates, err = servers.Rows(ctx, choice, jobs, absent, func(c servers.Candidate) conform.Row { return v.row(ctx, c) }, tell)
	return m, err
}

func absent(c servers.Candidate, why string) conform.Row {
	return conform.AbsentRow(c.Name, c.Server.Class, why)
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

// speaksHTTP2 reports whether a candidate's load does.
func speaksHTTP2(c servers.Candidate) bool { return c.Server.Protocol == servers.H2C }

// subject is the candidate that is verified, on a host, and what of it runs.
type subject struct {
	host      agent.Host
	candidate servers.Candidate
	lint      string   // file for broken duties, see agent.Start
	logs      string   // directory of its output
	id        agent.ID // 0: nothing runs
}

func (v Verification) subject(c servers.Candidate) *subject {
	return &subject{candidate: c, host: agent.NewHost(agent.Setup{Candidates: []servers.Candidate{c}, Benchctl: v.Benchctl, Guard: v.Guard, Env: v.Env, User: v.User})}
}

// meet starts the candidate, has checks made of it, and stops it. An error is why it could not be
// started, how it died, or what is left of it.
func (s *subject) meet(ctx context.Context, check func(conform.Target)) (err error) {
	defer func() { err = errors.Join(err, s.stop(control.DefaultGrace)) }()
	target, err := s.start(ctx)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return err
	}
	check(target)
	return errors.Join(context.Cause(ctx), s.died())
}

func (s *subject) start(ctx context.Context) (conform.Target, error) {
	var none conform.Target
	first, err := firstCarried(s.candidate)
	if err != nil {
		return none, err
	}
	if s.logs, err = control.MakeTemp(); err != nil {
		return none, fmt.Errorf("verify %s: %w", s.candidate.Name, err)
	}
	started, err := s.host.Start(ctx, agent.Start{Candidate: s.candidate.Name, App: stacked.App{Name: first.String()}, Workers: 1, Lint: s.lint, Log: filepath.Join(s.logs, "server.log")})
	s.id = started.ID
	if err != nil {
		return none, err
	}
	return conform.Target{
		Address: started.Address,
		Carries: s.candidate.Carries,
		Memory:  s.memory,
		Restart: s.restart,
		HTTP2:   speaksHTTP2(s.candidate),
	}, nil
}

// memory is that of the candidate, in MiB.
func (s *subject) memory() (float64, error) {
	if mib := s.host.Memory(s.id); mib != nil {
		return *mib, nil
	}
	return 0, errors.New("the system does not tell")
}

// stuckGrace is how long a candidate that does not answer may take to stop.
const stuckGrace = time.Second

func (s *subject) restart(ctx context.Context) (conform.Target, error) {
	if err := s.stop(stuckGrace); err != nil {
		return conform.Target{}, err
	}
	return s.start(ctx)
}

// stop ends the candidate and removes its output. An error tells what is left.
func (s *subject) stop(grace time.Duration) (err error) {
	if s.id != 0 {
		if left := s.host.Stop(s.id, grace).Left; left != "" {
			err = errors.New(left)
		}
		s.id = 0
	}
	return errors.Join(err, os.RemoveAll(s.logs))
}

// died tells how the candidate ended, if it did.
func (s *subject) died() error {
	if s.id == 0 { // it was not started again, which a finding tells
		return nil
	}
	if death := s.host.Ended(s.id, 0); death != nil {
		return fmt.Errorf("verify %s: %w", s.candidate.Name, death)
	}
	return nil
}

// Await waits until the candidate at address answers correctly, app if that is mounted alone,
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

// AwaitStack is Await of a candidate that serves a stack, of which any reply will do: what is right its
// apps decide.
func AwaitStack(ctx context.Context, c servers.Candidate, p *control.Process, address string) error {
	_, err := p.Ready(ctx, address, c.Server.ReadyTimeout(), func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/", nil)
		if err != nil {
			return err
		}
		req.Close = true
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			return err
		}
		return res.Body.Close()
	})
	return err
}

// firstCarried is the first app of the suite that the candidate carries.
func firstCarried(c servers.Candidate) (suite.Instance, error) {
	for _, name := range suite.Names() {
		if c.Carries(name) {
			return suite.Parse(name)
		}
	}
	return suite.Instance{}, fmt.Errorf("verify %s: it carries no app", c.Name)
}
