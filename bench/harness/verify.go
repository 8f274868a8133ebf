package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/benchctl/benchctl/apps/conform"
	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/bench/measure"
	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/control"
)

// Verification starts candidates to make the checks of the conformance gate.
type Verification struct {
	Benchctl string   // program that serves Go engines
	Guard    []string // command line of the guard
	Env      []string // NAME=VALUE, over the environment that every candidate gets
}

// Verify starts the candidate alone, with one worker, makes every check and stops
// it. An error says why it could not be checked; findings up to then are kept.
func (v Verification) Verify(ctx context.Context, c servers.Candidate) (findings []conform.Finding, err error) {
	dir, err := control.MakeTemp()
	if err != nil {
		return nil, fmt.Errorf("verify %s: %w", c.Name, err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	log := filepath.Join(dir, "server.log")
	p, address, err := c.Start(ctx, servers.Launch{Benchctl: v.Benchctl, Guard: v.Guard, Workers: 1, Dir: dir, Log: log, Env: v.Env})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.Stop(context.WithoutCancel(ctx), control.DefaultGrace).Left) }()
	first, err := firstCarried(c)
	if err != nil {
		return nil, err
	}
	if _, err := awaitReady(ctx, c, p, address, first, c.Server.ReadyTimeout()); err != nil {
		return nil, err
	}
	findings = conform.Server(ctx, conform.Target{Address: address, Carries: c.Server.Carries, Memory: measure.NewHeld(p.Guard, p.Group).Memory})
	select {
	case <-p.Done():
		err = fmt.Errorf("verify %s: %w", c.Name, p.Exit().Death())
		if tail := control.LogTail(log, 3); tail != "" {
			err = fmt.Errorf("%w; its log ends:\n%s", err, tail)
		}
	default:
	}
	return findings, errors.Join(err, context.Cause(ctx))
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
	_, err = awaitReady(ctx, c, p, address, first, c.Server.ReadyTimeout())
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
