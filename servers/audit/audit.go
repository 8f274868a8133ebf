package audit

import (
	"context"
	"fmt"
	"os"
	"os/user"
	"slices"
	"strconv"
	"time"

	"github.com/benchctl/benchctl/apps/conform"
	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/control"
	"github.com/benchctl/benchctl/servers/control/proc"
)

// patience bounds each wait for what a server is to do: some try again for long to bind a
// port that is taken.
const patience = 30 * time.Second

// Audit starts candidates to check them.
type Audit struct {
	Benchctl string        // program that serves Go engines
	Guard    []string      // command line of the guard
	Stage    []string      // command line of RunStage, before what that starts
	Env      []string      // NAME=VALUE, over the environment that every candidate gets
	User     *control.User // that candidates run as; nil: this process's own
}

// All checks the candidates of a choice, so many at a time, and tells of each row once it is
// known. An error is of a candidate that was named and can't run here.
func (a Audit) All(ctx context.Context, choice servers.Choice, jobs int, tell func(Row)) (Matrix, error) {
	if _, err := proc.Tree(os.Getpid()); err != nil {
		return Matrix{}, fmt.Errorf("verify --process-control: %w", err)
	}
	m := Matrix{Schema: MatrixSchema, Rules: Rules()}
	var err error
	m.Candidates, err = servers.Rows(ctx, choice, jobs, absent, func(c servers.Candidate) Row { return a.Row(ctx, c) }, tell)
	return m, err
}

func absent(c servers.Candidate, why string) Row {
	return Row{Candidate: c.Name, Class: c.Server.Class, State: conform.Absent, Reason: why, Offers: []Offered{}, Findings: []Finding{}}
}

// Row checks one candidate. What could not be removed of it makes the row broken.
func (a Audit) Row(ctx context.Context, c servers.Candidate) Row {
	version, _ := c.Server.Version(ctx) // no rule depends on it
	r := Row{Candidate: c.Name, Version: version, Class: c.Server.Class, State: conform.Verified, Offers: []Offered{}}
	subject := subject{audit: a, candidate: c, sheet: sheet{offers: c.Facilities(), findings: map[string]Finding{}}}
	for _, f := range control.Facilities {
		if o, offered := subject.offers[f]; offered {
			r.Offers = append(r.Offers, Offered{f, o.Promise, o.Source})
		}
	}
	err := subject.check(ctx)
	r.Findings = subject.all()
	r.Gate = !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Outcome == Failed && rule(f.Rule).Level == conform.Gate })
	if err != nil {
		r.State, r.Reason, r.Gate = conform.Broken, err.Error(), false
	}
	return r
}

// subject is a candidate that is checked.
type subject struct {
	audit     Audit
	candidate servers.Candidate
	sheet
	left []error // what could not be removed
}

// offered tells whether the candidate has facilities.
func (s *subject) offered(all ...control.Facility) bool {
	for _, f := range all {
		if _, is := s.offers[f]; !is {
			return false
		}
	}
	return true
}

// runsAs is the user that the candidate is started as, where root's rights are not what is
// checked. Go engines are started as this process's own: it may be the only one who can
// execute their program.
func (s *subject) runsAs() *control.User {
	if s.candidate.Server.Manifest == nil {
		return nil
	}
	return s.candidate.RunsAs(s.audit.User)
}

// target is whom a server that root starts is to become, with the name of the group.
func (s *subject) target() (u *control.User, group string, err error) {
	if u = s.audit.User; u == nil {
		if u, _, err = control.RunAs(control.Unprivileged); err != nil || u == nil {
			return nil, "", fmt.Errorf("there is no user %s to become: %w", control.Unprivileged, err)
		}
	}
	g, err := user.LookupGroupId(strconv.Itoa(int(u.GID)))
	if err != nil {
		return nil, "", err
	}
	return u, g.Name, nil
}
