package harness

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/benchctl/benchctl/apps/conform"
	"github.com/benchctl/benchctl/apps/duties"
	"github.com/benchctl/benchctl/apps/stack/lint"
	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/control"
)

// AllDuties finds for each candidate of a choice which duties of the app contract it or its apps
// break. It goes on as All does.
func (v Verification) AllDuties(ctx context.Context, choice servers.Choice, jobs int, tell func(duties.Row)) (duties.Matrix, error) {
	m := duties.Matrix{Schema: duties.MatrixSchema}
	var err error
	m.Candidates, err = servers.Rows(ctx, choice, jobs, func(c servers.Candidate, why string) duties.Row {
		return duties.UncheckedRow(c.Name, c.Server.Class, conform.Absent, why)
	}, func(c servers.Candidate) duties.Row { return v.dutiesRow(ctx, c) }, tell)
	return m, err
}

func (v Verification) dutiesRow(ctx context.Context, c servers.Candidate) duties.Row {
	if !c.Contract() {
		return duties.UncheckedRow(c.Name, c.Server.Class, duties.NotInGo, "it does not carry apps by the contract of package apps")
	}
	version, _ := c.Server.Version(ctx) // no duty depends on it
	var breaches []lint.Breach
	err := context.Cause(ctx)
	if err == nil {
		breaches, err = v.Breaches(ctx, c)
	}
	return duties.NewRow(c.Name, version, c.Server.Class, breaches, known(c.Server), err)
}

// known are the duties that a server and the test apps are declared to break.
func known(s servers.Server) (all []duties.Deviation) {
	for _, d := range s.Deviations {
		all = append(all, duties.Deviation{Deviation: d, By: lint.Server})
	}
	for _, app := range suite.All() {
		for _, d := range app.Deviations {
			all = append(all, duties.Deviation{Deviation: d, By: lint.App, Path: "/" + app.Name})
		}
	}
	return all
}

// Breaches starts a Go engine alone, with its apps within the layer of package lint, sends it the
// requests of the conformance gate, and stops it. It returns the breaches that the layer found. What
// the gate found does not matter here. An error is why the engine could not be checked; breaches until then are kept.
func (v Verification) Breaches(ctx context.Context, c servers.Candidate) (found []lint.Breach, err error) {
	dir, err := control.MakeTemp()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := c.RunsAs(v.User).Own(dir); err != nil {
		return nil, err
	}
	record := filepath.Join(dir, "breaches")
	s := v.subject(c)
	s.lint = record
	err = s.meet(ctx, func(t conform.Target) { conform.Server(ctx, t) })
	file, opened := os.Open(record)
	if errors.Is(opened, os.ErrNotExist) { // the engine did not come that far
		return nil, err
	}
	if opened != nil {
		return nil, errors.Join(err, opened)
	}
	defer file.Close()
	found, read := lint.Recorded(file)
	return found, errors.Join(err, read)
}
