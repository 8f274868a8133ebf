package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/benchctl/benchctl/apps/conform"
	"github.com/benchctl/benchctl/apps/duties"
	"github.com/benchctl/benchctl/bench/harness"
	"github.com/benchctl/benchctl/bench/measure"
	"github.com/benchctl/benchctl/report/text"
	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/audit"
	"github.com/benchctl/benchctl/servers/control"
)

type verifyFlags struct {
	servers, serverDirs, env []string

	runAs           string
	jobs            int
	json, exchanges bool
	processControl  bool
	lint            bool
}

func verifyCommand(e env) *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use: "verify", Short: "Check that servers conform to HTTP and serve the test apps unchanged",
		Long: `Start each candidate alone and check it over the wire by the rules of the conformance
gate. In a run, a failed check of level gate makes the cells of the apps that it
concerns invalid. Other failures are only reported. Checks over HTTP/2 (h2-...) apply
to candidates whose load speaks HTTP/2.

With --process-control, check instead how each server behaves as a process: as a
daemon, with a pidfile, when it gives up root's rights, on inherited sockets. Each
server is started with its own options for these. To check how it gives up rights,
benchctl must run as root. What a server does not offer is not a failure.

With --lint, send the same requests to each Go engine, with its test apps within a layer
that holds each call against the duties of the app contract, and report which duties were
broken, by the server or by an app, and how often. Servers of manifests do not carry apps
by the contract. Nothing is measured so.

The exit code is 1 if a check of level gate fails, or a duty is broken that is not declared.`,
		Example: `  benchctl verify --servers fasthttp
  benchctl verify --servers wsgi --exchanges
  benchctl verify --servers all --json
  benchctl verify --process-control --servers nginx,gunicorn-sync
  benchctl verify --lint --servers go`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return e.verify(cmd.Context(), f) },
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	fs.StringSliceVar(&f.servers, "servers", []string{"all"}, "candidates, see benchctl list servers")
	fs.StringArrayVar(&f.serverDirs, "server-dir", nil, "directory with manifests of further servers; may be repeated")
	fs.StringArrayVar(&f.env, "env", nil, envUsage)
	fs.StringVar(&f.runAs, "run-as", "", runAsUsage)
	fs.IntVar(&f.jobs, "jobs", runtime.NumCPU(), "how many candidates are checked at a time")
	fs.BoolVar(&f.processControl, "process-control", false, "check daemons, pidfiles, users and inherited sockets instead")
	fs.BoolVar(&f.lint, "lint", false, "find who breaks duties of the app contract instead, a Go engine or an app")
	fs.BoolVar(&f.exchanges, "exchanges", false, "print the bytes of failed checks")
	fs.BoolVar(&f.json, "json", false, "print JSON")
	return cmd
}

func (e env) verify(ctx context.Context, f verifyFlags) error {
	if f.jobs < 1 {
		return usage(fmt.Errorf("verify: --jobs %d: less than 1", f.jobs))
	}
	if err := control.CheckEnv(f.env); err != nil {
		return usage(fmt.Errorf("verify: --env: %w", err))
	}
	switch {
	case f.processControl && f.lint:
		return usage(errors.New("verify: --lint and --process-control each make other checks: give one of them"))
	case f.processControl && f.exchanges:
		return usage(errors.New("verify: --exchanges: the checks of --process-control send no bytes to print"))
	case f.lint && f.exchanges:
		return usage(errors.New("verify: --exchanges: --lint finds faults in calls, of which there are no bytes to print"))
	}
	user, err := e.runAs("verify", f.runAs)
	if err != nil {
		return err
	}
	choice, err := servers.Find(f.serverDirs, f.servers)
	if err != nil {
		return failed(err)
	}
	for _, c := range choice.Candidates {
		e.tellRoot(c, user)
	}
	e.warnOf(measure.Leftovers())
	v := harness.Verification{Benchctl: e.executable, Guard: []string{e.executable, guardCommand}, Env: f.env, User: user}
	switch {
	case f.processControl:
		return e.audit(ctx, choice, user, f)
	case f.lint:
		return e.findBreaches(ctx, v, choice, f)
	}
	m, err := v.All(ctx, choice, f.jobs, func(row conform.Row) { e.say("%s: %s", row.Candidate, row) })
	if err != nil {
		return unable(err)
	}
	return e.verified(ctx, f, m, m.Failed(), func() error { return text.Matrix(e.stdout, m, f.exchanges) })
}

// audit checks process control.
func (e env) audit(ctx context.Context, choice servers.Choice, user *control.User, f verifyFlags) error {
	a := audit.Audit{Benchctl: e.executable, Guard: []string{e.executable, guardCommand}, Stage: []string{e.executable, stageCommand}, Env: f.env, User: user}
	m, err := a.All(ctx, choice, f.jobs, func(row audit.Row) { e.say("%s: %s", row.Candidate, row) })
	if err != nil {
		return unable(err)
	}
	return e.verified(ctx, f, m, m.Failed(), func() error { return text.ProcessControl(e.stdout, m) })
}

// findBreaches finds which duties of the app contract are broken.
func (e env) findBreaches(ctx context.Context, v harness.Verification, choice servers.Choice, f verifyFlags) error {
	m, err := v.AllDuties(ctx, choice, f.jobs, func(row duties.Row) { e.say("%s: %s", row.Candidate, row) })
	if err != nil {
		return unable(err)
	}
	return e.verified(ctx, f, m, m.Failed(), func() error { return text.Duties(e.stdout, m) })
}

// verified prints a matrix, as JSON or as text, and tells by its failure what was found.
func (e env) verified(ctx context.Context, f verifyFlags, matrix any, found bool, asText func() error) error {
	var err error
	if f.json {
		err = e.printJSON(matrix)
	} else {
		err = unable(asText())
	}
	switch {
	case err != nil:
		return err
	case ctx.Err() != nil:
		return interrupted("verify", nil)
	case found:
		return &failure{code: exitFound}
	}
	return nil
}
